"""Layer: tests. Which refusal a merge gets where several would fit: the order of the contract.

Every condition is combined with every later one that can stand beside it; the earlier one wins.
"""

import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from domain.language import refusals
from tests.builders import (
    ACME,
    ACME_BV,
    ACME_GROUP,
    GLOBEX,
    INITECH,
    archive,
    configure,
    create,
    define,
    mark_not_duplicates,
    merge,
    parent,
    update,
    was_in_merges,
)
from tests.specification import Given, given


class Condition(NamedTuple):
    """What makes a merge of two companies be refused with a code, and what of the merge it uses up."""

    code: str
    uses: str
    asks: dict[str, Any] = {}  # noqa: RUF012  never changed
    primary: tuple[Given, ...] | None = None  # How the primary came to be, where not plainly.
    secondary: tuple[Given, ...] | None = None
    also: tuple[Given, ...] = ()
    needs: str = ""


ELSEWHERE = ACME_GROUP._replace(record_id="299")
PLAIN = {"primary": (create(ACME),), "secondary": (create(ACME_BV),)}

CONDITIONS = [
    Condition("UNKNOWN_OBJECT_TYPE", "type", {"primary": ACME._replace(object_type="unicorns")}),
    Condition("OBJECT_TYPE_NOT_ACTIVATED", "type", {"primary": ACME._replace(object_type="courses")}),
    Condition("TYPE_MISMATCH", "secondary_type", {"secondary_type": "contacts"}),
    Condition("SAME_RECORD", "secondary", {"secondary": ACME}),
    Condition("NOT_FOUND", "primary", primary=()),
    Condition("ALREADY_MERGED", "primary", primary=(create(ACME), create(GLOBEX), merge(ACME, GLOBEX, into=ELSEWHERE))),
    Condition("RECORD_ARCHIVED", "primary", primary=(create(ACME), archive(ACME))),
    Condition("NOT_FOUND", "secondary", secondary=()),
    Condition(
        "ALREADY_MERGED", "secondary", secondary=(create(ACME_BV), create(INITECH), merge(ACME_BV, INITECH, into=None))
    ),
    Condition("RECORD_ARCHIVED", "secondary", secondary=(create(ACME_BV), archive(ACME_BV))),
    Condition("ALREADY_EXISTS", "result", also=(create(ACME_GROUP),)),
    Condition("COMPANY_SALESFORCE_BLOCK", "account", also=(configure(salesforce_integration=True),)),
    Condition(
        "COMPANY_PARENT_CHILD",
        "hierarchy",
        also=(create(GLOBEX._replace(record_id="298")), parent(GLOBEX._replace(record_id="298"), of=ACME_BV)),
        needs="secondary",
    ),
    Condition("MARKED_NOT_DUPLICATES", "mark", also=(mark_not_duplicates(ACME, ACME_BV),), needs="primary secondary"),
    Condition(
        "MUST_MATCH",
        "matching",
        also=(define("companies", vat={"must_match": True}), update(ACME, vat="BE-1"), update(ACME_BV, vat="BE-2")),
        needs="primary secondary",
    ),
    Condition(
        "REASON_REQUIRED",
        "mark",
        {"override": True},
        also=(mark_not_duplicates(ACME, ACME_BV),),
        needs="primary secondary",
    ),
    Condition("MERGE_LIMIT_EXCEEDED", "count", primary=(was_in_merges(ACME, 251),), needs="primary"),
    Condition("UNKNOWN_PROPERTY", "unknown", {"choices": {"nope": "primary"}}),
    Condition("PROPERTY_NOT_CHOOSABLE", "fixed", {"choices": {"createdate": "primary"}}),
    Condition("VALUE_NOT_FROM_EITHER", "literal", {"choices": {"lifecyclestage": "customer"}}),
    Condition(
        "SUM_OUT_OF_RANGE",
        "sum",
        also=tuple(update(side, hs_analytics_num_visits=1e308) for side in (ACME, ACME_BV)),
        needs="primary secondary",
    ),
    Condition("PREVIEW_TOKEN_INVALID", "token", {"preview_token": "no token of ours"}),
]


def stand_beside(one: Condition, other: Condition) -> bool:
    return one.uses != other.uses and one.uses not in other.needs.split() and other.uses not in one.needs.split()


def world_of(*conditions: Condition) -> tuple[list[Given], dict[str, Any]]:
    facts: list[Given] = []
    for side in ("primary", "secondary"):
        told = [getattr(one, side) for one in conditions if getattr(one, side) is not None]
        assert len(told) <= 1
        facts += told[0] if told else PLAIN[side]
    asks: dict[str, Any] = {"primary": ACME, "secondary": ACME_BV, "into": ACME_GROUP}
    choices: dict[str, str] = {}
    for one in conditions:
        facts += one.also
        asks.update(one.asks)
        choices |= one.asks.get("choices", {})
    return facts, {**asks, "choices": choices}


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda one: f"{one.code} {one.uses}")
def test_a_merge_is_refused_where_one_thing_stands_in_its_way(condition: Condition) -> None:
    facts, asks = world_of(condition)
    given(*facts).when(merge(**asks)).then_refused(condition.code)


PAIRS = [(one, other) for one, other in combinations(CONDITIONS, 2) if stand_beside(one, other)]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=lambda one: f"{one.code} {one.uses}")
def test_where_two_things_stand_in_its_way_the_earlier_code_is_told(first: Condition, second: Condition) -> None:
    facts, asks = world_of(first, second)
    given(*facts).when(merge(**asks)).then_refused(first.code)


def test_every_code_of_a_merge_is_in_the_table_and_next_to_another() -> None:
    adjacent = {(one.code, other.code) for one, other in PAIRS}
    codes = list(dict.fromkeys(one.code for one in CONDITIONS))
    alternatives = {  # Two that cannot both be: a type is unknown or inactive, a record is one of three things, …
        ("UNKNOWN_OBJECT_TYPE", "OBJECT_TYPE_NOT_ACTIVATED"),
        ("MARKED_NOT_DUPLICATES", "REASON_REQUIRED"),
    }
    missing = {pair for pair in pairwise(codes) if pair not in adjacent} - alternatives
    assert missing == set()


def test_every_refusal_there_is_is_given_in_a_test() -> None:
    classes = [one for one in vars(refusals).values() if isinstance(one, type) and hasattr(one, "code")]
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    codes = {one.code for one in classes}
    given_in_tests = {
        one.code for one in classes if re.search(rf'then_refused\(\s*("{one.code}"|{one.__name__}\b)', tests)
    }
    assert codes - given_in_tests - {one.code for one in CONDITIONS} == set()


def test_a_spent_command_id_is_told_before_anything_else() -> None:
    spent = create(ACME)
    reused = merge(ACME._replace(object_type="unicorns"), ACME, into=None)
    then = given(spent).when(type(reused)(**{**_fields(reused), "command_id": spent.command_id}))
    then.then_refused("COMMAND_ID_REUSED", match="new id", command_id=spent.command_id)


def _fields(command: Any) -> dict[str, Any]:  # noqa: ANN401  any Struct
    return {name: getattr(command, name) for name in command.__struct_fields__}
