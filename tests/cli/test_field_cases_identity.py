"""Tests: what people who merge records reported elsewhere: stages, unique values, other systems, guards, repeats.

Each input in `tests/field-cases` is applied to an empty ledger as it is.
"""

from pathlib import Path
from typing import Any

from tests.cli.user import Shown, User, decision

CASES = Path(__file__).parents[1] / "field-cases"


def applied(user: User, name: str) -> list[Shown]:
    """Apply a case's input; the outcomes in its order."""
    outcomes: list[Shown] = user.run("apply", "-", "-o", "jsonl", stdin=(CASES / f"{name}.jsonl").read_bytes()).lines
    return outcomes


def told(outcomes: list[Shown]) -> list[Any]:
    """Name what became of each command: its status, or the code of a refusal."""
    return [one.get("code", one["status"]) for one in outcomes]


def codes(answer: Shown) -> list[str]:
    """List the codes of an answer's warnings."""
    return [one["code"] for one in answer.get("warnings", ())]


# -- lifecycle-writing


def test_field_case_lifecycle_writing_a_stage_is_stored_as_the_account_writes_it(user: User) -> None:
    outcomes = applied(user, "lifecycle-writing")
    assert told(outcomes) == ["applied"] * 6
    assert [codes(one) for one in outcomes] == [[]] * 6
    assert [user.properties(one)["lifecyclestage"] for one in ("ab", "cd")] == ["customer", "customer"]
    written = {
        one["value"] for one in user.json("history", "contacts", "cd", "--property", "lifecyclestage")["results"]
    }
    assert written == {"customer", "lead"}
    user.contact("e", lifecyclestage="Marketing Qualified Lead")
    assert user.properties("e")["lifecyclestage"] == "marketingqualifiedlead"


def test_field_case_lifecycle_writing_an_unknown_stage_is_kept_and_warned_of(user: User) -> None:
    properties = {"lifecyclestage": "Klant"}
    created = user.apply(
        {"type": "create_record", "object_type": "contacts", "record_id": "a", "properties": properties}
    )
    assert codes(created[0]) == ["UNKNOWN_STAGE"]
    assert "Klant" not in str(created)
    user.contact("b", lifecyclestage="subscriber")
    assert codes(user.json("preview", "contacts", "a", "b")) == ["UNKNOWN_STAGE"]
    ran = user.run("merge", "contacts", "a", "b", "--yes", "--command-id", "m-1", "-o", "json")
    assert decision(ran.json, "lifecyclestage")["value"] == "subscriber"
    assert "warning: UNKNOWN_STAGE" in ran.err
    assert codes(user.json("outcomes", "show", "m-1")) == ["UNKNOWN_STAGE"]
