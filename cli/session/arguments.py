"""Layer: cli. Parses arguments with their own syntax: moments, pairs, filters, JSON, ids from stdin."""

import json
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Final, NoReturn, TypeAlias, TypeVar

import msgspec
from cyclopts import Parameter

from cli.session.exits import Mistake
from cli.session.session import Session
from domain.language.filters import FilterGroup
from domain.language.ids import is_id
from domain.language.values import read_instant
from projections.reading.paging import PageAsked

T = TypeVar("T")
LIMIT: Final = 100
_FILTER_EXAMPLE: Final = '[{"filters":[{"propertyName":"city","operator":"EQ","value":"Gent"}]}]'
_LIMIT_MAX: Final = 1_000_000_000  # Both stores can count to this and one more.
_REPORTED_MAX: Final = 20  # Lines that are reported one by one.
_NOT_AN_ID: Final = "not an id; an id has 1 to 64 characters, each a letter, a digit, dot, hyphen or underscore"

Here: TypeAlias = Annotated[Session, Parameter(parse=False)]
Limit: TypeAlias = Annotated[int, Parameter(help="Results, at most.")]
After: TypeAlias = Annotated[str | None, Parameter(help="Continue after the page that printed this cursor.")]
AsOf: TypeAlias = Annotated[
    str | None, Parameter(help="As of a position (digits), a date (00:00Z) or a time with its zone.")
]


def moment(text: str | None) -> int | datetime | None:
    """Read a position or a time; a time means when the ledger recorded it."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        try:
            return int(text)
        except ValueError:  # Python refuses to read numbers with too many digits.
            msg = f"--as-of: expected a position, got one of {len(text):,} digits"
            raise Mistake(msg) from None
    try:
        return read_instant(text)
    except ValueError as error:
        msg = f"--as-of: {error}; or a position, in digits"
        raise Mistake(msg) from None


def instant(text: str, option: str) -> datetime:
    """Read a date or a time."""
    try:
        return read_instant(text)
    except ValueError as error:
        msg = f"{option}: {error}"
        raise Mistake(msg) from None


def time_or_none(text: str | None, option: str) -> datetime | None:
    """Read a date or a time; None stays None."""
    return None if text is None else instant(text, option)


def page_asked(limit: int, after: str | None) -> PageAsked:
    """Read the page asked for: a limit of 1 or more, cut at what both stores can count."""
    if limit < 1:
        msg = f"--limit: expected 1 or more, got {limit}"
        raise Mistake(msg)
    return PageAsked(min(limit, _LIMIT_MAX), after)


def pair(text: str, option: str, separator: str) -> tuple[str, str]:
    """Split `name=value` or `system:id`."""
    name, found, value = text.partition(separator)
    if not found or not name or not value:
        msg = f"{option}: expected NAME{separator}VALUE"
        raise Mistake(msg)
    return name, value


def filter_groups(text: str | None) -> list[FilterGroup]:
    """Read filter groups in HubSpot's JSON."""
    if text is None:
        return []
    return read_json(text, "--filter", list[FilterGroup], _FILTER_EXAMPLE)


def read_json(text: str, option: str, shape: type[T], example: str) -> T:
    """Read an argument that is JSON. Raises Mistake, which says what is wrong and where, and repeats no value."""
    try:
        return msgspec.convert(msgspec.json.decode(text), shape)
    except msgspec.ValidationError as error:
        msg = f"{option}: {error}; expected JSON such as {example}"
    except (msgspec.DecodeError, RecursionError) as error:
        msg = f"{option}: not JSON: {_why_not_json(text, error)}; expected such as {example}"
    raise Mistake(msg)


def _why_not_json(text: str, error: Exception) -> str:
    """Return what is wrong and at which character; the strict decoder counts bytes and gives no reason."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not text.strip():
        return "it is empty"
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as found:
        if found.pos >= len(text.rstrip()):
            return f"it ends after character {len(text):,}, before it is complete"
        line = f"line {found.lineno}, " if found.lineno > 1 else ""
        return f"{found.msg[:1].lower()}{found.msg[1:]}, at {line}character {found.colno}"
    except (ValueError, RecursionError) as found:
        return str(found)
    return str(error).removeprefix("JSON is malformed: ")


def _refuse_constant(name: str) -> NoReturn:
    msg = f"{name} is not a number in JSON"
    raise ValueError(msg)


class Ids:
    """Ids from the command line; `-` stands for the ids on stdin, separated by white space.

    A word that cannot be an id is skipped, counted, and reported on stderr with its line.
    """

    def __init__(self, given: Sequence[str], session: Session) -> None:
        """Check the arguments; stdin is read later. Raises Mistake if one cannot be an id."""
        if not given:
            msg = "expected ids, or - to read them from stdin"
            raise Mistake(msg)
        for number, word in enumerate(given, 1):
            if word != "-" and not is_id(word):
                msg = f"id {number}: {_NOT_AN_ID}"
                raise Mistake(msg)
        self._given = given
        self._session = session
        self.left_out = 0

    def __iter__(self) -> Iterator[str]:
        """Read them in order, a line at a time."""
        for word in self._given:
            if word == "-":
                yield from self._from_stdin()
            else:
                yield word

    def _from_stdin(self) -> Iterator[str]:
        for number, line in enumerate(sys.stdin.buffer, 1):
            text = line.removeprefix(BOM_UTF8 if number == 1 else b"").decode(errors="replace")
            for word in text.split():
                if is_id(word):
                    yield word
                    continue
                self.left_out += 1
                if self.left_out <= _REPORTED_MAX:
                    self._session.say(f"line {number}: {_NOT_AN_ID}")
        if self.left_out > _REPORTED_MAX:
            self._session.say(f"{self.left_out:,} words in all are not ids")
