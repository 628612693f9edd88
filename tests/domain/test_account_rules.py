"""Layer: tests. Rules that an account sets for its own properties, and rules that it cannot change."""

from typing import get_args

import pytest

from domain.language.commands import RuleName
from domain.language.refusals import InvalidProperty
from domain.language.values import Plain, Sent
from domain.survivorship.rules import Rule
from domain.survivorship.rulesets import ACCOUNT_RULES
from tests.builders import (
    ANN,
    ANNE,
    CAR,
    CAR_AGAIN,
    choosing,
    create,
    define,
    dressed,
    merge,
)
from tests.specification import given

OLD, NEW = "2023-01-01", "2024-01-01"


@pytest.mark.parametrize(
    ("rule", "kind", "primary", "secondary", "kept", "side"),
    [
        ("primary_wins", "string", dressed("Gent", OLD), dressed("Brugge", NEW), "Gent", "primary"),
        ("primary_wins", "string", None, dressed("Brugge", NEW), "Brugge", "secondary"),
        ("most_recent", "string", dressed("Gent", OLD), dressed("Brugge", NEW), "Brugge", "secondary"),
        ("most_recent", "string", dressed("Gent", NEW), dressed("Brugge", OLD), "Gent", "primary"),
        ("most_recent", "string", dressed("Gent", NEW), dressed("Brugge", NEW), "Gent", "primary"),
        ("most_recent", "string", dressed("Gent", OLD), None, "Gent", "primary"),
        ("most_recent", "string", None, dressed("Brugge", OLD), "Brugge", "secondary"),
        ("oldest", "string", dressed("Gent", NEW), dressed("Brugge", OLD), "Brugge", "secondary"),
        ("oldest", "string", dressed("Gent", OLD), dressed("Brugge", NEW), "Gent", "primary"),
        ("oldest", "string", dressed("Gent", OLD), dressed("Brugge", OLD), "Gent", "primary"),
        ("oldest", "string", None, dressed("Brugge", NEW), "Brugge", "secondary"),
        ("sum", "number", 3, 2, 5, "computed"),
        ("sum", "number", 0.5, 2, 2.5, "computed"),
        ("sum", "number", None, 2, 2, "computed"),
        ("sum", "number", 3, None, 3, "computed"),
        ("max", "number", 9, 10, 10, "secondary"),
        ("max", "number", 10, 9, 10, "primary"),
        ("max", "number", 9, 9, 9, "primary"),
        ("max", "number", None, -1, -1, "secondary"),
        ("max", "number", -1, None, -1, "primary"),
        ("max", "datetime", "2024-05-01T01:00:00Z", "2024-05-01T02:00:00+02:00", "2024-05-01T01:00:00Z", "primary"),
        ("min", "number", 9, 10, 9, "primary"),
        ("min", "number", 10, 9, 9, "secondary"),
        ("min", "number", None, 0, 0, "secondary"),
        ("min", "datetime", "2024-05-01T01:00:00Z", "2024-05-01T02:00:00+02:00", "2024-05-01T00:00:00Z", "secondary"),
        ("max", "string", "abc", "abd", "abd", "secondary"),
        ("max", "bool", False, True, True, "secondary"),
        ("min", "bool", False, True, False, "primary"),
        ("union", "list", ["a", "b"], ["b", "c"], ["a", "b", "c"], "both"),
        ("union", "list", ["a"], None, ["a"], "primary"),
        ("union", "list", None, ["b"], ["b"], "secondary"),
    ],
)
def test_an_account_may_set_its_own_rule_per_property(  # noqa: PLR0913, PLR0917  one column each
    rule: str, kind: str, primary: Sent, secondary: Sent, kept: Plain, side: str
) -> None:
    then = given(
        define("contacts", ours={"type": kind, "rule": rule}), create(ANN, ours=primary), create(ANNE, ours=secondary)
    ).when(merge())
    then.then_decided("ours", kept, chosen=False)
    assert then.decision("ours").side == side
    assert then.decision("ours").rule_name in (rule, "fills_empty")


@pytest.mark.parametrize("rule", ["primary_wins", "most_recent", "oldest", "sum", "max", "min", "union"])
def test_two_empty_values_decide_nothing_under_any_rule(rule: str) -> None:
    kind = {"sum": "number", "union": "list"}.get(rule, "string")
    given(define("contacts", ours={"type": kind, "rule": rule}), create(ANN, ours=None), create(ANNE)).when(
        merge()
    ).then_undecided("ours")


def test_a_custom_type_has_rules_too() -> None:
    then = given(
        define("cars", "Car", mileage={"type": "number", "rule": "max"}, colour={"rule": "most_recent"}),
        create(CAR, mileage=120_000, colour=dressed("red", NEW), plate="1-ABC-001"),
        create(CAR_AGAIN, mileage="125000", colour=dressed("blue", OLD), plate="1-ABC-002"),
    ).when(merge(CAR, CAR_AGAIN))
    then.then_decided("mileage", 125_000, side="secondary")
    then.then_decided("colour", "red", side="primary")
    then.then_decided("plate", "1-ABC-001", side="primary", rule="H08")


def test_a_users_choice_comes_before_the_accounts_rule() -> None:
    given(define("contacts", ours={"type": "number", "rule": "max"}), create(ANN, ours=1), create(ANNE, ours=2)).when(
        choosing(ours="primary")
    ).then_decided("ours", 1, side="primary", rule="H10", chosen=True)


@pytest.mark.parametrize(("rule", "kept"), [("primary_wins", "newer"), ("oldest", "older"), ("most_recent", "newer")])
def test_h43_details_follow_the_source_under_the_accounts_rule_too(rule: str, kept: str) -> None:
    then = given(
        define("contacts", hs_analytics_source={"rule": rule}),
        create(ANN, hs_analytics_source=dressed("PAID", NEW), hs_analytics_source_data_1="newer"),
        create(ANNE, hs_analytics_source=dressed("ORGANIC", OLD), hs_analytics_source_data_1="older"),
    ).when(merge())
    then.then_decided("hs_analytics_source_data_1", kept)


@pytest.mark.parametrize(
    ("name", "kind", "rule", "primary", "secondary", "kept"),
    [
        ("createdate", "datetime", "max", "2021-01-01", "2024-01-01", "2021-01-01T00:00:00Z"),
        ("num_conversion_events", "number", "max", 3, 2, 5),
        ("hs_marketable_status", "bool", "min", False, True, True),
    ],
)
def test_h11_an_accounts_rule_does_not_come_before_a_rule_of_the_system(  # noqa: PLR0913, PLR0917  one column each
    name: str, kind: str, rule: str, primary: Sent, secondary: Sent, kept: Plain
) -> None:
    world = given()
    world.world.execute(define("contacts", also={name: {"type": kind, "rule": rule}}))  # Refused or without effect.
    world.given(create(ANN, {name: primary}), create(ANNE, {name: secondary})).when(merge()).then_decided(name, kept)


@pytest.mark.parametrize(("earlier", "kept", "side"), [("7", 15, "computed"), ("seven", "seven", "primary")])
def test_a_value_from_before_its_property_was_a_number_is_not_lost_in_a_sum(
    earlier: str, kept: Plain, side: str
) -> None:
    then = given(
        create(ANN, score=earlier), define("contacts", score={"type": "number", "rule": "sum"}), create(ANNE, score=8)
    ).when(merge())
    then.then_decided("score", kept)
    assert then.decision("score").side == side


@pytest.mark.parametrize(
    ("earlier", "elements"),
    [(True, ["true", "x"]), (False, ["false", "x"]), (5, ["5", "x"]), (1e22, ["1e22", "x"]), ("x; y", ["x", "y"])],
)
def test_a_value_from_before_its_property_was_a_list_is_an_element_as_json_writes_it(
    earlier: Sent, elements: list[str]
) -> None:
    given(
        create(ANN, tags=earlier), define("contacts", tags={"type": "list", "rule": "union"}), create(ANNE, tags=["x"])
    ).when(merge()).then_decided("tags", elements, side="both")


def test_a_value_from_before_its_property_was_a_number_is_compared_as_one() -> None:
    given(
        create(ANN, score="9"), define("contacts", score={"type": "number", "rule": "max"}), create(ANNE, score=10)
    ).when(merge()).then_decided("score", 10, side="secondary")


@pytest.mark.parametrize(("kind", "rule"), [("number", "sum"), ("list", "union")])
def test_a_unique_property_has_no_rule_that_makes_a_value_of_two(kind: str, rule: str) -> None:
    given().when(define("contacts", ours={"type": kind, "rule": rule, "unique": True})).then_refused(
        InvalidProperty, match="unique", property="ours"
    )


@pytest.mark.parametrize(
    ("kind", "rule"), [("string", "sum"), ("datetime", "sum"), ("string", "union"), ("list", "sum")]
)
def test_a_rule_that_cannot_work_on_a_propertys_type_is_refused(kind: str, rule: str) -> None:
    given().when(define("contacts", ours={"type": kind, "rule": rule})).then_refused(
        "INVALID_PROPERTY", match="ours", property="ours"
    )


@pytest.mark.parametrize("object_type", ["contacts", "courses", "cars"])
def test_a_property_that_becomes_unique_where_there_may_be_values_warns(object_type: str) -> None:
    world = given(define("cars", "Car"))
    then = world.when(define(object_type, vin={"unique": True}, colour={}))
    then.then_warned("NOT_UNIQUE", match="claimed when they are next set", property="vin")
    then.when(define(object_type, vin={"unique": True, "rule": "most_recent"})).then_warned()


def test_a_unique_property_of_a_type_that_begins_with_it_warns_of_nothing() -> None:
    given().when(define("cars", "Car", vin={"unique": True})).then_warned()


def test_every_rule_that_a_command_may_name_is_an_accounts_rule() -> None:
    assert set(get_args(RuleName)) == ACCOUNT_RULES.keys()


def test_no_two_rules_have_one_name() -> None:
    names = [rule.name for rule in Rule.__subclasses__()]
    assert len(names) == len(set(names))
