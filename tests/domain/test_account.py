"""Layer: tests. Settings of an account, its own object types, and the names it gives them (H55)."""

import pytest

from domain.language import events as e
from domain.language.commands import DisplayName
from domain.language.refusals import InvalidProperty, RuleIsFixed
from domain.state.account import LIFECYCLE_STAGES
from tests.builders import ACME, ACME_BV, ANN, CAR, configure, create, define, merge
from tests.specification import given


def test_what_is_not_configured_has_its_default() -> None:
    account = given().when(configure()).account
    assert account.plan("sales") == account.plan("service") == account.plan("marketing") == "professional"
    assert account.salesforce_integration is False
    assert account.marketing_contacts is True
    assert account.lifecycle_stages == LIFECYCLE_STAGES
    assert account.merge_limit == 250
    assert account.activated_object_types == ()
    assert account.static_segments == "primary_only"
    assert account.later_enrollment == "requires_allow"
    assert account.legal_basis == "multiple"
    assert account.rule_set == "hubspot@1"


def test_what_is_not_named_stays() -> None:
    world = given(configure(merge_limit=9, marketing_contacts=False, subscriptions={"sales": "free"}))
    account = world.when(configure(salesforce_integration=True, subscriptions={"service": "starter"})).account
    assert (account.merge_limit, account.marketing_contacts, account.salesforce_integration) == (9, False, True)
    assert (account.plan("sales"), account.plan("service"), account.plan("marketing")) == (
        "free",
        "starter",
        "professional",
    )


def test_an_empty_list_is_a_setting_too() -> None:
    world = given(configure(activated_object_types=["courses"]))
    assert world.when(configure(activated_object_types=[])).account.activated_object_types == ()


def test_accounts_have_their_own_settings() -> None:
    world = given(configure(account="other", merge_limit=1))
    assert world.when(configure()).account.merge_limit == 250


def test_h55_a_display_name_is_a_label_and_the_type_stays() -> None:
    world = given(
        configure(display_names={"companies": DisplayName("Account", "Accounts")}), create(ACME), create(ACME_BV)
    )
    then = world.when(merge(ACME, ACME_BV))
    assert then.made.object_type == "companies"
    assert then.account.display_names["companies"] == DisplayName("Account", "Accounts")
    world.when(create(ANN._replace(object_type="Accounts"))).then_refused("UNKNOWN_OBJECT_TYPE")


def test_h55_a_new_name_for_one_type_leaves_the_others() -> None:
    world = given(configure(display_names={"companies": DisplayName("Account", "Accounts")}))
    account = world.when(configure(display_names={"deals": DisplayName("Case", "Cases")})).account
    assert set(account.display_names) == {"companies", "deals"}


def test_a_custom_type_is_known_from_its_definition_on() -> None:
    world = given()
    world.when(create(CAR)).then_refused("UNKNOWN_OBJECT_TYPE")
    world.given(define("cars", "Car")).when(create(CAR)).then_applied(e.RecordCreated)


def test_a_type_gains_properties_and_keeps_those_it_has() -> None:
    world = given(define("cars", "Car", doors={"type": "number"}), define("cars", wheels={"type": "number"}))
    assert world.when(create(CAR, doors="5", wheels="4")).value("doors", CAR) == 5
    assert world.world.record(CAR).properties["wheels"].v == 4


@pytest.mark.parametrize("name", ["createdate", "num_conversion_events", "hs_object_id", "hs_legal_basis", "email"])
def test_what_the_system_owns_is_not_defined_again(name: str) -> None:
    given().when(define("contacts", also={name: {"type": "string"}})).then_refused(
        RuleIsFixed, match="fixed rule.*leave it out of the definition", properties=[name]
    )


@pytest.mark.parametrize("unique", [False, True])
def test_a_property_is_unique_or_not_for_good(*, unique: bool) -> None:
    world = given(define("cars", "Car", vin={"unique": unique}))
    said = "is unique" if unique else "is not unique"
    world.when(define("cars", vin={"unique": not unique})).then_refused(InvalidProperty, match=said, property="vin")
    world.when(define("cars", vin={"unique": unique, "rule": "most_recent"})).then_applied()


def test_a_known_property_keeps_its_type() -> None:
    given().when(define("contacts", hs_analytics_num_visits={"type": "bool"})).then_refused(
        InvalidProperty, property="hs_analytics_num_visits"
    )
