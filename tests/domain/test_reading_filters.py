"""Layer: tests. Reading filters by the types of their properties, wherever filters are defined."""

from collections.abc import Callable

import pytest

from domain.language import filters as f
from domain.language.commands import AnyCommand
from domain.language.comparing import Scalar
from domain.language.refusals import InvalidFilter
from tests.builders import ACME, ANN, ANNE, active_segment, create, define, update, where, workflow
from tests.specification import given

EPOCH = "1704067200000"  # 2024-01-01T00:00:00Z


def test_a_trigger_reads_epoch_milliseconds_as_an_instant() -> None:
    world = given(workflow("w", [f.FilterGroup([f.Greater("createdate", EPOCH)])]))
    assert world.when(create(ANN, createdate="2025-05-05")).record(ANN).workflows == ("w",)
    assert world.when(create(ANNE, createdate="2019-05-05")).record(ANNE).workflows == ()


@pytest.mark.parametrize("defining", [workflow, active_segment])
@pytest.mark.parametrize(
    ("test", "expected", "form"),
    [
        (f.Greater("createdate", "01/01/2024"), "epoch milliseconds", "text of another form"),
        (f.Between("createdate", "2024-01-01", True), "epoch milliseconds", "a bool"),  # noqa: FBT003  the value sent
        (f.Between("createdate", "", "2024-01-01"), "epoch milliseconds", "empty text"),
        (f.In("createdate", ["2024-01-01", 20240101]), "epoch milliseconds", "a number of another form"),
        (f.NotIn("num_conversion_events", [5, "five"]), "a number", "text of another form"),
        (f.Equal("hs_marketable_status", "yes"), "true or false", "text of another form"),
        (f.Less("hs_marketable_status", "true"), "without an order", "a bool property"),
    ],
)
def test_a_filter_that_its_property_can_never_meet_is_refused(
    defining: Callable[[str, list[f.FilterGroup]], AnyCommand], test: f.Filter, expected: str, form: str
) -> None:
    groups = [f.FilterGroup([f.HasProperty("city")]), f.FilterGroup([f.HasProperty("city"), test])]
    then = given().when(defining("one", groups)).then_refused(InvalidFilter, match=expected)
    operator = str(test.__struct_config__.tag)
    assert then.outcome.details is not None
    assert {**then.outcome.details, "expected": ""} == {
        "property": test.property_name,
        "operator": operator,
        "expected": "",
        "form": form,
    }


@pytest.mark.parametrize("v", [EPOCH, int(EPOCH), "2024-01-01", "2024-01-01T01:00:00+01:00"])
def test_a_property_that_gets_its_type_later_is_compared_as_an_instant(v: Scalar) -> None:
    world = given(
        workflow("after", [f.FilterGroup([f.Greater("closed", v)])]),
        workflow("at", [f.FilterGroup([f.Equal("closed", v)])]),
        workflow("never", [f.FilterGroup([f.Greater("closed", "01/01/2024")])]),
        create(ANN, closed="2019-05-05T00:00:00Z"),
        define("contacts", closed={"type": "datetime"}),
    )
    assert world.when(update(ANN, closed="2025-05-05")).record(ANN).workflows == ("after",)
    assert world.when(create(ANNE, closed="2024-01-01")).record(ANNE).workflows == ("at",)


def test_a_value_from_before_its_property_had_a_type_is_compared_as_one() -> None:
    then = given(
        create(ANN, closed="1746403200000", score="9"),
        define("contacts", closed={"type": "datetime"}, score={"type": "number"}),
        workflow("w", [f.FilterGroup([f.Greater("closed", EPOCH), f.Less("score", "10"), f.HasProperty("city")])]),
    ).when(update(ANN, city="Gent"))
    assert then.record(ANN).workflows == ("w",)


def test_addresses_and_domains_of_filters_are_written_as_they_are_stored() -> None:
    world = given(
        workflow("contact", where(email=" Ann@X.Example ")),
        workflow("company", where(domain="ACME.example."), object_type="companies"),
        workflow("part", where(email="ann")),  # No address: it is left as it is, and no address is it.
    )
    assert world.when(create(ANN, email="ann@x.example")).record(ANN).workflows == ("contact",)
    assert world.when(create(ACME, domain="acme.example")).record(ACME).workflows == ("company",)
