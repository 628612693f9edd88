from base64 import b64encode

import msgspec
import pytest

from consumers.commands import cloudevents
from consumers.commands.cloudevents import read_message
from consumers.source import Headers, Message
from domain.intake.reading import SIZE_BYTES_MAX, Unreadable, read_command
from domain.language.commands import Envelope, MergeRecords

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


def test_data_in_base64_is_read() -> None:
    event = {"specversion": "1.0", "id": "c-1", "data_base64": b64encode(BODY).decode()}
    assert read_message(structured(event)) == read_command(WITH_ID)


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"Application/CloudEvents+JSON",
        b"application/cloudevents+json;charset=utf-8",
        b" application/cloudevents+json ; charset=utf-8",
    ],
)
@pytest.mark.parametrize("name", ["content-type", "Content-Type"])
def test_a_media_type_is_the_same_in_any_case_and_with_parameters(name: str, content_type: bytes) -> None:
    event = {"specversion": "1.0", "id": "c-1", "data": msgspec.Raw(BODY)}
    assert read_message(sent(msgspec.json.encode(event), [(name, content_type)])) == read_command(WITH_ID)


@pytest.mark.parametrize("headers", [[], [("content-type", b"application/json")]])
def test_a_structured_event_that_does_not_say_so_is_known_by_its_attributes(headers: Headers) -> None:
    event = {"specversion": "1.0", "id": "c-1", "source": "/crm", "type": "merge", "data": msgspec.Raw(BODY)}
    assert read_message(sent(msgspec.json.encode(event), headers)) == read_command(WITH_ID)


def test_a_command_with_the_names_of_attributes_is_a_command() -> None:
    named = b'{"specversion":"1.0","id":"c-2","source":"/crm",'
    command = b'"type":"update_record","command_id":"c-1","object_type":"contacts","record_id":"101","properties":{}}'
    read = read_message(sent(named + command))
    assert read == read_command(named + command)
    assert isinstance(read, Envelope)
    assert read.command.command_id == "c-1"


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
        structured({"specversion": "1.0", "id": "c-1"}),
        structured({"specversion": "1.0", "id": "c-1", "data": {}, "data_base64": "e30="}),
        structured({"specversion": "1.0", "id": "c-1", "data_base64": "no base64"}),
        sent(b'{"specversion":"1.0","id":"c-1","source":"/crm","type":"merge"}'),
        sent(b'{"specversion":"0.3","id":"c-1","source":"/crm","type":"merge","data":{}}'),
        sent(b"[]", [("content-type", b"application/cloudevents-batch+json")]),
        sent(b"Obj", [("content-type", b"application/cloudevents+avro")]),
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


def test_a_header_without_a_value_says_nothing() -> None:
    null: Headers = [("content-type", None), ("ce_id", None), ("ce_specversion", None), ("trace", None)]
    assert read_message(sent(WITH_ID, null)) == read_command(WITH_ID)


def test_a_fault_of_ours_makes_one_message_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret@example.com")

    monkeypatch.setattr(cloudevents, "read_command", fail)
    read = read_message(sent(WITH_ID))
    assert isinstance(read, Unreadable)
    assert read.code == "DAMAGED_MESSAGE"
    assert "secret" not in read.message
