"""A command is the same one however it is sent: typed or in a file, with the account named or not."""

from tests.cli.running import lines
from tests.cli.user import User


def test_a_merge_typed_and_the_same_in_a_file_is_done_once(user: User) -> None:
    user.contact("1")
    user.contact("2")
    merge = user.merge("1", "2", "--command-id", "m", "--reason", "one person")
    same = {
        "type": "merge_records", "command_id": "m", "object_type": "contacts", "primary_id": "1", "secondary_id": "2",
        "reason": "for another reason", "actor": "somebody else",
    }  # fmt: skip
    [outcome] = user.run("apply", "-", "-o", "jsonl", stdin=lines(same)).lines
    assert (outcome["status"], outcome.get("repeated")) == ("applied", True)
    assert outcome["merge_id"] == merge["merge_id"]
