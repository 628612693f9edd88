"""Layer: tests. Links between records: H16, the Primary company (H17), parents and children (H37), and activities."""

from collections.abc import Callable

import pytest

from domain.language import events as e
from domain.language import streams
from domain.language.commands import AnyCommand
from domain.language.ids import RecordRef
from domain.language.refusals import AlreadyExists, CompanyParentChild, NotFound, RecordArchived, SameRecord
from tests.builders import (
    ACME,
    ACME_BV,
    ACME_GROUP,
    ANA,
    ANN,
    ANNA,
    ANNE,
    ANNIE,
    DEAL,
    DEAL_AGAIN,
    GLOBEX,
    GLOBEX_INITECH,
    HANNAH,
    INITECH,
    NOBODY,
    archive,
    associate,
    create,
    dissociate,
    log_activity,
    merge,
    parent,
    primary_company,
    restore,
)
from tests.specification import Specification, given

PEOPLE = create(ANN), create(ANNE), create(ANA)
COMPANIES = create(ACME), create(ACME_BV), create(GLOBEX), create(INITECH)


def world() -> Specification:
    return given(*PEOPLE, *COMPANIES)


# -- links are kept with the ids they were made with


def test_h16_a_link_is_a_fact_of_its_own_between_the_ids_of_that_day() -> None:
    then = given(create(ANN), create(DEAL)).when(associate(ANN, DEAL, "buyer", owner={"since": "2024"}))
    (link,) = then.told(e.Associated)
    assert {link.one, link.other} == {ANN, DEAL}
    assert set(link.labels) == {"buyer", "owner"}
    assert then.recorded[0][0] == streams.association("main", DEAL, ANN)
    assert not then.told_records()  # A company with 100,000 links stays a short stream.


def test_h16_an_old_id_is_linked_as_the_record_it_is_today() -> None:
    then = given(create(ANN), create(ANNE), merge(), create(DEAL)).when(associate(DEAL, ANNE))
    assert then.outcome.followed == {"102": "103"}
    (link,) = then.told(e.Associated)
    assert {link.one, link.other} == {ANNA, DEAL}


def test_h16_a_merge_moves_no_link() -> None:
    then = given(create(ANN), create(ANNE), create(DEAL), associate(ANN, DEAL), associate(ANNE, DEAL)).when(merge())
    assert not then.told(e.Associated)
    assert not then.told(e.Dissociated)


def test_h16_the_link_between_the_two_is_dropped_and_recorded() -> None:
    then = world().given(associate(ANN, ANNE, "sister")).when(merge())
    assert then.merged.event.dropped_self
    assert set(then.merged.event.dropped_self) <= {ANN, ANNE}
    assert then.record(ANNA).peers == ()


def test_h16_the_link_to_itself_is_found_through_chains() -> None:
    then = world().given(create(ANNIE), associate(ANN, ANA), merge(ANA, ANNIE, into=HANNAH)).when(merge(ANN, HANNAH))
    assert then.merged.event.dropped_self
    assert then.record(ANNA).peers == ()


def test_h16_it_is_found_when_the_link_was_made_to_a_record_that_was_merged_twice() -> None:
    far = ANN._replace(record_id="190")
    then = (
        world()
        .given(create(ANNIE), associate(ANA, ANN), merge(ANA, ANNIE, into=HANNAH), merge(HANNAH, ANNE, into=far))
        .when(merge(far, ANN, into=None))
    )
    assert then.merged.event.dropped_self


def test_h16_links_to_others_of_the_type_are_carried() -> None:
    then = world().given(associate(ANN, ANA)).when(merge())
    assert then.merged.event.dropped_self == ()
    assert then.when(merge(ANNA, ANA)).merged.event.dropped_self


def test_h16_a_link_that_was_ended_is_no_link_to_itself() -> None:
    assert world().given(associate(ANN, ANNE), dissociate(ANN, ANNE)).when(merge()).merged.event.dropped_self == ()


def test_h16_ending_a_link_by_an_old_id_ends_it() -> None:
    then = world().given(associate(ANN, ANA), merge(ANN, ANNE), dissociate(ANA, ANN)).when(merge(ANNA, ANA))
    assert then.merged.event.dropped_self == ()


# -- the Primary company


def test_h17_one_company_is_primary_and_the_label_moves() -> None:
    then = world().given(primary_company(ANN, ACME)).when(primary_company(ANN, GLOBEX))
    assert then.record(ANN).primary_company == "204"


def test_h17_the_primarys_company_keeps_the_label_and_the_secondarys_loses_it() -> None:
    then = world().given(primary_company(ANN, ACME), primary_company(ANNE, GLOBEX)).when(merge())
    assert then.record(ANNA).primary_company == "201"
    assert then.merged.event.demoted == (GLOBEX,)


def test_h17_without_a_primary_company_of_the_primary_the_secondarys_keeps_the_label() -> None:
    then = world().given(associate(ANN, ACME), primary_company(ANNE, GLOBEX)).when(merge())
    assert then.record(ANNA).primary_company == "204"
    assert then.merged.event.demoted == ()


def test_h17_the_same_company_on_both_sides_keeps_the_label() -> None:
    then = world().given(primary_company(ANN, ACME), primary_company(ANNE, ACME)).when(merge())
    assert then.record(ANNA).primary_company == "201"
    assert then.merged.event.demoted == ()


def test_h17_companies_are_compared_by_what_they_are_today() -> None:
    then = world().given(primary_company(ANN, ACME), primary_company(ANNE, ACME_BV), merge(ACME, ACME_BV)).when(merge())
    assert then.merged.event.demoted == ()
    pointer = then.record(ANNA).primary_company
    assert pointer is not None
    assert then.world.resolve(ACME._replace(record_id=pointer)) == ACME_GROUP


def test_h17_the_company_that_loses_the_label_is_named_by_what_it_is_today() -> None:
    then = (
        world().given(primary_company(ANN, ACME), primary_company(ANNE, GLOBEX), merge(GLOBEX, INITECH)).when(merge())
    )
    assert then.merged.event.demoted == (GLOBEX_INITECH,)


def test_h17_links_that_others_hold_to_merged_companies_keep_the_label() -> None:
    then = world().given(primary_company(ANN, ACME), primary_company(ANNE, ACME_BV)).when(merge(ACME, ACME_BV))
    assert then.merged.event.demoted == ()
    assert then.record(ANN).primary_company == "201"
    assert then.record(ANNE).primary_company == "202"


@pytest.mark.parametrize(
    ("archived", "kept", "demoted"),
    [
        ([ACME], "204", (ACME,)),
        ([GLOBEX], "201", (GLOBEX,)),
        ([ACME, GLOBEX], "201", (GLOBEX,)),
    ],
)
def test_field_case_archived_primary_an_archived_company_competes_with_none(
    archived: list[RecordRef], kept: str, demoted: tuple[RecordRef, ...]
) -> None:
    linked = world().given(primary_company(ANN, ACME), primary_company(ANNE, GLOBEX))
    then = linked.given(*(archive(one) for one in archived)).when(merge())
    assert (then.record(ANNA).primary_company, then.merged.event.demoted) == (kept, demoted)
    assert then.when(restore(archived[0])).record(ANNA).primary_company == kept


def test_h17_an_archived_company_keeps_the_label_where_nobody_else_has_it() -> None:
    for owner in (ANN, ANNE):
        then = world().given(primary_company(owner, ACME), archive(ACME)).when(merge())
        assert (then.record(ANNA).primary_company, then.merged.event.demoted) == ("201", ())


def test_h17_a_company_is_archived_where_the_one_it_was_merged_into_is() -> None:
    linked = world().given(primary_company(ANN, ACME), primary_company(ANNE, GLOBEX), merge(ACME, ACME_BV))
    then = linked.given(archive(ACME_GROUP)).when(merge())
    assert (then.record(ANNA).primary_company, then.merged.event.demoted) == ("204", (ACME_GROUP,))


def test_h17_deals_have_a_primary_company_too() -> None:
    then = (
        world()
        .given(create(DEAL), create(DEAL_AGAIN), primary_company(DEAL, ACME), primary_company(DEAL_AGAIN, GLOBEX))
        .when(merge(DEAL, DEAL_AGAIN))
    )
    assert then.merged.event.demoted == (GLOBEX,)


def test_h17_a_link_that_ended_has_no_label() -> None:
    then = world().given(primary_company(ANN, ACME), dissociate(ANN, ACME)).when(create(ANNIE))
    assert then.record(ANN).primary_company is None


def test_h17_the_label_alone_may_be_taken_away_by_the_company_that_was_merged() -> None:
    then = world().given(primary_company(ANN, ACME), merge(ACME, ACME_BV)).when(dissociate(ANN, ACME_GROUP, "primary"))
    assert then.record(ANN).primary_company is None


def test_h17_ending_the_link_to_another_company_leaves_the_label() -> None:
    then = world().given(primary_company(ANN, ACME)).when(dissociate(ANN, GLOBEX))
    assert then.record(ANN).primary_company == "201"


def test_h17_the_label_may_be_given_from_the_companys_end() -> None:
    then = world().when(associate(ACME, ANN, "primary", "employer"))
    assert then.record(ANN).primary_company == "201"
    (link,) = then.told(e.Associated)
    assert link.labels == ("employer",)
    assert then.when(dissociate(ACME, ANN, "primary")).record(ANN).primary_company is None


def test_h17_between_companies_it_is_a_label_like_any_other() -> None:
    then = world().when(associate(ACME, GLOBEX, "primary"))
    (link,) = then.told(e.Associated)
    assert link.labels == ("primary",)
    assert then.record(ACME).primary_company is None


def test_h17_a_link_without_the_label_leaves_it_where_it_is() -> None:
    then = world().given(primary_company(ANN, ACME)).when(associate(ANN, GLOBEX, "employer"))
    assert then.record(ANN).primary_company == "201"


# -- parents and children


def blocked(*links: AnyCommand) -> bool:
    then = world().given(*links).when(merge(ACME, ACME_BV))
    if then.outcome.status == "refused":
        then.then_refused(CompanyParentChild)
    return then.outcome.status == "refused"


def test_h37_a_link_without_a_hierarchy_blocks_nothing() -> None:
    assert not blocked(associate(ACME, GLOBEX), associate(ACME, INITECH, "partner"))


def test_h37_either_word_makes_a_hierarchy_and_both_companies_are_in_it() -> None:
    assert blocked(associate(ACME, GLOBEX, "parent"))
    assert blocked(associate(ACME, GLOBEX, "child"))
    assert blocked(associate(GLOBEX, ACME, "child"))


def test_h37_a_relationship_that_ended_blocks_nothing() -> None:
    assert not blocked(parent(GLOBEX, of=ACME), dissociate(ACME, GLOBEX))
    assert not blocked(parent(GLOBEX, of=ACME), dissociate(GLOBEX, ACME))
    assert not blocked(parent(GLOBEX, of=ACME), dissociate(ACME, GLOBEX, "parent"))
    assert not blocked(associate(ACME, GLOBEX, "parent", "partner"), dissociate(ACME, GLOBEX, "parent"))


def test_h37_ending_another_label_leaves_the_relationship() -> None:
    assert blocked(associate(ACME, GLOBEX, "parent", "partner"), dissociate(ACME, GLOBEX, "partner"))


def test_h37_ending_the_relationship_the_other_way_round_leaves_it() -> None:
    assert blocked(associate(ACME, GLOBEX, "parent"), dissociate(ACME, GLOBEX, "child"))


def test_h37_one_of_two_relationships_is_enough() -> None:
    assert blocked(parent(GLOBEX, of=ACME), parent(ACME, of=INITECH), dissociate(ACME, GLOBEX))


def test_h37_contacts_have_no_hierarchy() -> None:
    world().given(associate(ANN, ANA, "parent")).when(merge()).then_applied()


# -- ends


def test_an_absent_link_ends_without_complaint() -> None:
    world().when(dissociate(ANN, ACME)).then_applied()
    world().when(dissociate(ANN, ACME, "primary")).then_applied()


@pytest.mark.parametrize("ask", [associate, dissociate])
def test_both_ends_must_exist_and_stand(ask: Callable[[RecordRef, RecordRef], AnyCommand]) -> None:
    world().when(ask(ANN, NOBODY)).then_refused(NotFound, record_id="199")
    world().when(ask(NOBODY, ANN)).then_refused(NotFound, record_id="199")
    world().given(archive(ACME)).when(ask(ANN, ACME)).then_refused(RecordArchived, record_id="201")


@pytest.mark.parametrize("ask", [associate, dissociate])
def test_both_types_must_be_known(ask: Callable[[RecordRef, RecordRef], AnyCommand]) -> None:
    unicorn = RecordRef("unicorns", "1")
    world().when(ask(ANN, unicorn)).then_refused("UNKNOWN_OBJECT_TYPE", object_type="unicorns")
    world().when(ask(unicorn, ANN)).then_refused("UNKNOWN_OBJECT_TYPE", object_type="unicorns")


def test_a_record_is_not_linked_to_itself_under_any_id() -> None:
    world().when(associate(ANN, ANN)).then_refused(SameRecord)
    world().given(merge()).when(associate(ANN, ANNE)).then_refused(SameRecord)


# -- activities


def test_h15_an_activity_is_logged_on_the_records_of_today() -> None:
    then = world().given(merge()).when(log_activity("n1", ANN, ANNE, ACME, subject="Hello Ann", body="How are you?"))
    (activity,) = then.told(e.ActivityLogged)
    assert activity.records == (ANNA, ACME)
    assert then.outcome.followed == {"101": "103", "102": "103"}


def test_h15_an_activity_without_words_has_none() -> None:
    (activity,) = world().when(log_activity("n1", ANN)).told(e.ActivityLogged)
    assert activity.values == {}


def test_h15_a_merge_moves_no_activity() -> None:
    then = world().given(log_activity("n1", ANN), log_activity("n2", ANNE)).when(merge())
    assert not then.told(e.ActivityLogged)


def test_an_activity_is_logged_once() -> None:
    world().given(log_activity("n1", ANN)).when(log_activity("n1", ANNE)).then_refused(AlreadyExists, id="n1")


def test_an_activity_of_a_missing_record_is_refused() -> None:
    world().when(log_activity("n1", ANN, NOBODY)).then_refused(NotFound, record_id="199")
