"""Layer: domain. Filters of active segments, workflow triggers and searches, in HubSpot's shape.

Groups are joined by OR, the filters inside a group by AND. One function, `matches`, evaluates them
everywhere. Lists, and text with `;`, match when any element does; such text is also equal to itself.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec import Struct

from domain.language.comparing import Scalar, has_token, order, same
from domain.language.values import Plain, is_empty

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
    """Words of the text are these, whatever their case; `*` stands for any characters at an end."""

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
            return any(has_token(element, test.value) for element in texts)
        case Between():
            return any(
                _is_in(element, (0, 1), test.value) and _is_in(element, (-1, 0), test.high_value)
                for element in elements
            )
        case Less():
            return any(_is_in(element, (-1,), test.value) for element in elements)
        case LessOrEqual():
            return any(_is_in(element, (-1, 0), test.value) for element in elements)
        case Greater():
            return any(_is_in(element, (1,), test.value) for element in elements)
        case GreaterOrEqual():
            return any(_is_in(element, (0, 1), test.value) for element in elements)


def _elements(v: Plain) -> list[Scalar]:
    if v is None or is_empty(v):
        return []
    if isinstance(v, list):
        return [element for element in v if not is_empty(element)]
    if isinstance(v, str) and ";" in v:
        return [part.strip() for part in v.split(";") if part.strip()]
    return [v]


def _among(elements: list[Scalar], wanted: Sequence[Scalar]) -> bool:
    return any(same(element, one) for element in elements for one in wanted)


def _is_in(element: Scalar, orders: tuple[int, ...], wanted: Scalar) -> bool:
    return order(element, wanted) in orders
