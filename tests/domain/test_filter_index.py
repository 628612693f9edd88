"""Layer: tests. The index of filters leaves out none that a change could concern."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.language.filter_index import FilterIndex
from domain.language.filters import FilterGroup, matches

NAMES = ("a", "b", "c", "d")
VALUES = st.sampled_from(["x", "y", "x;y", 1, True, "2024-01-01"])
RECORDS = st.dictionaries(st.sampled_from(NAMES), VALUES)


def _filter(name: str, operator: str, value: Any) -> dict[str, Any]:  # noqa: ANN401  whatever a filter may have
    operands: dict[str, Any] = {"value": value}
    if operator in {"IN", "NOT_IN"}:
        operands = {"values": [value, "z"]}
    elif operator == "BETWEEN":
        operands["highValue"] = "z"
    elif operator.endswith("HAS_PROPERTY"):
        operands = {}
    return {"propertyName": name, "operator": operator, **operands}


OPERATORS = (
    *("EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN"),
    *("HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN"),
)
FILTERS = st.builds(_filter, st.sampled_from(NAMES), st.sampled_from(OPERATORS), VALUES)
GROUPS = st.lists(
    st.builds(lambda filters: {"filters": filters}, st.lists(FILTERS, min_size=1, max_size=3)), min_size=1, max_size=2
).map(lambda groups: msgspec.convert(groups, list[FilterGroup]))


@given(st.lists(GROUPS, max_size=6), RECORDS, RECORDS)
def test_what_a_change_makes_true_is_among_what_looks_at_it(
    filtered: list[list[FilterGroup]], before: dict[str, Any], after: dict[str, Any]
) -> None:
    index = FilterIndex(enumerate(filtered))
    was = {nth for nth, groups in enumerate(filtered) if matches(groups, before.get)}
    now = {nth for nth, groups in enumerate(filtered) if matches(groups, after.get)}
    changed = [
        name for name in NAMES if (type(before.get(name)), before.get(name)) != (type(after.get(name)), after.get(name))
    ]
    found = index.looking_at(changed)
    assert now ^ was <= set(found)
    assert found == sorted(found)
    of_new = index.of_a_new_record(after)
    assert now <= set(of_new)
    assert of_new == sorted(of_new)


def test_what_has_no_filter_is_left_out() -> None:
    index: FilterIndex[str] = FilterIndex([("w", [])])
    assert not index
    assert index.of_a_new_record(NAMES) == []
