"""Layer: tests. Addresses and domains: whose they are, through merges: H21, H33, H38, H52, H53."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from domain.language import events as e
from domain.language.commands import AddIdentifier, RemoveIdentifier, SetPrimaryIdentifier
from domain.language.ids import RecordRef
from domain.language.refusals import IdentifierInUse, InvalidProperty, NotAdditional
from tests.builders import (
    ACME,
    ACME_BV,
    ACME_GROUP,
    ANA,
    ANN,
    ANNA,
    ANNE,
    ANNIE,
    GLOBEX,
    HANNAH,
    add_identifier,
    archive,
    choosing,
    create,
    dressed,
    merge,
    remove_identifier,
    set_primary_identifier,
    submit_form,
    suppress,
    update,
)
from tests.specification import Then, given

Ask = Callable[[RecordRef, str], AddIdentifier | RemoveIdentifier | SetPrimaryIdentifier]
A, B, C = "a@x.example", "b@x.example", "c@x.example"


def additional(then: Then, kind: str, record: tuple[str, str]) -> set[str]:
    """List the addresses or domains that lead to a record, but for its primary one."""
    found = {
        key.value
        for key, holders in then.world.claims().items()
        if key.kind == kind and record in {then.world.resolve(one) for one in holders}
    }
    primary = then.world.record(ANN._replace(object_type=record[0], record_id=record[1])).value(kind)
    return found - ({str(primary.v)} if primary else set())


# -- addresses of contacts


def test_h38_the_primarys_address_stays_and_the_secondarys_becomes_additional() -> None:
    then = given(create(ANN, email=A), create(ANNE, email=B)).when(merge())
    then.then_decided("email", A, side="primary", rule="H38", losing=B)
    assert additional(then, "email", ANNA) == {B}


def test_h38_without_an_address_of_the_primary_the_secondarys_becomes_primary() -> None:
    then = given(create(ANN), create(ANNE, email=B)).when(merge())
    then.then_decided("email", B, side="secondary", rule="H38")
    assert additional(then, "email", ANNA) == set()
    assert then.find("email", B) == ANNA


def test_h38_additional_addresses_of_both_are_united_without_the_primary() -> None:
    then = given(
        create(ANN, email=A), add_identifier(ANN, "a2@x.example"), create(ANNE, email=B), add_identifier(ANNE, C)
    ).when(choosing(email="secondary"))
    assert then.value("email") == B
    assert additional(then, "email", ANNA) == {A, "a2@x.example", C}


def test_h38_addresses_are_the_same_however_they_are_written() -> None:
    world = given(create(ANN, email=" Ann@X.Example "))
    then = world.when(create(ANNE, email="ann@x.example"))
    then.then_refused(IdentifierInUse, match="101", kind="email", current_id="101")
    assert then.world.record(ANN).properties["email"].v == "ann@x.example"


def test_h38_an_address_stays_in_use_through_chains() -> None:
    given(create(ANN, email=A), create(ANNE, email=B), merge(), create(ANA), merge(ANNA, ANA)).when(
        create(ANNIE, email=B)
    ).then_refused(IdentifierInUse, kind="email", current_id="106")


def test_h21_the_secondarys_address_leads_to_the_merged_record() -> None:
    then = given(create(ANN, email=A), create(ANNE, email=B)).when(merge())
    assert then.find("email", A) == then.find("email", B) == ANNA


def test_h21_it_does_so_through_chains_and_through_any_side() -> None:
    then = given(create(ANN, email=A), create(ANNE, email=B), merge(), create(ANA, email=C)).when(
        merge(ANA, ANNA, into=HANNAH)
    )
    assert then.find("email", A) == then.find("email", B) == then.find("email", C) == HANNAH
    assert then.value("email") == C


@pytest.mark.parametrize("address", ["nope", "@x.example", "ann@", "a@b@c", "@"])
def test_an_address_has_one_at_sign_with_text_on_both_sides(address: str) -> None:
    given().when(create(ANN, email=address)).then_refused(InvalidProperty, match="email", property="email")
    given(create(ANN)).when(add_identifier(ANN, address)).then_refused(InvalidProperty, property="email")


# -- changing addresses


def test_a_new_primary_address_releases_the_old() -> None:
    then = given(create(ANN, email=A)).when(update(ANN, email=B))
    assert then.find("email", A) is None
    assert then.find("email", B) == ANN
    then.when(create(ANNE, email=A)).then_applied()


def test_an_additional_address_that_is_set_is_promoted_and_the_old_one_stays() -> None:
    then = given(create(ANN, email=A), add_identifier(ANN, B)).when(update(ANN, email=B))
    assert then.value("email", ANN) == B
    assert additional(then, "email", ANN) == {A}


def test_a_cleared_address_is_released_and_additional_ones_stay() -> None:
    then = given(create(ANN, email=A), add_identifier(ANN, B)).when(update(ANN, email=None))
    assert then.value("email", ANN) is None
    assert then.find("email", A) is None
    assert additional(then, "email", ANN) == {B}


def test_an_address_released_by_the_merged_record_is_free_whichever_record_it_came_from() -> None:
    then = given(create(ANN), create(ANNE, email=B), merge()).when(update(ANNE, email=C))
    assert then.outcome.followed == {"102": "103"}
    assert then.find("email", B) is None
    assert then.find("email", C) == ANNA


def test_the_address_of_another_is_not_taken() -> None:
    world = given(create(ANN, email=A), create(ANNE, email=B))
    world.when(update(ANNE, email=A)).then_refused(IdentifierInUse, kind="email", current_id="101")
    world.when(add_identifier(ANNE, A)).then_refused(IdentifierInUse, kind="email", current_id="101")


def test_an_archived_record_keeps_its_address() -> None:
    given(create(ANN, email=A), archive(ANN)).when(create(ANNE, email=A)).then_refused(IdentifierInUse)


def test_setting_the_same_address_again_changes_no_claim() -> None:
    then = given(create(ANN, email=A)).when(update(ANN, email=A.upper()))
    assert then.find("email", A) == ANN


@pytest.mark.parametrize("ask", [add_identifier, remove_identifier, set_primary_identifier])
def test_addresses_are_of_contacts_and_domains_of_companies(ask: Ask) -> None:
    world = given(create(ANN), create(ACME))
    on_company = replace(ask(ACME, "a.example"), kind="email", value=A)
    world.when(on_company).then_refused("TYPE_MISMATCH", expected="contacts", actual="companies")
    on_contact = replace(ask(ANN, A), kind="domain", value="a.example")
    world.when(on_contact).then_refused("TYPE_MISMATCH", expected="companies", actual="contacts")


def test_adding_what_it_has_already_does_nothing() -> None:
    given(create(ANN, email=A)).when(add_identifier(ANN, A)).then_nothing()


def test_the_primary_address_may_be_set_to_an_additional_one() -> None:
    then = given(create(ANN, email=A), create(ANNE, email=B), merge()).when(set_primary_identifier(ANN, B))
    then.then_applied(e.PrimaryIdentifierSet)
    assert then.outcome.followed == {"101": "103"}
    assert then.value("email", ANNA) == B
    assert additional(then, "email", ANNA) == {A}


def test_only_an_additional_address_may_be_set_as_primary() -> None:
    given(create(ANN, email=A), create(ANNE, email=B)).when(set_primary_identifier(ANN, B)).then_refused(
        NotAdditional, match="101", kind="email", record_id="101"
    )


# -- taking an address away (H52), or a domain (H53)


def test_h52_an_additional_address_is_removed_and_a_new_contact_made_with_it() -> None:
    then = (
        given(create(ANN, email=A), create(ANNE, email=B), merge())
        .when(remove_identifier(ANNA, B))
        .when(create(ANNIE, email=B))
    )
    assert then.find("email", B) == ANNIE
    assert then.find("email", A) == ANNA
    assert then.world.resolve(ANNE) == ANNA  # The old id leads where it led.


def test_h52_tokens_and_values_stay_where_they_were() -> None:
    then = given(create(ANN, email=A)).when(submit_form(usertoken="token-1", email=B))
    anne = then.made
    then = then.when(merge(ANN, anne)).when(remove_identifier(ANNA, B)).when(create(ANNIE, email=B))
    assert then.find("usertoken", "token-1") == ANNA
    assert then.value("num_conversion_events", ANNA) == 1
    assert then.value("num_conversion_events", ANNIE) is None


def test_h52_a_form_with_the_address_from_a_new_device_is_the_new_contacts() -> None:
    then = (
        given(create(ANN, email=A), create(ANNE, email=B), merge())
        .when(remove_identifier(ANN, B))
        .when(create(ANNIE, email=B))
        .when(submit_form(usertoken="token-9", email=B))
    )
    assert then.find("usertoken", "token-9") == ANNIE
    assert then.outcome.record_id == "105"


def test_h52_the_primary_address_is_not_removed_so() -> None:
    given(create(ANN, email=A), create(ANNE, email=B), merge()).when(remove_identifier(ANNA, A)).then_refused(
        NotAdditional, match="update_record or set_primary_identifier", kind="email", record_id="103"
    )


@pytest.mark.parametrize("address", [C, "nobody@x.example"])
def test_h52_what_is_not_its_own_is_not_removed(address: str) -> None:
    given(create(ANN, email=A), create(ANNE, email=C)).when(remove_identifier(ANN, address)).then_refused(NotAdditional)


def test_h52_a_suppression_for_the_address_follows_it_to_the_new_contact() -> None:
    then = (
        given(create(ANN, email=A), create(ANNE, email=B), suppress(ANNE, topic="news", address=B), merge())
        .when(remove_identifier(ANNA, B))
        .when(create(ANNIE, email=B))
    )
    (followed,) = then.record(ANNIE).suppressions
    assert (followed.kind, followed.topic, followed.address) == ("unsubscribed", "news", B)
    assert followed.source_record_id == "102"
    assert followed.at == then.record(ANNE).suppressions[0].at
    assert then.record(ANNA).suppressions  # It stands on both: the most restrictive wins.


def test_h53_a_domain_is_removed_and_a_new_company_made_with_it() -> None:
    then = (
        given(create(ACME, domain="a.example"), create(ACME_BV, domain="b.example"), merge(ACME, ACME_BV))
        .when(remove_identifier(ACME_GROUP, "b.example"))
        .when(create(GLOBEX, domain="b.example"))
    )
    assert then.find("domain", "b.example") == GLOBEX
    assert additional(then, "domain", ACME_GROUP) == set()
    assert then.world.resolve(ACME_BV) == ACME_GROUP


def test_h53_the_primary_domain_is_not_removed_so() -> None:
    given(create(ACME, domain="a.example")).when(remove_identifier(ACME, "A.example.")).then_refused(NotAdditional)


def test_an_address_may_be_removed_under_whatever_id_it_was_claimed() -> None:
    then = given(
        create(ANN, email=A), create(ANNE, email=B), add_identifier(ANNE, C), merge(), create(ANA), merge(ANNA, ANA)
    ).when(remove_identifier(HANNAH, C.upper()))
    then.then_applied(e.IdentifierRemoved)
    assert additional(then, "email", HANNAH) == {B}


# -- domains of companies


def test_h33_the_primarys_domain_stays_and_the_secondarys_becomes_additional() -> None:
    then = given(create(ACME, domain="a.example"), create(ACME_BV, domain="b.example")).when(merge(ACME, ACME_BV))
    then.then_decided("domain", "a.example", side="primary", rule="H33", losing="b.example")
    assert additional(then, "domain", ACME_GROUP) == {"b.example"}


def test_h33_without_a_domain_of_the_primary_the_secondarys_becomes_the_domain() -> None:
    then = given(create(ACME), create(ACME_BV, domain="b.example")).when(merge(ACME, ACME_BV))
    then.then_decided("domain", "b.example", side="secondary", rule="H33")
    assert additional(then, "domain", ACME_GROUP) == set()


def test_h33_the_same_domain_twice_is_one() -> None:
    then = given(create(ACME, domain="A.Example."), create(ACME_BV, domain="a.example")).when(merge(ACME, ACME_BV))
    assert then.value("domain") == "a.example"
    assert additional(then, "domain", ACME_GROUP) == set()


def test_h33_extra_domains_of_both_are_united() -> None:
    then = given(
        create(ACME, domain="a.example"),
        add_identifier(ACME, "a2.example"),
        create(ACME_BV, domain="b.example"),
        add_identifier(ACME_BV, "A2.Example"),
    ).when(merge(ACME, ACME_BV))
    assert additional(then, "domain", ACME_GROUP) == {"a2.example", "b.example"}


def test_an_address_keeps_its_own_time_and_source() -> None:
    then = given().when(create(ANN, email=dressed(A, "2020-01-01", source="import")))
    assert then.record(ANN).properties["email"].source == "import"
