"""Layer: tests. Whatever is given to the ledger from Python: what could not be read back is never stored."""

from datetime import datetime
from typing import Any, Final

import pytest
from eventsourcing.persistence import StoredEvent as LibraryEvent
from msgspec.structs import force_setattr, replace

from domain.intake.reading import Unreadable, read_command
from domain.language import commands as c
from domain.language.commands import Envelope
from domain.language.ids import RecordRef
from ledger.batch.valid import InvalidInput
from ledger.ledger import Ledger
from ledger.library import LedgerRecorder
from ledger.store.codec import UnreadableEvent
from ledger.store.port import Move
from tests.builders import ANN, ANNE, create, define, log_activity, merge, update
from tests.contracts.places import batch

BYTES: Final = b'{"type": "create_record", "command_id": "c", "object_type": "contacts"}'
NUMBER: Any = 5
TEXT: Any = "far"
OBJECT: Any = object()
NOT_TEXT: Final[dict[str, Any]] = {"a number": 5, "bytes": b"101", "a list": ["101"], "nothing": None, "a set": {1}}


def readable(ledger: Ledger) -> None:
    """All that is stored can be read."""
    for stored in ledger.read(0, 1_000):
        ledger.decode(stored)
        ledger.state(stored.stream)
    assert ledger.execute(batch(create(ANN._replace(record_id="last"))))[0].status == "applied"


INVALID: Final[dict[str, Any]] = {
    "an id that is a number": c.CreateRecord(command_id="x", object_type="contacts", record_id=NUMBER),
    "an id with a slash": c.CreateRecord(command_id="x", object_type="contacts", record_id="a/b"),
    "a command id that is a number": c.CreateRecord(command_id=NUMBER, object_type="contacts"),
    "an account with a slash": c.CreateRecord(command_id="x", object_type="contacts", account="a/b"),
    "a time without its zone": c.CreateRecord(
        command_id="x",
        object_type="contacts",
        occurred_at=datetime(2026, 1, 1),  # noqa: DTZ001  that is the fault
    ),
    "a value that is no value": create(ANN, city=OBJECT),
    "a number that is none": create(ANN, score=float("nan")),
    "a number without end": create(ANN, score=float("inf")),
    "half a character": create(ANN, city="\ud800"),
    "an actor that is a number": replace(create(ANN), actor=NUMBER),
    "no list of records": replace(log_activity("note", ANN), records=NUMBER),
    "a choice that is an object": replace(merge(), choices={"city": object()}),
    "another kind of thing": object(),
    "a command's class": c.CreateRecord,
}


@pytest.mark.parametrize("command", INVALID.values(), ids=INVALID.keys())
def test_a_command_that_could_not_be_read_back_is_refused_and_nothing_of_its_batch_is_stored(
    ledger: Ledger, command: c.MergeRecords
) -> None:
    for door in (
        lambda: ledger.execute([*batch(create(ANNE)), Envelope(command)]),
        lambda: ledger.take([*batch(create(ANNE)), Envelope(command)], Move("source", None, 1)),
        lambda: ledger.preview(command),
    ):
        with pytest.raises(InvalidInput) as raised:
            door()
        assert len(str(raised.value).splitlines()) == 1
    assert ledger.head() == 0
    readable(ledger)


@pytest.mark.parametrize("record_id", NOT_TEXT.values(), ids=NOT_TEXT.keys())
def test_the_message_names_the_field_and_no_value(ledger: Ledger, record_id: str) -> None:
    command = c.UpdateRecord(command_id="x", object_type="contacts", record_id=record_id, properties={})
    with pytest.raises(InvalidInput, match="type or form than it must have") as raised:
        ledger.execute(batch(command))
    assert "101" not in str(raised.value)


def test_what_is_no_envelope_is_refused(ledger: Ledger) -> None:
    command: Any = create(ANN)
    with pytest.raises(InvalidInput):
        ledger.execute([command])
    with pytest.raises(InvalidInput):
        ledger.execute([Envelope(create(ANN), ignored_fields=(NUMBER,))])
    assert ledger.head() == 0


@pytest.mark.parametrize(
    "unreadable",
    [
        Unreadable("INVALID_JSON", "no JSON").from_source("main", "topic/0", TEXT),
        Unreadable("INVALID_JSON", "no JSON").from_source("a/b", "topic/0", 7),
        Unreadable(NUMBER, "no JSON").from_source("main", "topic/0", 7),
        Unreadable("INVALID_JSON", "no JSON", line=7),
    ],
    ids=["an offset that is text", "an account with a slash", "a code that is a number", "a line of a file"],
)
def test_what_was_unreadable_is_stored_readable_or_not_at_all(ledger: Ledger, unreadable: Unreadable) -> None:
    with pytest.raises(InvalidInput):
        ledger.take([unreadable], Move("source", None, 1))
    assert ledger.head() == 0
    assert ledger.bookmark("source") is None


@pytest.mark.parametrize("move", [Move("source", None, TEXT), Move(NUMBER, None, 1), Move("source", None, 1, NUMBER)])
def test_a_bookmark_is_a_number_under_a_name(ledger: Ledger, move: Move) -> None:
    for door in (lambda: ledger.move(move), lambda: ledger.take(batch(create(ANN)), move)):
        with pytest.raises(InvalidInput):
            door()
    assert ledger.bookmark("source") is None
    assert ledger.head() == 0


def test_a_clock_without_a_zone_stores_nothing(ledger: Ledger) -> None:
    without = Ledger(ledger.store, clock=lambda: datetime(2026, 1, 1))  # noqa: DTZ001  that is the fault
    with pytest.raises(ValueError, match="without its zone"):
        without.execute(batch(create(ANN)))
    readable(ledger)


def test_the_librarys_door_takes_no_event_that_cannot_be_read(ledger: Ledger) -> None:
    event = LibraryEvent("main/records/contacts/101", 1, "record.archived.v1", b'{"command_id": 5}')
    with pytest.raises(UnreadableEvent):
        LedgerRecorder(ledger.store).insert_events([event])
    assert ledger.head() == 0


def test_what_was_given_as_python_has_it_is_stored_as_a_file_would_say_it(ledger: Ledger) -> None:
    given: Any = ("a", "b")
    outcomes = ledger.execute(
        batch(define("cars", "Car"), replace(create(ANN), properties={"tags": given}), update(ANN, city="Gent"))
    )
    assert {outcome.status for outcome in outcomes} == {"applied"}
    readable(ledger)


def test_a_command_that_was_read_from_bytes_is_not_looked_at_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_command(BYTES, default_account="x")
    assert isinstance(read, Envelope)
    assert read.is_read
    monkeypatch.setattr("ledger.batch.valid._read_again", None)
    assert ledger.execute([read])[0].status == "applied"


def test_an_account_from_the_settings_that_is_no_account_is_refused(ledger: Ledger) -> None:
    read = read_command(BYTES, default_account="a/b")
    assert isinstance(read, Envelope)
    with pytest.raises(InvalidInput, match=r"at \$\.account"):
        ledger.execute([read])


def test_a_record_is_named_by_text_to_the_last(ledger: Ledger) -> None:
    """A Struct that is frozen can be changed by force; what was read is decided and stored, not what was given."""
    command = create(RecordRef("contacts", "101"))
    sent = batch(command)
    ledger.execute(sent)
    force_setattr(command, "record_id", 5)
    readable(ledger)
