"""Layer: tests. Merges are final (H51, H54); what was merged away may be made again as a new record."""

import pytest

from domain.language import events as e
from domain.language.ids import RecordRef
from domain.language.refusals import AlreadyExists, NotFound, NotMergedAway, UnmergeNotSupported
from tests.builders import (
    ACME,
    ACME_BV,
    ACME_GROUP,
    ANA,
    ANN,
    ANNA,
    ANNE,
    ANNIE,
    CAR,
    CAR_AGAIN,
    DEAL,
    DEAL_AGAIN,
    GLOBEX,
    HANNAH,
    NOBODY,
    TICKET,
    add_identifier,
    archive,
    create,
    create_without_id,
    define,
    dressed,
    merge,
    recreate,
    remove_identifier,
    suppress,
    unmerge,
    update,
    where,
    workflow,
)
from tests.specification import Specification, given

H52 = [{"rule": "H52", "commands": ["remove_identifier", "create_record"]}]
H53 = [{"rule": "H53", "commands": ["remove_identifier", "create_record"]}]
A, B = "a@x.example", "b@x.example"


# -- no unmerge


@pytest.mark.parametrize("of", [ANN, ANNE, ANNA])
def test_h51_a_merge_is_never_undone_under_any_id_and_nothing_is_told_but_the_refusal(of: RecordRef) -> None:
    then = given(create(ANN), create(ANNE), merge()).when(unmerge(of))
    then.then_refused(UnmergeNotSupported, match="final", workarounds=H52)
    assert [type(event) for _, event in then.recorded] == [e.CommandRefused]


@pytest.mark.parametrize("of", [NOBODY, RecordRef("unicorns", "1"), ANN])
def test_h51_it_is_refused_whatever_the_id(of: RecordRef) -> None:
    given(create(ANN), archive(ANN)).when(unmerge(of)).then_refused(UnmergeNotSupported)


def test_h51_companies_are_told_their_workaround() -> None:
    given(create(ACME), create(ACME_BV), merge(ACME, ACME_BV)).when(unmerge(ACME_GROUP)).then_refused(
        UnmergeNotSupported, match="additional identifier", workarounds=H53
    )


@pytest.mark.parametrize("of", [DEAL, TICKET, RecordRef("cars", "501"), RecordRef("courses", "1")])
def test_h54_other_types_have_no_workaround_but_what_was_merged_away_can_be_made_again(of: RecordRef) -> None:
    given(define("cars")).when(unmerge(of)).then_refused(UnmergeNotSupported, match="recreate_record", workarounds=[])


# -- made again


def two_merged() -> Specification:
    return given(
        create(ANN, email=A, city="Gent"),
        create(ANNE, email=B, city=dressed("Brugge", "2024-01-01", source="import"), createdate="2021-03-09"),
        update(ANNE, phone="+32 9 000 00 00"),
        merge(),
    )


def test_h54_what_was_merged_away_is_made_again_with_the_values_it_had() -> None:
    then = two_merged().when(recreate(ANNE, ANNIE))
    then.then_applied(e.RecordCreated)
    made = then.record(ANNIE)
    assert made.status == "active"
    assert made.recreated_from == "102"
    assert then.value("city", ANNIE) == "Brugge"
    assert then.value("phone", ANNIE) == "+32 9 000 00 00"
    assert then.value("createdate", ANNIE) == "2021-03-09T00:00:00Z"
    assert (made.properties["city"].source, made.properties["city"].at.year) == ("import", 2024)
    assert then.told(e.RecordCreated)[0].cause == "recreate:102"


def test_h54_the_merge_stands() -> None:
    then = two_merged().when(recreate(ANNE, ANNIE))
    assert then.world.resolve(ANNE) == ANNA
    assert then.record(ANNE).status == "merged_away"
    assert then.value("phone", ANNA) == "+32 9 000 00 00"


def test_identifiers_that_are_taken_are_left_out_and_listed() -> None:
    then = two_merged().when(recreate(ANNE, ANNIE))
    assert then.outcome.left_out == ("email",)
    assert then.value("email", ANNIE) is None
    assert then.find("email", B) == ANNA


def test_identifiers_that_are_free_again_come_along() -> None:
    then = two_merged().given(remove_identifier(ANNA, B)).when(recreate(ANNE, ANNIE))
    assert then.outcome.left_out == ()
    assert then.find("email", B) == ANNIE


def test_a_domain_is_shared_and_comes_along() -> None:
    then = given(create(ACME, domain="a.example"), create(ACME_BV, domain="b.example"), merge(ACME, ACME_BV)).when(
        recreate(ACME_BV, GLOBEX)
    )
    assert then.outcome.left_out == ()
    assert then.value("domain", GLOBEX) == "b.example"


def test_a_unique_value_that_leads_to_the_merged_record_is_left_out_whether_it_won_or_lost() -> None:
    unique = define("cars", vin={"unique": True}, plate={"unique": True})
    world = given(
        unique,
        create(CAR, vin="VIN-0001"),
        create(CAR_AGAIN, vin="VIN-0002", plate="1-ABC-002"),
        merge(CAR, CAR_AGAIN),
    )
    again = CAR._replace(record_id="599")
    then = world.when(recreate(CAR_AGAIN, again))
    assert then.outcome.left_out == ("vin", "plate")
    freed = remove_identifier(CAR, "VIN-0002", "property:vin")
    assert world.given(freed).when(recreate(CAR_AGAIN, again._replace(record_id="598"))).outcome.left_out == ("plate",)


def test_a_merged_record_that_was_merged_away_is_made_again_as_it_was() -> None:
    then = two_merged().given(create(ANA, city="Aalst"), merge(ANA, ANNA, into=HANNAH)).when(recreate(ANNA, ANNIE))
    assert then.value("city", HANNAH) == "Aalst"
    assert then.value("city", ANNIE) == "Gent"
    assert then.record(ANNIE).recreated_from == "103"
    assert then.record(ANNIE).merge_count == 0


def test_a_record_made_again_may_be_merged_again() -> None:
    two_merged().given(recreate(ANNE, ANNIE)).when(merge(ANNA, ANNIE)).then_applied(e.RecordsMerged)


def test_without_an_id_it_gets_a_new_one() -> None:
    then = two_merged().when(recreate(ANNE))
    assert then.made.record_id.isdecimal()
    assert then.outcome.record_id == then.made.record_id


def test_its_suppressions_come_along() -> None:
    world = given(create(ANN), create(ANNE), suppress(ANNE, topic="news"), suppress(ANNE, address=B), merge())
    then = world.when(recreate(ANNE, ANNIE))
    assert [(one.topic, one.address) for one in then.record(ANNIE).suppressions] == [("news", None), (None, B)]
    assert {one.source_record_id for one in then.record(ANNIE).suppressions} == {"102"}
    assert [one.at for one in then.record(ANNIE).suppressions] == [one.at for one in then.record(ANNE).suppressions]


def test_it_is_enrolled_like_any_record_that_begins() -> None:
    then = two_merged().given(workflow("w1", where(city="Brugge"))).when(recreate(ANNE, ANNIE))
    assert then.record(ANNIE).workflows == ("w1",)


def test_only_what_was_merged_away_is_made_again() -> None:
    world = two_merged()
    world.when(recreate(ANNA)).then_refused(NotMergedAway, match="was not merged away", record_id="103")
    world.when(recreate(NOBODY)).then_refused(NotFound, record_id="199")
    world.given(archive(ANNA)).when(recreate(ANNA)).then_refused(NotMergedAway)


@pytest.mark.parametrize("taken", [ANN, ANNE, ANNA])
def test_a_new_id_that_is_taken_is_refused(taken: RecordRef) -> None:
    two_merged().when(recreate(ANNE, taken)).then_refused(AlreadyExists, id=taken.record_id)


def test_the_workaround_that_is_named_works() -> None:
    world = two_merged()
    world.when(unmerge(ANNE)).then_refused(UnmergeNotSupported, workarounds=H52)
    then = world.given(remove_identifier(ANNE, B)).when(create_without_id("contacts", email=B))
    assert then.find("email", B) == then.made


def test_additional_addresses_stay_with_the_merged_record() -> None:
    then = given(create(ANN), create(ANNE, email=B), add_identifier(ANNE, "b2@x.example"), merge()).when(
        recreate(ANNE, ANNIE)
    )
    assert then.find("email", "b2@x.example") == ANNA


def test_deals_are_made_again_too() -> None:
    then = given(create(DEAL, amount=5), create(DEAL_AGAIN, amount=7), merge(DEAL, DEAL_AGAIN)).when(
        recreate(DEAL_AGAIN)
    )
    assert then.value("amount") == 7
