"""Layer: tests. Lifecycle stages: found among the account's whatever their writing, or else warned of."""

import pytest

from domain.language.commands import Choice
from tests.builders import (
    ACME,
    ANN,
    ANNA,
    ANNE,
    DEAL,
    choosing,
    configure,
    create,
    dressed,
    merge,
    recreate,
    submit_form,
    update,
    where,
    workflow,
)
from tests.specification import given

UNKNOWN = "Vaste klant"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("customer", "customer"),
        ("Customer", "customer"),
        (" customer\t", "customer"),
        ("Marketing Qualified Lead", "marketingqualifiedlead"),
        ("marketing-qualified_LEAD", "marketingqualifiedlead"),
        ("marketing\u2011qualified\u00a0lead", "marketingqualifiedlead"),  # As word processors write it.
        ("ｃustomer", "customer"),  # noqa: RUF001  a full-width letter
        ("sales qualified lead", "salesqualifiedlead"),
    ],
)
def test_h39_a_stage_is_stored_as_the_account_writes_it(sent: str, stored: str) -> None:
    then = given(create(ACME)).when(create(ANN, lifecyclestage=sent))
    then.then_warned()
    assert then.value("lifecyclestage", ANN) == stored
    again = then.when(update(ACME, lifecyclestage=dressed(sent)))
    assert again.value("lifecyclestage", ACME) == stored


def test_h39_an_account_may_write_its_stages_with_capitals_and_blanks() -> None:
    then = given(configure(lifecycle_stages=["Lead", "Sales Lead", "sales-lead"])).when(
        create(ANN, lifecyclestage="SALES LEAD")
    )
    assert then.value("lifecyclestage", ANN) == "Sales Lead"
    assert then.when(update(ANN, lifecyclestage="sales-lead")).value("lifecyclestage", ANN) == "sales-lead"


def test_h39_an_unknown_stage_is_kept_as_it_was_sent_and_warned_of() -> None:
    then = given().when(create(ANN, lifecyclestage=UNKNOWN))
    then.then_warned("UNKNOWN_STAGE", match="lifecycle_stages", property="lifecyclestage", record_id="101")
    assert then.value("lifecyclestage", ANN) == UNKNOWN
    then.when(update(ANN, city="Gent")).then_warned()
    then.when(update(ANN, lifecyclestage=UNKNOWN)).then_warned("UNKNOWN_STAGE")
    then.when(update(ANN, lifecyclestage=None)).then_warned()


def test_h39_a_form_and_a_record_made_again_warn_too() -> None:
    given(create(ANN, email="a@x.example")).when(
        submit_form("f", email="a@x.example", lifecyclestage=UNKNOWN)
    ).then_warned("UNKNOWN_STAGE", record_id="101")
    given(create(ANN, lifecyclestage=UNKNOWN), create(ANNE), merge()).when(recreate(ANN)).then_warned("UNKNOWN_STAGE")


def test_h39_a_merge_warns_of_each_side_whose_stage_is_unknown() -> None:
    one, other = create(ANN, lifecyclestage=UNKNOWN), create(ANNE, lifecyclestage="lead")
    then = given(one, other).when(merge())
    then.then_warned("UNKNOWN_STAGE", record_id="101").then_decided("lifecyclestage", "lead", losing=UNKNOWN)
    both = given(one, create(ANNE, lifecyclestage="onbekend")).when(merge())
    both.then_warned("UNKNOWN_STAGE", "UNKNOWN_STAGE", record_id="101").then_decided("lifecyclestage", UNKNOWN)


def test_h39_a_stage_stored_before_the_account_wrote_it_so_still_ranks() -> None:
    then = given(
        configure(lifecycle_stages=["Lead", "Customer"]),
        create(ANN, lifecyclestage="Lead"),
        create(ANNE, lifecyclestage="Customer"),
        configure(lifecycle_stages=["lead", "customer"]),
    ).when(merge())
    then.then_warned().then_decided("lifecyclestage", "Customer", side="secondary")


@pytest.mark.parametrize("literal", ["Customer", "customer", " CUSTOMER"])
def test_h10_a_literal_stage_is_read_as_a_sent_one(literal: Choice) -> None:
    given(create(ANN, lifecyclestage="evangelist"), create(ANNE, lifecyclestage="customer")).when(
        choosing(lifecyclestage=literal)
    ).then_decided("lifecyclestage", "customer", side="secondary", chosen=True)


def test_h10_a_literal_as_it_was_stored_chooses_it_whatever_the_account_writes_now() -> None:
    given(
        configure(lifecycle_stages=["Lead", "Customer"]),
        create(ANN, lifecyclestage="Lead"),
        create(ANNE, lifecyclestage="Customer"),
        configure(lifecycle_stages=["lead", "customer"]),
    ).when(choosing(lifecyclestage="Lead")).then_decided("lifecyclestage", "Lead", side="primary", chosen=True)


@pytest.mark.parametrize("sent", ["Marketing Qualified Lead", "marketingqualifiedlead", "MARKETING-QUALIFIED LEAD"])
def test_h39_a_trigger_finds_a_stage_whatever_its_writing_there(sent: str) -> None:
    then = given(workflow("nurture", where(lifecyclestage=sent)), create(ANN)).when(
        update(ANN, lifecyclestage="Marketing qualified lead")
    )
    assert then.record(ANN).workflows == ("nurture",)


def test_a_property_of_that_name_on_another_type_is_no_stage() -> None:
    then = given().when(create(DEAL, lifecyclestage="Customer"))
    then.then_warned()
    assert then.value("lifecyclestage", DEAL) == "Customer"


def test_h39_the_merged_record_keeps_its_stage_through_another_merge() -> None:
    world = given(create(ANN, lifecyclestage="Customer"), create(ANNE), merge())
    assert world.when(update(ANNA, city="Gent")).value("lifecyclestage", ANNA) == "customer"
