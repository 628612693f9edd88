"""Layer: domain. Reading the filters of a segment, a trigger or a search by the types of their properties.

A filter is read once, when it is defined: what it can never compare with is refused then, and a
typed value is kept as the property's values are, so that evaluating it needs no types.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from domain.language.comparing import Scalar, read_epoch
from domain.language.filters import (
    Between,
    ContainsToken,
    Equal,
    Filter,
    FilterGroup,
    Greater,
    GreaterOrEqual,
    HasProperty,
    In,
    Less,
    LessOrEqual,
    NotEqual,
    NotHasProperty,
    NotIn,
)
from domain.language.refusals import InvalidFilter
from domain.language.values import PropertyType, is_empty, read_typed, write_instant
from domain.state.account import Account
from domain.state.addresses import normalised
from domain.state.claims import PRIMARY_IDENTIFIERS
from domain.state.computed import ADDITIONAL_OF
from domain.state.lifecycle import as_written, is_stage

# What a filter's value must be, for the types that do not take every value.
_EXPECTED: Final[dict[PropertyType, str]] = {
    "number": "a number",
    "bool": "true or false",
    "datetime": "a date, a time with its zone, or epoch milliseconds",
}


def read_filters(account: Account, object_type: str, groups: Sequence[FilterGroup]) -> list[FilterGroup]:
    """Read filters by the types that their properties have now. Raises InvalidFilter."""
    return [FilterGroup([_Reading(account, object_type, one).read() for one in group.filters]) for group in groups]


class _Reading:
    """One filter, with what is known of its property."""

    def __init__(self, account: Account, object_type: str, test: Filter) -> None:
        self.account = account
        self.test = test
        self.kind = account.property_type(object_type, test.property_name)
        self.object_type = object_type

    def read(self) -> Filter:
        test = self.test
        match test:
            case Equal() | NotEqual():
                return replace(test, value=self.as_stored(test.value))
            case In() | NotIn():
                return replace(test, values=[self.as_stored(v) for v in test.values])
            case Between():
                return replace(test, value=self.in_order(test.value), high_value=self.in_order(test.high_value))
            case Less() | LessOrEqual() | Greater() | GreaterOrEqual():
                return replace(test, value=self.in_order(test.value))
            case HasProperty() | NotHasProperty() | ContainsToken():
                return test

    def in_order(self, v: Scalar) -> Scalar:
        if self.kind == "bool":
            raise self.refusal("an operator without an order, such as EQ", "a bool property")
        return self.typed(v)

    def as_stored(self, v: Scalar) -> Scalar:
        """Write addresses, domains and stages as they are stored; what is none is kept: it may match old data."""
        v = self.typed(v)
        if is_stage(self.object_type, self.test.property_name):
            return as_written(self.account, v) or v
        primary = PRIMARY_IDENTIFIERS.get(self.object_type)
        if primary and self.test.property_name in (primary, ADDITIONAL_OF[self.object_type]):
            try:
                read = normalised(self.object_type, primary, v)
            except ValueError:
                return v
            return read if isinstance(read, str) else v
        return v

    def typed(self, v: Scalar) -> Scalar:
        if self.kind not in _EXPECTED:
            return v
        if self.kind == "datetime" and (at := read_epoch(v)) is not None:
            return write_instant(at)
        try:
            read = read_typed(self.kind, v)
        except ValueError:
            read = None
        if read is None or isinstance(read, list):
            raise self.refusal(_EXPECTED[self.kind], _form(v))
        return read

    def refusal(self, expected: str, form: str) -> InvalidFilter:
        return InvalidFilter(self.test.property_name, str(self.test.__struct_config__.tag), expected, form)


def _form(v: Scalar) -> str:
    """Name a value's form, which is no part of the value itself."""
    if isinstance(v, str):
        return "empty text" if is_empty(v) else "text of another form"
    return "a bool" if isinstance(v, bool) else "a number of another form"
