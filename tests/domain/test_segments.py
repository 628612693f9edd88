"""Layer: tests. Static segments in a merge: H18. Active ones are read models: see the tests of reads."""

from domain.language import events as e
from domain.language.refusals import NotFound, SegmentIsActive, TypeMismatch
from tests.builders import (
    ACME,
    ANA,
    ANN,
    ANNA,
    ANNE,
    active_segment,
    add_to_segment,
    configure,
    create,
    merge,
    remove_from_segment,
    static_segment,
    where,
)
from tests.specification import Specification, given


def three_lists() -> Specification:
    """Ann on s1 and s2, Anne on s2 and s3."""
    return given(
        *map(static_segment, ("s1", "s2", "s3")),
        create(ANN),
        create(ANNE),
        add_to_segment("s1", ANN),
        add_to_segment("s2", ANN),
        add_to_segment("s2", ANNE),
        add_to_segment("s3", ANNE),
    )


def test_h18_the_primarys_lists_carry_over_and_the_secondary_is_off_all_of_its_own() -> None:
    then = three_lists().when(merge())
    assert then.merged.event.segments_carried == ("s1", "s2")
    assert then.merged.event.segments_removed == ("s2", "s3")
    assert set(then.record(ANNA).segments) == {"s1", "s2"}


def test_h18_the_account_may_unite_the_lists() -> None:
    world = three_lists().given(configure(static_segments="union"))
    assert set(world.when(merge()).record(ANNA).segments) == {"s1", "s2", "s3"}


def test_h18_carried_lists_are_those_of_the_primary_in_the_next_merge() -> None:
    then = three_lists().given(merge(), create(ANA), add_to_segment("s3", ANA)).when(merge(ANNA, ANA))
    assert then.merged.event.segments_carried == ("s1", "s2")
    assert then.merged.event.segments_removed == ("s3",)


def test_h18_a_record_that_left_a_list_is_not_removed_from_it() -> None:
    then = three_lists().given(remove_from_segment("s3", ANNE)).when(merge())
    assert then.merged.event.segments_removed == ("s2",)


def test_an_old_id_is_put_on_a_list_as_the_record_it_is_today() -> None:
    then = three_lists().given(merge()).when(add_to_segment("s3", ANNE))
    assert then.outcome.followed == {"102": "103"}
    assert "s3" in then.record(ANNA).segments


def test_being_on_a_list_twice_or_off_it_twice_changes_nothing() -> None:
    three_lists().when(add_to_segment("s1", ANN)).then_nothing()
    three_lists().when(remove_from_segment("s3", ANN)).then_nothing()
    three_lists().when(remove_from_segment("s1", ANN)).then_applied(e.RemovedFromSegment)


def test_nobody_is_put_on_an_active_segment() -> None:
    world = given(active_segment("customers", where(lifecyclestage="customer")), create(ANN))
    for ask in (add_to_segment, remove_from_segment):
        world.when(ask("customers", ANN)).then_refused(SegmentIsActive, match="filter", segment_id="customers")


def test_a_segment_must_exist_and_be_of_the_records_type() -> None:
    world = given(static_segment("s1"), create(ACME), create(ANN))
    world.when(add_to_segment("s9", ANN)).then_refused("NOT_FOUND", match="define_segment", segment_id="s9")
    world.when(add_to_segment("s1", ACME)).then_refused(TypeMismatch, expected="contacts", actual="companies")
    world.when(add_to_segment("s1", ANA)).then_refused(NotFound, record_id="104")


def test_a_segment_keeps_its_kind_and_type() -> None:
    world = given(static_segment("s1"))
    world.when(active_segment("s1", where(city="Gent"))).then_refused("ALREADY_EXISTS")
    world.when(static_segment("s1", "companies")).then_refused("ALREADY_EXISTS")
    world.when(static_segment("s1")).then_applied(e.SegmentDefined)
