"""Layer: tests. What comes from a source and the source's bookmark are one commit, on every store."""

import pytest

from domain.intake.reading import Unreadable
from domain.language.commands import AnyCommand, Envelope
from domain.language.commands import CreateRecord as Create
from ledger.ledger import Ledger
from ledger.store.port import Bookmark, BookmarkMoved, Move

SOURCE = "merge.commands.v1/0"
UNREAD = Unreadable("INVALID_JSON", "not JSON: trailing characters (byte 3)", "c-9").from_source("main", SOURCE, 1)


def create(number: int) -> Envelope:
    command: AnyCommand = Create(command_id=f"c-{number}", object_type="contacts", record_id=str(number))
    return Envelope(command)


def test_nothing_was_read_at_first(ledger: Ledger) -> None:
    assert ledger.bookmark(SOURCE) is None


def test_commands_and_the_bookmark_are_one_commit(ledger: Ledger) -> None:
    outcomes = ledger.take([create(1), create(2)], Move(SOURCE, None, 2, "topic-a"))
    assert [outcome.status for outcome in outcomes] == ["applied", "applied"]
    assert ledger.bookmark(SOURCE) == Bookmark(2, "topic-a")


def test_what_cannot_be_read_has_its_outcome_in_its_place(ledger: Ledger) -> None:
    outcomes = ledger.take([create(1), UNREAD, create(2)], Move(SOURCE, None, 3))
    assert [outcome.status for outcome in outcomes] == ["applied", "unreadable", "applied"]
    assert (outcomes[1].command_id, outcomes[1].code) == ("c-9", "INVALID_JSON")
    assert outcomes[1].details == {"source": SOURCE, "offset": 1}
    (stored,) = ledger.stream(f"main/unreadable/{SOURCE}/1")
    assert ledger.end_of_command(stored.position) == stored.position
    assert ledger.stream("main/commands/c-9") == []


@pytest.mark.parametrize("move", [Move(SOURCE, None, 9), Move(SOURCE, 1, 9), Move(SOURCE, 2, 9, "topic-b")])
def test_who_is_late_stores_nothing(ledger: Ledger, move: Move) -> None:
    ledger.take([create(1), create(2)], Move(SOURCE, None, 2, "topic-a"))
    head = ledger.head()
    with pytest.raises(BookmarkMoved, match=SOURCE):
        ledger.take([create(3)], move)
    assert (ledger.head(), ledger.bookmark(SOURCE)) == (head, Bookmark(2, "topic-a"))


def test_the_bookmark_moves_over_commands_that_were_done_already(ledger: Ledger) -> None:
    ledger.execute([create(1)])
    head = ledger.head()
    (outcome,) = ledger.take([create(1)], Move(SOURCE, None, 1))
    assert outcome.repeated
    assert (ledger.head(), ledger.bookmark(SOURCE)) == (head, Bookmark(1))


def test_a_bookmark_moves_without_commands_too(ledger: Ledger) -> None:
    ledger.move(Move("publish", None, 5))
    ledger.move(Move("publish", 5, 7))
    assert ledger.bookmark("publish") == Bookmark(7)
    with pytest.raises(BookmarkMoved):
        ledger.move(Move("publish", 5, 8))


def test_a_bookmark_goes_over_to_another_thing_of_its_name(ledger: Ledger) -> None:
    ledger.move(Move(SOURCE, None, 5, "topic-a"))
    with pytest.raises(BookmarkMoved):
        ledger.move(Move(SOURCE, 5, 0, "topic-b", was_of="topic-c"))
    ledger.move(Move(SOURCE, 5, 0, "topic-b", was_of="topic-a"))
    assert ledger.bookmark(SOURCE) == Bookmark(0, "topic-b")


def test_a_place_that_could_not_be_read_may_be_another_one_later(ledger: Ledger) -> None:
    ledger.take([UNREAD], Move(SOURCE, None, 2, "topic-a"))
    ledger.move(Move(SOURCE, 2, 0, "topic-b", was_of="topic-a"))
    ledger.take([UNREAD, create(1)], Move(SOURCE, 0, 2, "topic-b"))
    assert [one.version for one in ledger.stream(f"main/unreadable/{SOURCE}/1")] == [1, 2]


def test_a_lease_has_one_holder_until_it_ends(ledger: Ledger) -> None:
    assert ledger.lease("publish", "one", 3600)
    assert ledger.lease("publish", "one", 3600)
    assert not ledger.lease("publish", "other", 3600)
    assert ledger.lease("project", "other", 3600)


def test_a_lease_that_was_let_go_or_ran_out_is_anyones(ledger: Ledger) -> None:
    assert ledger.lease("publish", "one", 3600)
    ledger.let_go("publish", "other")
    assert not ledger.lease("publish", "other", 3600)
    ledger.let_go("publish", "one")
    assert ledger.lease("publish", "other", 0)
    assert ledger.lease("publish", "one", 3600)
