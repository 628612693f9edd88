"""Layer: domain. Values of properties: what is empty, how a sent value is read by its type.

A stored value keeps the time it was set and where it came from; survivorship needs both.
"""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

Plain: TypeAlias = str | int | float | bool | list[str] | None
Source: TypeAlias = Literal["manual", "form", "integration", "import", "workflow", "analytics"]
INSTANT_EXPECTED: Final = "expected a date, or a time with its zone, such as 2026-01-31T12:00:00Z"
ZONE_EXPECTED: Final = "expected a time with its zone, such as 2026-01-31T12:00:00Z; this one has no zone"

PropertyType: TypeAlias = Literal["string", "number", "bool", "datetime", "list"]

# What stands in an event where a personal value was erased.
Erased: TypeAlias = Literal["erased"]
ERASED: Final = "erased"
_WHOLE_MAX: Final = 2**53  # From here on a float skips whole numbers.
_NUMBER: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_EXACT: Final = Context(prec=700)  # More digits than lie between the largest float and the smallest.


class Value(Struct, frozen=True, gc=False, omit_defaults=True):
    """A value that was set: `v` itself, `at` when (UTC), and where it came from."""

    v: Plain
    at: datetime
    source: Source = "integration"


class Dressed(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """A value as a command may send it, with its own time and source."""

    value: Plain
    at: Annotated[datetime, Meta(tz=True)] | None = None
    source: Source = "integration"


Sent: TypeAlias = str | int | float | bool | list[str] | Dressed | None

# Personal values stand apart in every event, by the record they came from: {record id: {name: value}}.
# A name is a property's, or begins with "@" where the value is no property (an address, a reason).
PersonalValues: TypeAlias = dict[str, dict[str, Value | Erased]]


def is_empty(v: Plain) -> bool:
    """Whether this counts as no value: null, blank text, a list of nothing else. Zero and false are values (H09)."""
    if v.__class__ is str:
        return not v or v.isspace()
    return v is None or (isinstance(v, list) and all(not element or element.isspace() for element in v))


def as_text(v: Plain) -> str:
    """Write a value as text: what is no text as JSON writes it."""
    return v if isinstance(v, str) else msgspec.json.encode(v).decode()


def is_whole_number(number: int) -> bool:
    """Whether a whole number is one that commands may send and every store holds: 64 bits with a sign."""
    return -(2**63) <= number < 2**63


def utc(at: datetime) -> datetime:
    """Express an instant in UTC, however it was sent."""
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def read_instant(text: str) -> datetime:
    """Read a date (00:00Z) or a time with its zone. Raises ValueError, which says what was expected and no value."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(INSTANT_EXPECTED) from None
    if at.tzinfo is None:
        if len(text) > len("2026-01-01"):
            raise ValueError(ZONE_EXPECTED)
        return at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC)
    except OverflowError:  # The first and last hours of the calendar, in some zones.
        msg = f"{INSTANT_EXPECTED}, in the years 1 to 9999 of UTC"
        raise ValueError(msg) from None


def write_instant(at: datetime) -> str:
    """Write an instant as values of type datetime are stored: UTC, `Z`, no zero fraction."""
    return utc(at).isoformat().replace("+00:00", "Z")


def read_typed(kind: PropertyType, v: Plain) -> Plain:
    """Read a sent value as its property's type; empty stays empty. Raises ValueError, which names no value."""
    if is_empty(v):
        return None
    match kind:
        case "string":
            if isinstance(v, str):
                return v
        case "number":
            return _number(v)
        case "bool":
            if isinstance(v, bool):
                return v
            if isinstance(v, str) and v.strip().lower() in {"true", "false"}:
                return v.strip().lower() == "true"
        case "datetime":
            if isinstance(v, str):
                return write_instant(read_instant(v.strip()))
        case "list":
            if isinstance(v, str):
                v = [part.strip() for part in v.split(";") if part.strip()]
            if isinstance(v, list):
                return list(dict.fromkeys(v)) or None
    msg = INSTANT_EXPECTED if kind == "datetime" else f"expected {kind}"
    raise ValueError(msg)


def _number(v: Plain) -> int | float:
    """Read a number; one that is whole is an integer however it was written, so that equal values are the same.

    Text is a number in ASCII digits with a decimal point: `int` and `float` read more than people mean.
    """
    number: int | float | None = None
    if isinstance(v, int | float) and not isinstance(v, bool):
        number = v
    elif isinstance(v, str) and _NUMBER.fullmatch(text := v.strip()):
        number = _whole(text) if _WHOLE.fullmatch(text) else float(text)
    if number is None or not math.isfinite(number):
        msg = "expected number"
        raise ValueError(msg)
    return _as_whole(number)


def _as_whole(number: float) -> int | float:
    return int(number) if abs(number) < _WHOLE_MAX and number == int(number) else number


def _whole(text: str) -> int | None:
    digits = text.lstrip("+-0")
    number = int(text) if len(digits) <= len(str(2**63)) else None  # Python refuses to read thousands of digits.
    return number if number is not None and is_whole_number(number) else None


def exact_sum(numbers: Iterable[int | float]) -> int | float:
    """Add up the decimal digits that numbers are written with, so that 0.1 + 0.2 is 0.3.

    A sum with more digits than a number holds is rounded to the nearest, as long as its whole part
    stays exact. Raises OverflowError where no number holds that.
    """
    total = Decimal(0)
    for number in numbers:
        total = _EXACT.add(total, Decimal(repr(number)))
    if total == total.to_integral_value() and is_whole_number(whole := int(total)):
        return whole
    held = float(total)
    if not math.isfinite(held) or (abs(held) >= _WHOLE_MAX and Decimal(repr(held)) != total):
        msg = "no number holds the sum"
        raise OverflowError(msg)
    return _as_whole(held)
