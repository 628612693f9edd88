"""Layer: tests. Properties that must match: two records with different values of one are not merged by mistake."""

import pytest

from domain.language.refusals import MustMatch, ReasonRequired
from domain.language.values import Sent
from tests.builders import ANN, ANNE, DEAL, DEAL_AGAIN, create, define, merge, update
from tests.specification import Specification, given

GUARDED = define("contacts", user_key={"must_match": True}, birthday={"type": "datetime", "must_match": True})


def two(one: Sent, other: Sent) -> Specification:
    return given(GUARDED, create(ANN, user_key=one), create(ANNE, user_key=other))


def test_two_records_that_differ_in_a_property_that_must_match_are_not_merged() -> None:
    refused = two("Key 0001", "Key 0002").when(merge())
    refused.then_refused(MustMatch, match="user_key.*override_must_match and a reason", properties=["user_key"])
    assert "Key 000" not in str(refused.outcome)


def test_every_property_that_differs_is_named() -> None:
    given(
        GUARDED,
        create(ANN, user_key="1", birthday="1980-01-01"),
        create(ANNE, user_key="2", birthday="1980-01-02"),
    ).when(merge()).then_refused(MustMatch, properties=["user_key", "birthday"])


@pytest.mark.parametrize(
    ("one", "other"), [("1", "1"), ("1", " 1 "), ("1", None), (None, "1"), (None, None), ("1", "")]
)
def test_the_same_value_or_one_on_one_side_alone_does_not_block(one: Sent, other: Sent) -> None:
    two(one, other).when(merge()).then_applied()


def test_values_are_compared_by_their_type_also_those_from_before_it_was_defined() -> None:
    given(
        create(ANN, birthday="1980-01-01T02:00:00+02:00", user_key=7),
        create(ANNE, birthday="1980-01-01", user_key="7"),
        GUARDED,
    ).when(merge()).then_applied()


def test_it_is_overridden_with_a_reason() -> None:
    world = two("1", "2")
    world.when(merge(override_must_match=True)).then_refused(
        ReasonRequired, match="^override_must_match", field="reason"
    )
    world.when(merge(override=True, reason="same")).then_refused(MustMatch)
    then = world.when(merge(override_must_match=True, reason="same person, two logins"))
    then.then_decided("user_key", "1", losing="2")


def test_once_they_match_they_merge() -> None:
    two("1", "2").given(update(ANNE, user_key="1")).when(merge()).then_applied()


def test_a_definition_may_take_the_guard_away() -> None:
    two("1", "2").given(define("contacts", user_key={})).when(merge()).then_applied()


def test_another_type_is_not_guarded() -> None:
    world = given(GUARDED, create(DEAL, user_key="1"), create(DEAL_AGAIN, user_key="2"))
    world.when(merge(DEAL, DEAL_AGAIN)).then_applied()
