"""Layer: domain. Reads bytes as one command: an `Envelope`, or `Unreadable` with a code and the JSON path.

Everything that comes from outside comes through here, whatever carried it: files, topics, HTTP,
the command line. Nothing is guessed and nothing is lost: what cannot be read whole is not read at
all, and spends no command id. Reading is pure and takes some ten microseconds a command.
"""

import re
from datetime import UTC
from typing import Any, Final, TypeAlias, get_args

import msgspec
from msgspec import Struct, structs

from domain.intake import unreadable
from domain.intake.unreadable import Complaint
from domain.language.commands import DEFAULT_ACCOUNT, AnyCommand, Envelope, Instant
from domain.language.ids import COMMAND_ID, AccountId, Id, is_command_id, is_id
from domain.language.outcomes import Outcome

SIZE_BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 32

_KEY = re.compile(rb'"[ \t\r\n]*:')  # Stands once for every key, and here and there inside a text.
_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_EDGE_YEAR = re.compile(rb'"(?:0001|9999)-')
_COMMAND_ID_IN = re.compile(rf'"command_id"[ \t\r\n]*:[ \t\r\n]*"({COMMAND_ID})"'.encode())

_DECODE = msgspec.json.Decoder().decode
_DECODE_COMMAND = msgspec.json.Decoder(AnyCommand).decode
_KNOWN: Final[dict[str, frozenset[str]]] = {
    str(command.__struct_config__.tag): frozenset(("type", *command.__struct_encode_fields__))
    for command in get_args(AnyCommand)
}


class Unreadable(Struct, frozen=True):
    """Input that is not a command: the same for every door. Its id, where one can be seen, is not spent.

    `line` is where a file had it. `account`, `source` and `offset` are where a source had it that is read only once.
    """

    code: str
    message: str
    command_id: str | None = None
    line: int | None = None
    account: Id = DEFAULT_ACCOUNT
    source: str = ""
    offset: int = 0

    def from_source(self, account: AccountId, source: str, offset: int) -> "Unreadable":
        """Return it with where it came from, as `Ledger.take` stores it."""
        return structs.replace(self, account=account, source=source, offset=offset)

    @property
    def outcome(self) -> Outcome:
        """Return its outcome, which is not stored."""
        return Outcome(
            command_id=self.command_id, line=self.line, status="unreadable", code=self.code, message=self.message
        )


Read: TypeAlias = Envelope | Unreadable


def read_command(data: bytes, *, default_account: str = DEFAULT_ACCOUNT, line: int | None = None) -> Read:
    """Read one JSON object as a command. Never raises on what `data` holds.

    `default_account` is the account of a command that names none; `line` is where a file had it.
    """
    if len(data) > SIZE_BYTES_MAX:
        return too_large(line)
    try:
        raw = _DECODE(data)
    except (ValueError, RecursionError) as error:
        return _unreadable(unreadable.about_text(error, data), None, data, line)
    complaint = _hidden(raw, data) if type(raw) is dict else None
    if complaint is None:
        try:
            command = _DECODE_COMMAND(data)
        except msgspec.ValidationError as error:
            complaint = unreadable.about_fields(error, raw)
        else:
            is_read = True
            if "account" not in raw and default_account != DEFAULT_ACCOUNT:
                command = structs.replace(command, account=default_account)
                is_read = is_id(default_account)
            known = _KNOWN[raw["type"]]
            if raw.keys() <= known:
                return Envelope(command, is_read=is_read)
            unknown = sorted({unreadable.name_of(field) for field in raw.keys() - known})
            return Envelope(command, tuple(unknown), is_read=is_read)
    return _unreadable(complaint, raw, data, line)


def too_large(line: int | None = None) -> Unreadable:
    """Say that a command is longer than any may be, without having read it."""
    return Unreadable("TOO_LARGE", f"longer than {SIZE_BYTES_MAX:,} bytes", line=line)


def _hidden(raw: dict[str, Any], data: bytes) -> Complaint | None:
    """Find what the decoder passes over: depth, keys that stand twice, NUL, numbers and times out of range."""
    keys = _keys(raw, 1)
    if keys < 0:
        return unreadable.too_deep()
    if keys != len(_KEY.findall(data)):
        duplicate = unreadable.about_duplicates(data)
        if duplicate is not None:
            return duplicate
    if b"\\u0000" in data or _LONG_NUMBER.search(data):
        found = unreadable.about_leaves(raw)
        if found is not None:
            return found
    if _EDGE_YEAR.search(data):
        return _beyond_utc(raw)
    return None


def _keys(node: dict[str, Any] | list[Any], depth: int) -> int:
    """Count the keys of all objects; negative where they nest too deep."""
    if depth > DEPTH_MAX:
        return -1
    keys = len(node) if type(node) is dict else 0
    for value in node.values() if type(node) is dict else node:
        if type(value) is dict or type(value) is list:
            below = _keys(value, depth + 1)
            if below < 0:
                return -1
            keys += below
    return keys


def _beyond_utc(raw: dict[str, Any]) -> Complaint | None:
    """Refuse a time that has no date in UTC: the first and last hours of the calendar, in some zones."""
    for path, leaf in unreadable.leaves(raw):
        if isinstance(leaf, str) and leaf[:5] in {"0001-", "9999-"}:
            try:
                msgspec.convert(leaf, Instant).astimezone(UTC)
            except OverflowError:
                return Complaint("INVALID_FIELD", f"time out of range at {unreadable.at(path)}")
            except msgspec.ValidationError:
                continue  # No time, or a wrong one: the decoder says so.
    return None


def _unreadable(complaint: Complaint, raw: Any, data: bytes, line: int | None) -> Unreadable:  # noqa: ANN401  whatever JSON can hold
    command_id: str | None = None
    if isinstance(raw, dict):
        sent = None if complaint.code == "DUPLICATE_KEY" else raw.get("command_id")
        command_id = sent if isinstance(sent, str) and is_command_id(sent) else None
    elif raw is None and (seen := _COMMAND_ID_IN.search(data)):
        command_id = seen[1].decode()
    return Unreadable(complaint.code, complaint.message, command_id, line)
