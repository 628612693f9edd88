"""Layer: tests. Suppressions: the most restrictive wins. Marks: two that are no duplicates stay two."""

import pytest

from domain.language import events as e
from domain.language.commands import AnyCommand, SuppressionKind
from domain.language.refusals import MarkedNotDuplicates, ReasonRequired, SameRecord
from tests.builders import (
    ANA,
    ANN,
    ANNA,
    ANNE,
    ANNIE,
    HANNAH,
    add_identifier,
    choosing,
    create,
    lift_suppression,
    mark_not_duplicates,
    merge,
    remove_identifier,
    submit_form,
    suppress,
    unmark_not_duplicates,
    update,
)
from tests.specification import Then, given

TWO = create(ANN), create(ANNE)
B = "b@x.example"


def suppressions(then: Then, of: tuple[str, str]) -> set[tuple[str, str | None, str | None]]:
    record = then.record(ANN._replace(object_type=of[0], record_id=of[1]))
    return {one.key for one in record.suppressions}


# -- suppressions


@pytest.mark.parametrize("kind", ["unsubscribed", "objected", "do_not_contact"])
@pytest.mark.parametrize("of", [ANN, ANNE])
def test_a_suppression_of_either_side_stands_on_the_merged_record(kind: SuppressionKind, of: tuple[str, str]) -> None:
    who = ANN if of == ANN else ANNE
    then = given(*TWO, suppress(who, kind)).when(merge())
    assert suppressions(then, ANNA) == {(kind, None, None)}
    (kept,) = then.record(ANNA).suppressions
    assert kept.source_record_id == who.record_id
    assert kept.at == then.record(who).suppressions[0].at


def test_suppressions_of_both_are_united() -> None:
    then = given(
        *TWO,
        suppress(ANN, topic="news"),
        suppress(ANN, "objected"),
        suppress(ANNE, topic="news"),
        suppress(ANNE, topic="offers"),
        suppress(ANNE, address=B),
    ).when(merge())
    assert len(then.record(ANNA).suppressions) == 4
    assert suppressions(then, ANNA) == {
        ("unsubscribed", "news", None),
        ("unsubscribed", "offers", None),
        ("unsubscribed", None, B),
        ("objected", None, None),
    }


def test_suppressions_pass_through_chains() -> None:
    then = given(*TWO, suppress(ANNE, topic="news", address=B), merge(), create(ANA)).when(
        merge(ANA, ANNA, into=HANNAH)
    )
    assert suppressions(then, HANNAH) == {("unsubscribed", "news", B)}
    assert then.record(HANNAH).suppressions[0].source_record_id == "102"


def test_marketing_status_says_nothing_about_suppressions() -> None:
    then = given(create(ANN, hs_marketable_status=True), create(ANNE, hs_marketable_status=False), suppress(ANNE)).when(
        merge()
    )
    then.then_decided("hs_marketable_status", value=True)
    assert suppressions(then, ANNA)


def test_a_suppression_that_stands_keeps_its_time() -> None:
    world = given(*TWO, suppress(ANN, topic="news"))
    first = world.world.record(ANN).suppressions
    then = world.when(suppress(ANN, topic="news"))
    then.then_nothing()
    assert then.record(ANN).suppressions == first


def test_a_suppression_is_lifted_by_any_id_of_the_lineage() -> None:
    then = given(*TWO, suppress(ANNE, topic="news"), merge()).when(lift_suppression(ANN, topic="news"))
    then.then_applied(e.SuppressionLifted)
    assert suppressions(then, ANNA) == set()


def test_what_is_lifted_is_what_was_suppressed_and_no_more() -> None:
    world = given(*TWO, suppress(ANN), suppress(ANN, topic="news"), suppress(ANN, "objected"))
    then = world.when(lift_suppression(ANN, topic="news"))
    assert suppressions(then, ANN) == {("unsubscribed", None, None), ("objected", None, None)}
    assert suppressions(then.when(lift_suppression(ANN, topic="offers")), ANN) == suppressions(then, ANN)


# -- an address takes its suppressions along


@pytest.mark.parametrize(
    "take",
    [create(ANA, email=B), add_identifier(ANNE, B), update(ANNE, email=B), submit_form(email=B)],
    ids=lambda one: type(one).__name__,
)
def test_a_suppression_follows_its_address_to_whoever_has_it_next(take: AnyCommand) -> None:
    then = given(
        create(ANN, email=B), create(ANNE), suppress(ANN, topic="news", address=" B@X.example"), update(ANN, email=None)
    ).when(take)
    whom = then.find("email", B)
    assert whom not in (None, ANN)
    assert suppressions(then, whom or ANN) == {("unsubscribed", "news", B)}


def test_it_follows_from_one_owner_to_the_next_and_the_next() -> None:
    then = (
        given(*TWO, create(ANA), add_identifier(ANN, B), suppress(ANN, address=B))
        .when(remove_identifier(ANN, B))
        .when(add_identifier(ANNE, B))
        .when(remove_identifier(ANNE, B))
        .when(add_identifier(ANA, B))
    )
    (followed,) = then.record(ANA).suppressions
    assert followed.source_record_id == "101"
    assert followed.at == then.record(ANN).suppressions[0].at


def test_it_follows_an_address_that_nobody_had_yet() -> None:
    then = given(*TWO, suppress(ANN, address=B)).when(add_identifier(ANNE, B))
    assert suppressions(then, ANNE) == {("unsubscribed", None, B)}


def test_a_suppression_of_the_record_follows_no_address() -> None:
    own = suppress(ANN), suppress(ANN, topic="news", address="other@x.example")
    then = given(*TWO, add_identifier(ANN, B), *own, remove_identifier(ANN, B)).when(add_identifier(ANNE, B))
    assert suppressions(then, ANNE) == set()
    then = given(*TWO, *own, suppress(ANN, "objected", address=B)).when(add_identifier(ANNE, B))
    assert suppressions(then, ANNE) == {("objected", None, B)}


def test_lifting_it_for_the_address_lifts_it_wherever_it_stands() -> None:
    then = given(
        *TWO, add_identifier(ANN, B), suppress(ANN, address=B), remove_identifier(ANN, B), add_identifier(ANNE, B)
    ).when(lift_suppression(ANNE, address=B))
    assert suppressions(then, ANNE) == set()
    then = then.when(remove_identifier(ANNE, B)).when(create(ANA, email=B))
    assert suppressions(then, ANA) == set()


# -- marks


def test_two_that_are_marked_are_not_merged() -> None:
    world = given(*TWO, mark_not_duplicates(ANN, ANNE))
    world.when(merge()).then_refused(
        MarkedNotDuplicates, match="unmark_not_duplicates", primary_id="101", secondary_id="102"
    )
    world.when(merge(ANNE, ANN, into=ANNA)).then_refused(MarkedNotDuplicates)


def test_an_override_needs_a_reason() -> None:
    world = given(*TWO, mark_not_duplicates(ANN, ANNE))
    world.when(merge(override=True)).then_refused(ReasonRequired, match="reason", field="reason")
    world.when(merge(override=True, reason="  ")).then_refused(ReasonRequired)
    world.when(merge(override=True, reason="We asked both of them")).then_applied(e.RecordsMerged)


def test_a_reason_alone_is_no_override() -> None:
    given(*TWO, mark_not_duplicates(ANN, ANNE)).when(merge(reason="We asked both of them")).then_refused(
        MarkedNotDuplicates
    )


def test_merged_records_inherit_the_marks_of_both() -> None:
    world = given(*TWO, create(ANA), create(ANNIE), mark_not_duplicates(ANN, ANA), mark_not_duplicates(ANNE, ANNIE))
    world.given(merge())
    world.when(merge(ANNA, ANA)).then_refused(MarkedNotDuplicates, primary_id="103", secondary_id="104")
    world.when(merge(ANNIE, ANNA, into=HANNAH)).then_refused(MarkedNotDuplicates)


def test_a_mark_is_found_when_the_other_was_merged_too() -> None:
    world = given(*TWO, create(ANA), create(ANNIE), mark_not_duplicates(ANN, ANA))
    world.given(merge(), merge(ANA, ANNIE, into=HANNAH))
    world.when(merge(ANNA, HANNAH, into=None)).then_refused(MarkedNotDuplicates)
    world.when(merge(HANNAH, ANNA, into=None)).then_refused(MarkedNotDuplicates)


def test_a_mark_may_be_taken_back_under_any_id() -> None:
    world = given(
        *TWO, create(ANA), create(ANNIE), mark_not_duplicates(ANN, ANA), merge(), merge(ANA, ANNIE, into=HANNAH)
    )
    world.given(unmark_not_duplicates(ANNIE, ANNE)).when(merge(ANNA, HANNAH, into=None)).then_applied()


def test_a_mark_of_others_is_in_nobodys_way() -> None:
    given(*TWO, create(ANA), mark_not_duplicates(ANN, ANA)).when(merge()).then_applied()


def test_a_mark_that_was_overridden_is_gone_with_the_pair() -> None:
    then = given(*TWO, mark_not_duplicates(ANN, ANNE)).when(merge(override=True, reason="We asked both of them"))
    assert then.record(ANNA).not_duplicates == ()


def test_marking_twice_or_taking_back_nothing_changes_nothing() -> None:
    given(*TWO, mark_not_duplicates(ANN, ANNE)).when(mark_not_duplicates(ANNE, ANN)).then_nothing()
    given(*TWO).when(unmark_not_duplicates(ANN, ANNE)).then_nothing()


def test_taking_one_mark_back_leaves_the_others() -> None:
    world = given(*TWO, create(ANA), mark_not_duplicates(ANN, ANNE), mark_not_duplicates(ANN, ANA))
    world.given(unmark_not_duplicates(ANN, ANNE))
    world.when(merge(ANN, ANA, into=HANNAH)).then_refused(MarkedNotDuplicates)
    world.when(merge()).then_applied()


def test_marks_are_of_known_types_and_records() -> None:
    unicorns = ANN._replace(object_type="unicorns"), ANNE._replace(object_type="unicorns")
    given(*TWO).when(mark_not_duplicates(*unicorns)).then_refused("UNKNOWN_OBJECT_TYPE")
    given(*TWO).when(mark_not_duplicates(ANN, ANA)).then_refused("NOT_FOUND", record_id="104")


def test_a_record_is_not_marked_against_itself() -> None:
    given(*TWO, merge()).when(mark_not_duplicates(ANN, ANNE)).then_refused(SameRecord)


def test_choices_do_not_touch_suppressions() -> None:
    then = given(create(ANN, city="Gent"), create(ANNE, city="Brugge"), suppress(ANNE)).when(choosing(city="primary"))
    assert suppressions(then, ANNA)
