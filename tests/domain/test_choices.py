"""Layer: tests. What a user may choose of a merge, and what comes before a choice: H10, H11, decisions 4 and 5."""

import pytest

from domain.language.commands import Choice
from domain.language.values import Dressed
from tests.builders import (
    ACME,
    ACME_BV,
    ANA,
    ANN,
    ANNA,
    ANNE,
    DEAL,
    DEAL_AGAIN,
    choosing,
    create,
    define,
    dressed,
    merge,
    update,
)
from tests.specification import Specification, given


def two_cities() -> Specification:
    return given(create(ANN, city="Gent"), create(ANNE, city="Brugge"))


# -- sides and literals


def test_h10_the_user_may_keep_the_secondarys_value() -> None:
    two_cities().when(choosing(city="secondary")).then_decided(
        "city", "Brugge", side="secondary", rule="H10", chosen=True, losing="Gent"
    )


def test_h10_the_user_may_confirm_the_primarys_value() -> None:
    two_cities().when(choosing(city="primary")).then_decided("city", "Gent", side="primary", chosen=True)


def test_h10_what_is_not_chosen_is_the_primarys() -> None:
    given(create(ANN, city="Gent", zip="9000"), create(ANNE, city="Brugge", zip="8000")).when(
        choosing(city="secondary")
    ).then_decided("zip", "9000", side="primary", rule="H08", chosen=False)


@pytest.mark.parametrize("literal", ["Brugge", Dressed("Brugge")])
def test_h10_a_literal_chooses_the_side_that_it_equals(literal: Choice) -> None:
    two_cities().when(choosing(city=literal)).then_decided("city", "Brugge", side="secondary", rule="H10", chosen=True)


def test_h10_a_literal_that_equals_both_sides_is_the_primarys() -> None:
    given(create(ANN, city="Gent"), create(ANNE, city="Gent")).when(choosing(city="Gent")).then_decided(
        "city", "Gent", side="primary", chosen=True
    )


def test_h10_a_literal_that_equals_neither_side_is_refused() -> None:
    two_cities().when(choosing(city="Luik")).then_refused("VALUE_NOT_FROM_EITHER", match="city", properties=["city"])


def test_h10_every_literal_that_equals_neither_side_is_named() -> None:
    given(create(ANN, city="Gent", zip="9000"), create(ANNE, street="Markt 1")).when(
        choosing(city="Luik", zip="4000", street="Markt 1")
    ).then_refused("VALUE_NOT_FROM_EITHER", properties=["city", "zip"])


def test_h10_the_words_primary_and_secondary_are_literals_when_they_are_dressed() -> None:
    given(create(ANN, role="secondary"), create(ANNE, role="primary")).when(
        choosing(role=Dressed("primary"))
    ).then_decided("role", "primary", side="secondary", chosen=True)


@pytest.mark.parametrize("literal", [5, "5", 5.0])
def test_h10_a_literal_is_read_by_the_propertys_type(literal: Choice) -> None:
    given(define("contacts", score={"type": "number"}), create(ANN, score=3), create(ANNE, score=5)).when(
        choosing(score=literal)
    ).then_decided("score", 5, side="secondary", chosen=True)


def test_h10_false_is_not_zero() -> None:
    given(create(ANN, n=0), create(ANNE, n=1)).when(choosing(n=False)).then_refused("VALUE_NOT_FROM_EITHER")


def test_h10_a_list_is_a_literal_too() -> None:
    given(create(ANN, tags=["a"]), create(ANNE, tags=["b", "c"])).when(choosing(tags=["b", "c"])).then_decided(
        "tags", ["b", "c"], side="secondary", chosen=True
    )


@pytest.mark.parametrize("choice", ["secondary", None, "", Dressed(None)])
def test_h10_a_chosen_empty_side_stays_empty(choice: Choice) -> None:
    then = given(create(ANN, city="Gent"), create(ANNE)).when(choosing(city=choice))
    then.then_decided("city", None, side="secondary", rule="H10", chosen=True, losing="Gent")


def test_h10_an_empty_primary_may_be_chosen_over_the_secondarys_value() -> None:
    given(create(ANN), create(ANNE, city="Brugge")).when(choosing(city="primary")).then_decided(
        "city", None, side="primary", chosen=True, losing="Brugge"
    )


def test_h10_an_empty_literal_is_refused_when_neither_side_is_empty() -> None:
    two_cities().when(choosing(city=None)).then_refused("VALUE_NOT_FROM_EITHER", properties=["city"])


def test_h10_a_choice_about_an_address_may_be_written_as_people_write_it() -> None:
    given(create(ANN, email="ann@x.example"), create(ANNE, email="anne@x.example")).when(
        choosing(email=" Anne@X.Example")
    ).then_decided("email", "anne@x.example", side="secondary", chosen=True)


# -- names


@pytest.mark.parametrize("choice", ["primary", "secondary", "Gent"])
def test_h10_a_property_that_nobody_knows_is_refused(choice: Choice) -> None:
    two_cities().when(choosing(nope=choice, city="primary", neither="primary")).then_refused(
        "UNKNOWN_PROPERTY", match="nope, neither", properties=["nope", "neither"]
    )


def test_h10_a_property_once_set_and_cleared_is_known() -> None:
    given(create(ANN, city="Gent"), update(ANN, city=None), create(ANNE)).when(choosing(city="primary")).then_applied()


def test_h10_a_property_that_lost_its_value_in_an_earlier_merge_is_known() -> None:
    given(
        create(ANN, city="Gent", zip="9000"),
        update(ANN, zip=None),
        create(ANNE),
        choosing(city="secondary"),
        create(ANA),
    ).when(merge(ANNA, ANA, choices={"city": "primary", "zip": "secondary"})).then_applied()


def test_h10_a_known_or_defined_property_is_known_without_a_value() -> None:
    given(define("contacts", score={"type": "number"}), create(ANN), create(ANNE)).when(
        choosing(lifecyclestage="primary", email_opt_in="primary")
    ).then_refused("UNKNOWN_PROPERTY", properties=["email_opt_in"])
    given(define("contacts", score={"type": "number"}), create(ANN), create(ANNE)).when(
        choosing(lifecyclestage="primary", score="secondary")
    ).then_applied()


# -- what comes before a choice (H11, decision 5)

NOT_CHOOSABLE_OF_CONTACTS = [
    "createdate",
    "hs_object_id",
    "hs_merged_object_ids",
    "hs_additional_emails",
    "num_conversion_events",
    "num_unique_conversion_events",
    "hs_analytics_num_page_views",
    "hs_marketable_status",
    "hs_legal_basis",
]


@pytest.mark.parametrize("name", NOT_CHOOSABLE_OF_CONTACTS)
@pytest.mark.parametrize("choice", ["primary", "secondary"])
def test_h11_rules_of_the_system_come_before_a_choice(name: str, choice: Choice) -> None:
    two_cities().when(choosing(**{name: choice})).then_refused("PROPERTY_NOT_CHOOSABLE", match=name, properties=[name])


def test_h11_all_properties_that_cannot_be_chosen_are_named() -> None:
    two_cities().when(choosing(**dict.fromkeys([*NOT_CHOOSABLE_OF_CONTACTS, "city"], "primary"))).then_refused(
        "PROPERTY_NOT_CHOOSABLE", properties=NOT_CHOOSABLE_OF_CONTACTS
    )


@pytest.mark.parametrize("name", ["createdate", "hs_analytics_num_page_views", "hs_analytics_num_visits"])
def test_h11_companies_have_their_own(name: str) -> None:
    given(create(ACME), create(ACME_BV)).when(merge(ACME, ACME_BV, choices={name: "secondary"})).then_refused(
        "PROPERTY_NOT_CHOOSABLE", properties=[name]
    )


def test_h11_the_create_date_of_any_type_is_not_chosen() -> None:
    given(create(DEAL), create(DEAL_AGAIN)).when(
        merge(DEAL, DEAL_AGAIN, choices={"createdate": "secondary"})
    ).then_refused("PROPERTY_NOT_CHOOSABLE")


def test_h11_a_choice_comes_before_the_exceptions_of_a_type() -> None:
    then = given(
        create(ANN, lifecyclestage="lead", hs_analytics_source=dressed("PAID", "2023-01-01")),
        create(ANNE, lifecyclestage="customer", hs_analytics_source=dressed("ORGANIC", "2021-01-01")),
    ).when(choosing(lifecyclestage="primary", hs_analytics_source="primary"))
    then.then_decided("lifecyclestage", "lead", side="primary", rule="H10", chosen=True)
    then.then_decided("hs_analytics_source", "PAID", side="primary", rule="H10", chosen=True)


def test_h11_the_user_may_choose_which_email_is_primary() -> None:
    then = given(create(ANN, email="a@x.example"), create(ANNE, email="b@x.example")).when(choosing(email="secondary"))
    then.then_decided("email", "b@x.example", side="secondary", rule="H10", chosen=True)
    assert then.find("email", "a@x.example") == ANNA
    assert then.find("email", "b@x.example") == ANNA


def test_h11_the_user_may_choose_which_domain_is_primary() -> None:
    given(create(ACME, domain="a.example"), create(ACME_BV, domain="b.example")).when(
        merge(ACME, ACME_BV, choices={"domain": "secondary"})
    ).then_decided("domain", "b.example", side="secondary", chosen=True)


@pytest.mark.parametrize(("choice", "of"), [("secondary", ANN), ("primary", ANNE)])
def test_h11_an_empty_email_cannot_be_chosen(choice: Choice, of: tuple[str, str]) -> None:
    ann, anne = ("a@x.example", None) if of == ANN else (None, "b@x.example")
    given(create(ANN, email=ann), create(ANNE, email=anne)).when(choosing(email=choice)).then_refused(
        "PROPERTY_NOT_CHOOSABLE", properties=["email"]
    )


def test_h11_an_empty_domain_cannot_be_chosen() -> None:
    given(create(ACME, domain="a.example"), create(ACME_BV)).when(
        merge(ACME, ACME_BV, choices={"domain": "secondary"})
    ).then_refused("PROPERTY_NOT_CHOOSABLE", properties=["domain"])
