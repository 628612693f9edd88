import msgspec
import pytest

from consumers import cloudevents
from consumers.cloudevents import read_message
from consumers.messages import SIZE_BYTES_MAX, Unreadable, read_command
from consumers.port import Headers, Message
from domain.commands import Envelope, MergeRecords

BODY = b'{"type":"merge_records","object_type":"contacts","primary_id":"101","secondary_id":"102"}'
WITH_ID = BODY[:-1] + b',"command_id":"c-1"}'


def sent(value: bytes | None, headers: Headers = ()) -> Message:
    return Message(offset=7, value=value, headers=headers)


def binary(event_id: str, value: bytes = BODY, version: bytes = b"1.0") -> Message:
    return sent(value, [("ce_specversion", version), ("ce_id", event_id.encode()), ("ce_type", b"merge")])


def structured(event: object) -> Message:
    return sent(msgspec.json.encode(event), [("content-type", b"application/cloudevents+json; charset=UTF-8")])


def test_our_json_is_read_as_it_is() -> None:
    assert read_message(sent(WITH_ID)) == read_command(WITH_ID)


def test_the_id_of_a_binary_event_is_the_command_id() -> None:
    assert read_message(binary("c-1")) == read_command(WITH_ID)


def test_the_id_of_a_structured_event_is_the_command_id() -> None:
    event = {"specversion": "1.0", "id": "c-1", "source": "/crm", "type": "merge", "data": msgspec.Raw(BODY)}
    assert read_message(structured(event)) == read_command(WITH_ID)


def test_both_ids_may_stand_when_they_are_the_same() -> None:
    read = read_message(binary("c-1", WITH_ID))
    assert isinstance(read, Envelope)
    assert isinstance(read.command, MergeRecords)


def test_ids_that_differ_make_it_unreadable_and_spend_neither() -> None:
    read = read_message(binary("c-2", WITH_ID))
    assert isinstance(read, Unreadable)
    assert (read.code, read.command_id) == ("COMMAND_ID_MISMATCH", None)


@pytest.mark.parametrize(
    "message",
    [
        binary("c-1", version=b"0.3"),
        binary("has a space"),
        sent(BODY, [("ce_specversion", b"1.0")]),
        sent(BODY, [("ce_specversion", b"1.0"), ("ce_id", b"\xff")]),
        structured({"specversion": "1.0", "data": {}}),
        structured(["no", "object"]),
        structured({"specversion": "1.0", "id": 5, "data": {}}),
    ],
)
def test_a_cloudevent_that_is_none_is_unreadable(message: Message) -> None:
    read = read_message(message)
    assert isinstance(read, Unreadable)
    assert read.code == "INVALID_CLOUDEVENT"


@pytest.mark.parametrize("body", [b"{}", b" { } ", b'{"command_id":5}', b"[]", b"{", b"\xff", b'"text"', b""])
def test_a_body_that_is_no_command_is_told_as_everywhere(body: bytes) -> None:
    read = read_message(binary("c-1", body))
    assert isinstance(read, Unreadable)
    assert read.code in {"INVALID_FIELD", "MISSING_FIELD", "INVALID_JSON", "INVALID_UTF8"}


def test_a_message_without_a_value_is_unreadable() -> None:
    read = read_message(sent(None))
    assert isinstance(read, Unreadable)
    assert read.code == "NO_VALUE"


@pytest.mark.parametrize("headers", [[], [("ce_specversion", b"1.0"), ("ce_id", b"c-1")], [
    ("content-type", cloudevents.STRUCTURED)
]])  # fmt: skip
def test_a_message_that_is_too_long_is_not_looked_at(headers: Headers) -> None:
    read = read_message(sent(b"{" + b" " * SIZE_BYTES_MAX + b"}", headers))
    assert isinstance(read, Unreadable)
    assert read.code == "TOO_LARGE"


def test_the_account_is_supplied_where_it_is_absent() -> None:
    read = read_message(binary("c-1"), default_account="acme")
    assert isinstance(read, Envelope)
    assert read.command.account == "acme"
