"""Layer: domain. Filters of active segments, workflow triggers and searches, in HubSpot's shape.

Groups are joined by OR, the filters inside a group by AND. One function, `matches`, evaluates them
everywhere. Lists, and text with `;`, match when any element does; such text is also equal to itself.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from domain.values import Plain, is_empty, read_instant

Scalar: TypeAlias = str | int | float | bool
Lookup: TypeAlias = Callable[[str], Plain]


class _Filter(Struct, frozen=True, gc=False, tag_field="operator", rename="camel", forbid_unknown_fields=True):
    property_name: str


class Equal(_Filter, frozen=True, gc=False, tag="EQ"):
    """The value, or one of its elements, is this one."""

    value: Scalar


class NotEqual(_Filter, frozen=True, gc=False, tag="NEQ"):
    """Not `EQ`; also where the property is missing."""

    value: Scalar


class Less(_Filter, frozen=True, gc=False, tag="LT"):
    """Below `value`."""

    value: Scalar


class LessOrEqual(_Filter, frozen=True, gc=False, tag="LTE"):
    """At most `value`."""

    value: Scalar


class Greater(_Filter, frozen=True, gc=False, tag="GT"):
    """Above `value`."""

    value: Scalar


class GreaterOrEqual(_Filter, frozen=True, gc=False, tag="GTE"):
    """At least `value`."""

    value: Scalar


class Between(_Filter, frozen=True, gc=False, tag="BETWEEN"):
    """From `value` to `high_value`, both included."""

    value: Scalar
    high_value: Scalar


class In(_Filter, frozen=True, gc=False, tag="IN"):
    """The value, or one of its elements, is among these."""

    values: list[Scalar]


class NotIn(_Filter, frozen=True, gc=False, tag="NOT_IN"):
    """Not `IN`; also where the property is missing."""

    values: list[Scalar]


class HasProperty(_Filter, frozen=True, gc=False, tag="HAS_PROPERTY"):
    """The property has a value."""


class NotHasProperty(_Filter, frozen=True, gc=False, tag="NOT_HAS_PROPERTY"):
    """The property has no value."""


class ContainsToken(_Filter, frozen=True, gc=False, tag="CONTAINS_TOKEN"):
    """One word of the text is this one, whatever its case; `*` stands for any characters at an end."""

    value: Scalar


Filter: TypeAlias = (
    Equal
    | NotEqual
    | Less
    | LessOrEqual
    | Greater
    | GreaterOrEqual
    | Between
    | In
    | NotIn
    | HasProperty
    | NotHasProperty
    | ContainsToken
)


class FilterGroup(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Filters that must all hold."""

    filters: list[Filter]


def matches(groups: Sequence[FilterGroup], lookup: Lookup) -> bool:
    """Whether the record whose properties `lookup` gives meets one of the groups; no groups: every record does."""
    return not groups or any(all(_holds(one, lookup(one.property_name)) for one in group.filters) for group in groups)


def properties_named(groups: Sequence[FilterGroup]) -> set[str]:
    """Name the properties that the filters look at."""
    return {one.property_name for group in groups for one in group.filters}


def _holds(test: Filter, v: Plain) -> bool:  # noqa: PLR0911  one line an operator
    elements = _elements(v)
    texts = [*elements, v] if isinstance(v, str) and elements else elements  # The whole text with `;` is one too.
    match test:
        case HasProperty():
            return bool(elements)
        case NotHasProperty():
            return not elements
        case Equal():
            return _among(texts, [test.value])
        case NotEqual():
            return not _among(texts, [test.value])
        case In():
            return _among(texts, test.values)
        case NotIn():
            return not _among(texts, test.values)
        case ContainsToken():
            return any(_has_token(str(element), str(test.value)) for element in elements)
        case Between():
            return any(
                _order(element, test.value) >= 0 and _order(element, test.high_value, above=1) <= 0
                for element in elements
            )
        case Less():
            return any(_order(element, test.value, above=1) < 0 for element in elements)
        case LessOrEqual():
            return any(_order(element, test.value, above=1) <= 0 for element in elements)
        case Greater():
            return any(_order(element, test.value) > 0 for element in elements)
        case GreaterOrEqual():
            return any(_order(element, test.value) >= 0 for element in elements)


def _elements(v: Plain) -> list[Scalar]:
    if v is None or is_empty(v):
        return []
    if isinstance(v, list):
        return [*v]
    if isinstance(v, str) and ";" in v:
        return [part.strip() for part in v.split(";") if part.strip()]
    return [v]


def _among(elements: list[Scalar], wanted: Sequence[Scalar]) -> bool:
    return any(_same(element, one) for element in elements for one in wanted)


def _same(element: Scalar, wanted: Scalar) -> bool:
    """Compare as the record's value is typed: HubSpot's filters send numbers and booleans as text."""
    if isinstance(element, bool) or isinstance(wanted, bool):
        return str(element).strip().lower() == str(wanted).strip().lower()
    if isinstance(element, str) and isinstance(wanted, str):  # "007" is not "7".
        at = _as_instant(element)
        return element.lower() == wanted.lower() or (at is not None and at == _as_instant(wanted))
    return _order(element, wanted) == 0


def _has_token(text: str, token: str) -> bool:
    words = [text.lower(), *text.lower().split()]
    token = token.lower()
    bare = token.strip("*")
    if token.startswith("*") and token.endswith("*"):
        return any(bare in word for word in words)
    if token.startswith("*"):
        return any(word.endswith(bare) for word in words)
    if token.endswith("*"):
        return any(word.startswith(bare) for word in words)
    return any(word == bare for word in words)


def _order(element: Scalar, wanted: Scalar, *, above: int = -1) -> int:
    """Compare two scalars as numbers, as instants or as text: -1, 0 or 1; `above` where they do not compare."""
    for read in (_as_number, _as_instant):
        left, right = read(element), read(wanted)
        if left is not None and right is not None:
            return (left > right) - (left < right)
    if isinstance(element, str) and isinstance(wanted, str):
        return (element.lower() > wanted.lower()) - (element.lower() < wanted.lower())
    return above


def _as_number(v: Scalar) -> float | None:
    if isinstance(v, bool):
        return None
    if isinstance(v, str):
        try:
            number = float(v)
        except ValueError:
            return None
        return number if math.isfinite(number) else None
    return v


def _as_instant(v: Scalar) -> float | None:
    if not isinstance(v, str) or not v[:1].isdigit():
        return None
    try:
        at: datetime = read_instant(v)
    except ValueError:
        return None
    return at.timestamp()
