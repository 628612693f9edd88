"""Layer: ledger. Makes sure that what comes in from Python can be read back, before anything is decided by it.

A Struct takes any value when it is made, and is checked when it is decoded. What came as bytes was decoded, so
it is not looked at again. What was made in Python is written and read once, as it would come from a file.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar, cast

import msgspec

from domain.intake.reading import Unreadable
from domain.language.commands import AnyCommand, Envelope
from ledger.store.port import Move

Input: TypeAlias = Envelope | Unreadable
T = TypeVar("T", bound=Input)
C = TypeVar("C")
_NO_TEXT: Final = (bytes, bytearray, memoryview)  # Not to be made text of, in base64.
_encode: Final = msgspec.json.Encoder().encode
_decode_command: Final = msgspec.json.Decoder(AnyCommand).decode
_decode_unreadable: Final = msgspec.json.Decoder(Unreadable).decode
_decode_fields: Final = msgspec.json.Decoder(tuple[str, ...]).decode
_PATH: Final = re.compile(r"`(\$[^`]*)`$")


class InvalidInput(ValueError):  # noqa: N818  says what the input is
    """What was given could be stored and not be read back; nothing of it was stored. No value is in the message."""

    def __init__(self, what: str, error: Exception) -> None:
        path = _PATH.search(str(error))
        where = f" at {path[1]}" if path else ""
        super().__init__(f"the {what} has a value of another type or form than it must have{where}")


def valid(batch: Sequence[T]) -> Sequence[T]:
    """Return the batch as it would be read from bytes. Raises InvalidInput."""
    if all(isinstance(one, Envelope) and one.is_read for one in batch):
        return batch
    return [cast("T", _valid_input(one)) for one in batch]


def valid_command(command: C) -> C:
    """Return a command as it would be read from bytes. Raises InvalidInput."""
    return _read_again(command, _decode_command)


def valid_move(move: Move) -> Move:
    """Return a move whose ends are numbers and whose names are text. Raises InvalidInput."""
    try:
        return msgspec.convert([*move], Move)
    except (TypeError, msgspec.ValidationError) as error:
        raise InvalidInput("bookmark", error) from error


def _valid_input(one: Input) -> Input:
    if isinstance(one, Unreadable):
        if not one.source:
            raise InvalidInput("unreadable input", ValueError())  # Read from a file: it has no stream to be stored on.
        return _read_again(one, _decode_unreadable)
    if not isinstance(one, Envelope):
        raise InvalidInput("batch", TypeError())
    if one.is_read:
        return one
    fields = _read_again(one.ignored_fields, _decode_fields) if one.ignored_fields else ()
    return Envelope(valid_command(one.command), fields, is_read=True)


def _read_again(given: C, decode: Callable[[bytes | str], Any]) -> C:
    try:
        read: C = decode(_encode(given))
        if read == given:
            return read
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass  # The slow way finds out why.
    try:
        plain = msgspec.to_builtins(given, str_keys=True, builtin_types=_NO_TEXT)
        read = decode(json.dumps(plain, allow_nan=False))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput("command", error) from error
    return read
