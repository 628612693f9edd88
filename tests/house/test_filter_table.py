"""Tests: the table of filters in docs/formats.md, every operator for every type, is what filters do."""

from typing import Any, Final

import msgspec
import pytest

from domain.language.commands import PropertyDefinition
from domain.language.comparing import Scalar
from domain.language.filters import FilterGroup, matches
from domain.language.refusals import InvalidFilter
from domain.language.values import Plain, as_text
from domain.state.account import Account, ObjectType
from domain.state.reading_filters import read_filters
from tests.house.repository import table_rows, text

TYPES: Final = ("untyped", "`string`", "`number`", "`bool`", "`datetime`", "`list`")
ROWS: Final = {row[0].strip("`"): row[1:] for row in table_rows(text("docs/formats.md"), "operator", *TYPES)}
CELLS: Final = [
    (operator, kind.strip("`"), said) for operator, row in ROWS.items() for kind, said in zip(TYPES, row, strict=True)
]

# What a cell says, as values that are read and values that are refused.
READ: Final[dict[str, list[Scalar]]] = {
    "any value": ["x", 5, True, "01/01/2024", ""],
    "a number": [5, "5", -1.5, " 1.50 "],
    "a bool": [True, "false"],
    "a time": [0, "1704067200000", -1, "2024-01-01", "20240101", "2024-01-01T00:00:00+01:00", 1704067200000.0],
    "refused": [],
}
REFUSED: Final[dict[str, list[Scalar]]] = {
    "any value": [],
    "a number": ["five", True, "", "1_000", "\u0663", "2024-01-01"],
    "a bool": [1, 0, "yes", ""],
    "a time": ["01/01/2024", True, "", "now", "2024-01-01T00:00:00", 20240101, 1.5, 10**17, "9" * 30],
    "refused": [5, "x", True],
}
# Values of a property, in their order.
STORED: Final[dict[str, list[Plain]]] = {
    "untyped": ["Brugge", "Gent", "Ieper"],
    "string": ["Brugge", "Gent", "Ieper"],
    "number": [-3, 9, 10.5],
    "bool": [False, True],
    "datetime": ["2019-05-05T00:00:00Z", "2024-01-01T00:00:00Z", "2025-05-05T00:00:00Z"],
    "list": [["brugge"], ["Gent"], ["ieper"]],
}


def account(kind: str) -> Account:
    if kind == "untyped":
        return Account()
    definition = msgspec.convert({"type": kind}, PropertyDefinition)
    return Account(object_types={"contacts": ObjectType(properties={"ours": definition})})


def read(kind: str, operator: str, v: Scalar | None) -> list[FilterGroup]:
    operands: dict[str, Any] = {} if v is None else {"value": v}
    if operator == "BETWEEN":
        operands["highValue"] = v
    if operator in {"IN", "NOT_IN"}:
        operands = {"values": [v]}
    sent = [{"filters": [{"propertyName": "ours", "operator": operator, **operands}]}]
    return read_filters(account(kind), "contacts", msgspec.convert(sent, list[FilterGroup]))


def test_the_table_has_every_operator() -> None:
    assert len(ROWS) == 12


@pytest.mark.parametrize(("operator", "kind", "said"), CELLS)
def test_a_filter_takes_the_values_that_the_table_says(operator: str, kind: str, said: str) -> None:
    for v in [] if said == "alone" else READ[said]:
        read(kind, operator, v)
    for v in [] if said == "alone" else REFUSED[said]:
        with pytest.raises(InvalidFilter) as refused:
            read(kind, operator, v)
        assert (refused.value.details["property"], refused.value.details["operator"]) == ("ours", operator)
        assert not (len(as_text(v)) > 1 and as_text(v) in refused.value.message)


@pytest.mark.parametrize(("operator", "kind", "said"), CELLS)
def test_a_filter_finds_the_values_that_its_operator_says(operator: str, kind: str, said: str) -> None:
    if said == "refused":
        return
    stored = STORED[kind]
    middle = stored[1][0] if isinstance(stored[1], list) else stored[1]
    groups = read(kind, operator, None if said == "alone" else middle)
    below, same, above = stored[:1], stored[1:2], stored[2:]
    expected = {
        "LT": below,
        "LTE": below + same,
        "GT": above,
        "GTE": same + above,
        "NEQ": [None, *below, *above],
        "NOT_IN": [None, *below, *above],
        "HAS_PROPERTY": stored,
        "NOT_HAS_PROPERTY": [None],
    }.get(operator, same)
    assert [v for v in (None, *stored) if matches(groups, {"ours": v}.get)] == expected
