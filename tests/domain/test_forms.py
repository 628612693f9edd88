"""Layer: tests. Whom a form submission lands on, through devices, addresses and merges: H20 to H23; and its counts."""

import pytest
from msgspec.structs import replace

from domain.language import events as e
from domain.language.refusals import AlreadyExists, InvalidProperty, ReadOnlyProperty, SumOutOfRange
from domain.language.values import Value
from tests.builders import (
    ANA,
    ANN,
    ANNA,
    ANNE,
    HANNAH,
    archive,
    create,
    dressed,
    merge,
    remove_identifier,
    submit_form,
    update,
    where,
    workflow,
)
from tests.specification import Specification, Then, given

A, B = "a@x.example", "b@x.example"
U1, U2, U9 = "token-1", "token-2", "token-9"


def two_with_devices() -> Specification:
    """Ann on one device, Anne on another."""
    return given(
        create(ANN, email=A),
        create(ANNE, email=B),
        submit_form(usertoken=U1, email=A),
        submit_form(usertoken=U2, email=B),
    )


def counts(then: Then, record: tuple[str, str] = ANN) -> tuple[object, object]:
    of = ANN._replace(object_type=record[0], record_id=record[1])
    return then.value("num_conversion_events", of), then.value("num_unique_conversion_events", of)


# -- whom it lands on


def test_a_submission_from_nobody_known_makes_a_contact() -> None:
    then = given().when(submit_form("signup", usertoken=U1, email=" Ann@X.Example", city="Gent"))
    then.then_applied(e.RecordCreated, e.IdentifierAdded, e.FormSubmitted, e.ActivityLogged)
    assert then.made.object_type == "contacts"
    assert then.outcome.record_id == then.made.record_id
    assert then.value("email") == "ann@x.example"
    assert then.value("city") == "Gent"
    assert then.record(then.made).properties["city"].source == "form"
    assert counts(then, then.made) == (1, 1)
    assert then.find("usertoken", U1) == then.find("email", "ann@x.example") == then.made
    assert then.told(e.RecordCreated)[0].cause == "form:signup"


def test_a_submission_is_an_activity_on_the_contact() -> None:
    asked = submit_form(usertoken=U1)
    then = given(create(ANN, email=A), submit_form(usertoken=U1, email=A)).when(asked)
    (activity,) = then.told(e.ActivityLogged)
    assert (activity.activity_type, activity.records) == ("form_submission", (ANN,))
    assert f"main/activities/{asked.submission_id}" in dict(then.recorded)


def test_h20_the_tokens_of_both_contacts_lead_to_the_merged_record() -> None:
    then = two_with_devices().when(merge())
    assert then.find("usertoken", U1) == then.find("usertoken", U2) == ANNA


def test_h20_a_token_is_never_on_a_third_contact() -> None:
    then = (
        two_with_devices()
        .given(merge(), create(ANA, email="c@x.example"))
        .when(submit_form(usertoken=U2, email="c@x.example"))
    )
    assert then.outcome.record_id == "103"
    assert then.find("usertoken", U2) == ANNA


def test_h22_a_submission_from_the_secondarys_device_lands_on_the_merged_record() -> None:
    then = two_with_devices().given(merge()).when(submit_form(usertoken=U2))
    assert then.outcome.record_id == "103"


def test_h22_a_token_comes_before_an_address_when_they_disagree() -> None:
    then = two_with_devices().when(submit_form(usertoken=U1, email=B))
    assert then.outcome.record_id == "101"
    assert then.value("email", ANN) == A
    assert then.find("email", B) == ANNE


def test_h22_another_address_than_the_contacts_stays_on_the_activity() -> None:
    then = two_with_devices().when(submit_form(usertoken=U1, email="work@x.example"))
    (activity,) = then.told(e.ActivityLogged)
    kept = [one.v for named in activity.values.values() for one in named.values() if isinstance(one, Value)]
    assert kept == ["work@x.example"]
    assert then.value("email", ANN) == A
    assert then.find("email", "work@x.example") is None


def test_h23_a_submission_from_a_new_device_with_the_secondarys_address_lands_on_the_merged_record() -> None:
    then = two_with_devices().given(merge()).when(submit_form(usertoken=U9, email=B))
    assert then.outcome.record_id == "103"
    assert then.find("usertoken", U9) == ANNA


def test_h23_it_works_through_chains() -> None:
    then = (
        two_with_devices()
        .given(merge(), create(ANA), merge(ANA, ANNA, into=HANNAH))
        .when(submit_form(usertoken=U9, email="B@X.example"))
    )
    assert then.outcome.record_id == "106"
    assert then.find("usertoken", U9) == then.find("usertoken", U1) == HANNAH


def test_h23_an_address_alone_finds_the_contact() -> None:
    then = two_with_devices().given(merge()).when(submit_form(email=B))
    assert then.outcome.record_id == "103"


def test_h23_an_address_that_was_removed_finds_its_new_owner_or_makes_one() -> None:
    world = two_with_devices().given(merge(), remove_identifier(ANNA, B))
    assert world.when(submit_form(email=B)).made not in (ANN, ANNE, ANNA)


# -- counts


def test_every_submission_counts_and_a_form_counts_once_as_unique() -> None:
    world = given(create(ANN, email=A, num_conversion_events=4, num_unique_conversion_events=2))
    then = world.when(submit_form("signup", email=A))
    assert counts(then) == (5, 3)
    then = then.when(submit_form("signup", email=A))
    assert counts(then) == (6, 3)
    then = then.when(submit_form("quote", email=A))
    assert counts(then) == (7, 4)


def test_a_submission_that_can_not_be_counted_is_refused_and_never_lost() -> None:
    name = "num_conversion_events"
    for most in (2**63 - 1, 1e308):
        then = given(create(ANN, email=A), update(ANN, {name: most})).when(submit_form(email=A))
        then.then_refused(SumOutOfRange, match="correct the value with update_record", properties=[name])


def test_h40_a_form_that_either_side_used_is_not_unique_again_after_the_merge() -> None:
    world = given(create(ANN, email=A), create(ANNE, email=B))
    world.given(submit_form("signup", email=A), submit_form("signup", email=B), submit_form("quote", email=B))
    then = world.when(merge())
    then.then_decided("num_conversion_events", 3, side="computed")
    then.then_decided("num_unique_conversion_events", 3, side="computed")  # Overcounts, as HubSpot does.
    then = then.when(submit_form("quote", email=A))
    assert counts(then, ANNA) == (4, 3)


# -- what is refused


def test_a_submission_is_logged_once() -> None:
    first = submit_form(email=A)
    again = replace(submit_form(email=A), submission_id=first.submission_id)
    given(first).when(again).then_refused(AlreadyExists, match=first.submission_id, id=first.submission_id)


def test_a_submission_sets_no_read_only_property_and_no_create_date() -> None:
    given().when(submit_form(email=A, hs_object_id="1")).then_refused(ReadOnlyProperty, properties=["hs_object_id"])
    given(create(ANN, email=A)).when(submit_form(email=A, createdate="2020-01-01")).then_refused(ReadOnlyProperty)


def test_a_submission_with_a_value_of_the_wrong_type_is_refused() -> None:
    given().when(submit_form(email=A, num_conversion_events="many")).then_refused(
        InvalidProperty, property="num_conversion_events"
    )
    given().when(submit_form(email="no address")).then_refused(InvalidProperty, property="email")


@pytest.mark.parametrize("sent", [{"email": A}, {"usertoken": U1}, {"usertoken": U1, "email": B}])
def test_field_case_archived_form_restores_the_contact_and_lands_on_it(sent: dict[str, str]) -> None:
    form = submit_form(**sent, city="Gent")
    then = given(create(ANN, email=A), submit_form(usertoken=U1, email=A), archive(ANN)).when(form)
    then.then_applied(e.RecordRestored, e.RecordUpdated, e.FormSubmitted)
    assert [one.cause for one in then.told(e.RecordRestored)] == [f"form:{form.submission_id}"]
    assert (then.outcome.record_id, then.record(ANN).status, then.value("city", ANN)) == ("101", "active", "Gent")


def test_an_old_id_whose_merged_contact_is_archived_is_brought_back_as_that_contact() -> None:
    world = given(create(ANN, email=A), create(ANNE, email=B), merge(), archive(ANNA))
    then = world.when(submit_form(email=B))
    assert (then.outcome.record_id, then.record(ANNA).status) == ("103", "active")


def test_a_form_of_an_archived_contact_enrolls_where_it_makes_a_trigger_true() -> None:
    world = given(workflow("gent", where(city="Gent")), create(ANN, email=A), archive(ANN))
    then = world.when(submit_form(email=A, city="Gent")).then_applied(e.RecordRestored, e.EnrolledByTriggers)
    assert then.record(ANN).workflows == ("gent",)


def test_a_form_that_is_refused_brings_nobody_back() -> None:
    world = given(create(ANN, email=A), archive(ANN))
    then = world.when(submit_form(email=A, num_conversion_events="many")).then_refused(InvalidProperty)
    assert then.record(ANN).status == "archived"


def test_a_form_of_an_active_contact_restores_nothing() -> None:
    assert not given(create(ANN, email=A)).when(submit_form(email=A)).told(e.RecordRestored)


def test_an_address_sent_as_a_property_is_the_submissions_address() -> None:
    then = given(create(ANN, email=A)).when(replace(submit_form(usertoken=U1), properties={"email": A}))
    assert then.outcome.record_id == "101"
    then = given().when(replace(submit_form(usertoken=U1), properties={"email": dressed(A)}))
    assert then.find("email", A) == then.made
