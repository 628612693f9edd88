"""Layer: consumers. Reads a message of a topic as one command: our JSON as it is, or inside a CloudEvent.

Both modes of the Kafka binding of CloudEvents 1.0 are read: *binary* (attributes in `ce_…` headers,
the value is the command) and *structured* (`application/cloudevents+json`, the command is `data`, or
`data_base64`). A structured event that names another content type, as the first version of the official
Python SDK sends it, is known by its attributes.
The command id may stand in the body, in the event's `id`, or in both alike. No other attribute is
looked at: what a command says, it says in its body.
"""

import logging
from base64 import b64decode
from typing import Final

import msgspec
from msgspec import Raw, Struct

from consumers.source import Message
from domain.intake.reading import SIZE_BYTES_MAX, Read, Unreadable, read_command, too_large
from domain.language.commands import DEFAULT_ACCOUNT
from domain.language.ids import is_command_id

STRUCTURED: Final = b"application/cloudevents+json"
_ANY_STRUCTURED: Final = b"application/cloudevents"  # Other formats, and batches.
_ABSENT: Final = Raw()
SPEC_VERSIONS: Final = {"1.0"}

# Codes beside those that any input may get.
CODES: Final = {
    "NO_VALUE": "a message without a value, as compaction knows it; commands are never taken back",
    "INVALID_CLOUDEVENT": "a CloudEvent that is none, of another version, or without the command in it",
    "COMMAND_ID_MISMATCH": "a body whose command_id is another than the id of the CloudEvent around it",
    "DAMAGED_MESSAGE": "a message whose key, value and headers cannot be told apart, or on which this program failed",
}

log: Final = logging.getLogger("merge_ledger.worker")


class _Structured(Struct):
    specversion: str
    id: str
    data: Raw = _ABSENT
    data_base64: str | None = None


class _Attributes(Struct):
    """What every event has. No attribute has an underscore in its name, so `command_id` is not one of an event."""

    specversion: str
    id: str
    source: str
    type: str
    command_id: Raw = _ABSENT


class _Body(Struct):
    command_id: str | None = None


_DECODE_STRUCTURED = msgspec.json.Decoder(_Structured).decode
_DECODE_ATTRIBUTES = msgspec.json.Decoder(_Attributes).decode
_DECODE_BODY = msgspec.json.Decoder(_Body).decode


def read_message(message: Message, *, default_account: str = DEFAULT_ACCOUNT) -> Read:
    """Read a message as a command. Never raises on what the message holds."""
    try:
        return _read(message, default_account)
    except Exception as error:  # One message must not stop those behind it, not even by a fault of ours.
        log.exception("message could not be read", extra={"offset": message.offset})
        return Unreadable("DAMAGED_MESSAGE", f"this program failed on it with {type(error).__name__}; please report it")


def _read(message: Message, default_account: str) -> Read:
    if message.fault is not None:
        return Unreadable(message.fault.code, message.fault.message)
    if message.value is None:
        return Unreadable("NO_VALUE", CODES["NO_VALUE"])
    headers = {name.lower(): value for name, value in message.headers if value is not None}
    media_type = headers.get("content-type", b"").partition(b";")[0].strip().lower()
    if media_type == STRUCTURED:
        return _read_structured(message.value, default_account)
    if media_type.startswith(_ANY_STRUCTURED):
        return _invalid("expected application/cloudevents+json; no other format and no batch is read")
    if "ce_specversion" in headers or "ce_id" in headers:
        return _read_binary(message.value, headers, default_account)
    if _has_attributes(message.value):
        return _read_structured(message.value, default_account)
    return read_command(message.value, default_account=default_account)


def _has_attributes(data: bytes) -> bool:
    """Whether this is a structured event, by its attributes."""
    if b'"specversion"' not in data or len(data) > SIZE_BYTES_MAX:
        return False
    try:
        return _DECODE_ATTRIBUTES(data).command_id == _ABSENT
    except (ValueError, RecursionError):
        return False


def _read_structured(data: bytes, default_account: str) -> Read:
    if len(data) > SIZE_BYTES_MAX:
        return too_large()
    try:
        event = _DECODE_STRUCTURED(data)
    except (ValueError, RecursionError):
        return _invalid("expected an object with specversion, id, and data or data_base64")
    if (event.data == _ABSENT) == (event.data_base64 is None):
        return _invalid("expected data or data_base64, and not both")
    try:
        body = bytes(event.data) if event.data_base64 is None else b64decode(event.data_base64, validate=True)
    except ValueError:
        return _invalid("expected base64 in data_base64")
    return _read_inside(body, event.specversion, event.id, default_account)


def _read_binary(data: bytes, headers: dict[str, bytes], default_account: str) -> Read:
    try:
        version = headers.get("ce_specversion", b"").decode()
        event_id = headers.get("ce_id", b"").decode()
    except UnicodeDecodeError:
        return _invalid("expected UTF-8 in the ce_ headers")
    return _read_inside(data, version, event_id, default_account)


def _read_inside(data: bytes, version: str, event_id: str, default_account: str) -> Read:
    if version not in SPEC_VERSIONS:
        return _invalid("expected specversion 1.0")
    if not is_command_id(event_id):
        return _invalid("expected an id that is a command id (1 to 200 of A-Z a-z 0-9 _ . - : /)")
    if len(data) > SIZE_BYTES_MAX:
        return too_large()
    try:
        sent = _DECODE_BODY(data).command_id
    except (ValueError, RecursionError):  # What is wrong with it is told as of any other body.
        return read_command(data, default_account=default_account)
    if sent is None:
        return read_command(_with_id(data, event_id), default_account=default_account)
    if sent != event_id:
        message = "command_id is another than the id of the CloudEvent; send one of them, or both alike"
        return Unreadable("COMMAND_ID_MISMATCH", message)
    return read_command(data, default_account=default_account)


def _with_id(data: bytes, command_id: str) -> bytes:
    """Write the id into a body that is an object and has none."""
    rest = data.lstrip(b" \t\r\n")[1:].lstrip(b" \t\r\n")
    comma = b"" if rest.startswith(b"}") else b","
    return b'{"command_id":"' + command_id.encode() + b'"' + comma + rest


def _invalid(what: str) -> Unreadable:
    return Unreadable("INVALID_CLOUDEVENT", f"not a CloudEvent that we read: {what}")
