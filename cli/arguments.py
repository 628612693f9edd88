"""Layer: cli. Reads the arguments that have a form of their own: moments, choices, pairs, filters, ids from stdin."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Final, TypeAlias

import msgspec
from cyclopts import Parameter

from cli.exits import Mistake
from cli.session import Session
from domain.filters import FilterGroup
from domain.values import read_instant

LIMIT: Final = 100
_LIMIT_MAX: Final = 1_000_000_000  # Both stores can count so far, and one further.

Here: TypeAlias = Annotated[Session, Parameter(parse=False)]
Limit: TypeAlias = Annotated[int, Parameter(help="How many at most.")]
After: TypeAlias = Annotated[str | None, Parameter(help="Go on after this place: the `after` of the page before.")]
AsOf: TypeAlias = Annotated[
    str | None, Parameter(help="As it stood at a position (digits), a date (00:00Z) or a time with its zone.")
]


def moment(text: str | None) -> int | datetime | None:
    """Read a position or a time; a time means when the ledger recorded it."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        try:
            return int(text)
        except ValueError:  # Python reads no number of more digits than it says.
            msg = f"--as-of: expected a position, got one of {len(text):,} digits"
            raise Mistake(msg) from None
    return instant(text, "--as-of", "a position, a date or a time such as 2026-01-31T12:00:00Z")


def instant(text: str, option: str, expected: str = "a date or a time such as 2026-01-31T12:00:00Z") -> datetime:
    """Read a date or a time."""
    try:
        return read_instant(text)
    except ValueError as error:
        msg = f"{option}: expected {expected} ({error})"
        raise Mistake(msg) from None


def time_or_none(text: str | None, option: str) -> datetime | None:
    """Read a date or a time where one was given."""
    return None if text is None else instant(text, option)


def page_limit(limit: int) -> int:
    """Take a limit of one or more; one beyond all counting is as good as none."""
    if limit < 1:
        msg = f"--limit: expected 1 or more, got {limit}"
        raise Mistake(msg)
    return min(limit, _LIMIT_MAX)


def pair(text: str, option: str, separator: str) -> tuple[str, str]:
    """Cut `name=value` or `system:id` in two."""
    name, found, value = text.partition(separator)
    if not found or not name or not value:
        msg = f"{option}: expected NAME{separator}VALUE"
        raise Mistake(msg)
    return name, value


def filter_groups(text: str | None) -> list[FilterGroup]:
    """Read filter groups as HubSpot's JSON has them."""
    if text is None:
        return []
    try:
        return msgspec.json.decode(text, type=list[FilterGroup])
    except (msgspec.DecodeError, RecursionError) as error:
        msg = f"--filter: {error}"
        raise Mistake(msg) from None


def ids(given: Sequence[str]) -> list[str]:
    """Take ids from the command line, and in place of `-` those on stdin, separated by white space."""
    if not given:
        msg = "expected ids, or - to read them from stdin"
        raise Mistake(msg)
    return list(_expanded(given))


def _expanded(given: Sequence[str]) -> Iterable[str]:
    for one in given:
        if one != "-":
            yield one
            continue
        try:
            yield from sys.stdin.buffer.read().decode().split()
        except UnicodeDecodeError:
            msg = "-: the ids on stdin are not UTF-8"
            raise Mistake(msg) from None
