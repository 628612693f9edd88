"""Layer: tests. Parents and children of companies: one parent, no circle, and what a merge does with them (H37)."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from domain.decisions.hierarchy import EXAMINED_MAX, LEVELS_MAX
from domain.language import events as e
from domain.language.commands import AnyCommand
from domain.language.ids import RecordRef
from domain.language.refusals import CompanyParentChild, HasParent, HierarchyCircle, HierarchyTooDeep, SameRecord
from tests.builders import (
    ACME,
    ACME_BV,
    ACME_GROUP,
    GLOBEX,
    INITECH,
    archive,
    associate,
    create,
    dissociate,
    merge,
    parent,
    restore,
)
from tests.specification import InMemoryLedger, Specification, Then, given

LABELS: tuple[e.Relation, e.Relation] = "parent", "child"
COMPANIES = create(ACME), create(ACME_BV), create(GLOBEX), create(INITECH)


def world(*more: AnyCommand) -> Specification:
    return given(*COMPANIES, *more)


def companies(count: int) -> list[RecordRef]:
    return [RecordRef("companies", f"c{number}") for number in range(count)]


def chain(of: Sequence[RecordRef]) -> Specification:
    """Make companies, each the child of the next."""
    return given(*(create(one) for one in of), *(parent(high, of=low) for low, high in pairwise(of)))


def parents(world: InMemoryLedger, company: RecordRef) -> set[str]:
    """List a company's parents by what they are today."""
    related = world.record(world.resolve(company)).hierarchy.items()
    return {world.resolve(RecordRef("companies", other)).record_id for other, is_a in related if is_a == "parent"}


# -- one parent


def test_field_case_parent_cycle_a_second_parent_is_refused() -> None:
    for asked in (parent(INITECH, of=ACME), associate(INITECH, ACME, "child")):
        then = world(parent(GLOBEX, of=ACME)).when(asked)
        then.then_refused(HasParent, match="dissociate", record_id="201", parent_id="204")


def test_a_company_may_have_many_children() -> None:
    world(parent(ACME, of=GLOBEX)).when(parent(ACME, of=INITECH)).then_applied(e.PeerLinked)


def test_the_parent_that_it_has_may_be_said_again_under_any_id() -> None:
    then = world(parent(GLOBEX, of=ACME), archive(ACME), merge(GLOBEX, INITECH, into=None), restore(ACME)).when(
        parent(GLOBEX, of=ACME)
    )
    assert parents(then.world, ACME) == {then.world.resolve(GLOBEX).record_id}
    then.when(dissociate(ACME, GLOBEX)).then_applied()
    assert parents(then.world, ACME) == set()


def test_a_parent_that_is_archived_is_still_the_parent() -> None:
    then = world(parent(GLOBEX, of=ACME), archive(GLOBEX)).when(parent(INITECH, of=ACME))
    then.then_refused(HasParent, match="after restore_record of 204", parent_id="204")


def test_a_relationship_that_ended_leaves_room_for_another() -> None:
    world(parent(GLOBEX, of=ACME), dissociate(ACME, GLOBEX, "parent")).when(parent(INITECH, of=ACME)).then_applied()


# -- no circle


def test_field_case_parent_cycle_a_circle_is_refused() -> None:
    then = world(parent(ACME, of=ACME_BV)).when(parent(ACME_BV, of=ACME))
    then.then_refused(HierarchyCircle, match="dissociate", path=["202", "201"])
    then = world(parent(ACME, of=ACME_BV), parent(ACME_BV, of=GLOBEX)).when(associate(GLOBEX, ACME, "child"))
    then.then_refused(HierarchyCircle, path=["204", "202", "201"])


def test_field_case_parent_cycle_nobody_is_their_own_parent() -> None:
    world().when(parent(ACME, of=ACME)).then_refused(SameRecord)


def test_one_link_cannot_make_a_company_both_parent_and_child() -> None:
    then = world().when(associate(ACME, GLOBEX, "parent", "child"))
    then.then_refused("HIERARCHY_CIRCLE", match="one of the two labels", path=["201", "204"])


def test_a_circle_through_an_archived_company_is_one() -> None:
    then = world(parent(ACME, of=ACME_BV), parent(ACME_BV, of=GLOBEX), archive(ACME_BV)).when(parent(GLOBEX, of=ACME))
    then.then_refused(HierarchyCircle, match="after restore_record of 202", path=["204", "202", "201"])


def test_a_circle_through_a_company_that_was_merged_is_one() -> None:
    linked = world(parent(ACME, of=GLOBEX), archive(GLOBEX), merge(ACME, ACME_BV), restore(GLOBEX))
    then = linked.when(parent(GLOBEX, of=ACME_GROUP))
    then.then_refused(HierarchyCircle, path=["204", "203"])


def test_circles_are_found_among_commands_of_one_batch() -> None:
    world = InMemoryLedger()
    asked: list[AnyCommand] = [
        *COMPANIES,
        parent(ACME_BV, of=ACME),
        parent(GLOBEX, of=ACME_BV),
        parent(ACME, of=GLOBEX),
    ]
    assert [one.code for one in world.execute(*asked)] == [None] * 6 + ["HIERARCHY_CIRCLE"]


def test_labels_of_other_types_make_no_hierarchy() -> None:
    deals = [RecordRef("deals", str(number)) for number in range(2)]
    linked = given(*(create(one) for one in deals), parent(deals[0], of=deals[1]))
    linked.when(parent(deals[1], of=deals[0])).then_applied()


# -- how far the walk goes


def test_the_walk_goes_fifty_companies_up() -> None:
    *below, low = companies(LEVELS_MAX + 2)
    chain(below[:-1]).given(create(low)).when(parent(below[0], of=low)).then_applied()
    then = chain(below).given(create(low)).when(parent(below[0], of=low))
    then.then_refused(HierarchyTooDeep, match="more than 50", record_id=low.record_id, limit=50)


def test_a_circle_of_fifty_is_found_and_a_longer_chain_is_too_deep() -> None:
    fifty = companies(LEVELS_MAX)
    chain(fifty).when(parent(fifty[0], of=fifty[-1])).then_refused(HierarchyCircle)
    more = companies(LEVELS_MAX + 1)
    chain(more).when(parent(more[0], of=more[-1])).then_refused(HierarchyTooDeep)


# -- a merge


def test_field_case_archived_parent_blocks_no_merge_and_the_merged_record_keeps_it() -> None:
    then = world(parent(GLOBEX, of=ACME_BV), archive(GLOBEX)).when(merge(ACME, ACME_BV))
    assert parents(then.world, ACME_GROUP) == {"204"}
    assert then.merged.event.hierarchy_dropped == ()
    then.when(restore(GLOBEX)).when(merge(ACME_GROUP, INITECH, into=None)).then_refused(
        CompanyParentChild, record_ids=["203"], related_ids={"203": ["204"]}
    )


def test_an_archived_child_blocks_no_merge_and_keeps_its_parent() -> None:
    linked = world(parent(ACME, of=GLOBEX), parent(ACME_BV, of=INITECH), archive(GLOBEX), archive(INITECH))
    then = linked.when(merge(ACME, ACME_BV))
    assert then.merged.event.hierarchy == {"204": "child", "205": "child"}
    assert parents(then.world, GLOBEX) == parents(then.world, INITECH) == {"203"}


def test_one_active_relative_is_enough_to_block() -> None:
    linked = world(parent(GLOBEX, of=ACME), parent(ACME, of=INITECH), archive(GLOBEX))
    then = linked.when(merge(ACME, ACME_BV))
    then.then_refused(CompanyParentChild, match="201 to 205", related_ids={"201": ["205"]})


def two_parents() -> Then:
    """Merge two companies whose parents are different and archived."""
    linked = world(parent(GLOBEX, of=ACME), parent(INITECH, of=ACME_BV), archive(GLOBEX), archive(INITECH))
    return linked.when(merge(ACME, ACME_BV))


def test_field_case_archived_parent_the_secondarys_second_parent_is_dropped_and_told() -> None:
    then = two_parents()
    assert then.merged.event.hierarchy == {"204": "parent"}
    assert then.merged.event.hierarchy_dropped == (e.Related("205", "parent"),)
    (ended,) = then.told(e.Dissociated)
    assert (ended.one, ended.other, ended.labels) == (ACME_BV, INITECH, ("parent",))
    assert "205" in then.record(ACME_GROUP).peers  # The link stays, without the label.


def test_field_case_archived_parent_restoring_a_company_makes_no_second_parent() -> None:
    then = two_parents().when(restore(INITECH)).when(restore(GLOBEX))
    assert parents(then.world, ACME_GROUP) == {"204"}
    assert then.record(INITECH).hierarchy == {}
    assert then.record(GLOBEX).hierarchy == {"201": "child"}
    free = RecordRef("companies", "free")
    then.when(create(free)).when(merge(INITECH, free, into=None)).then_applied()


def test_the_same_parent_of_both_sides_is_no_second_one() -> None:
    then = world(parent(GLOBEX, of=ACME), parent(GLOBEX, of=ACME_BV), archive(GLOBEX)).when(merge(ACME, ACME_BV))
    assert then.merged.event.hierarchy_dropped == ()
    assert parents(then.world, ACME_GROUP) == {"204"}
    then = then.when(restore(GLOBEX)).when(dissociate(GLOBEX, ACME_GROUP))
    assert (then.record(GLOBEX).hierarchy, parents(then.world, ACME_GROUP)) == ({}, set())


@pytest.mark.parametrize("is_parent_of_primary", [True, False])
def test_field_case_archived_parent_a_circle_is_dropped_and_told(*, is_parent_of_primary: bool) -> None:
    high, low = (ACME_BV, ACME) if is_parent_of_primary else (ACME, ACME_BV)
    linked = world(parent(GLOBEX, of=low), parent(high, of=GLOBEX), archive(GLOBEX))
    then = linked.when(merge(ACME, ACME_BV))
    kept, dropped = LABELS if is_parent_of_primary else LABELS[::-1]
    assert then.merged.event.hierarchy == {"204": kept}
    assert then.merged.event.hierarchy_dropped == (e.Related("204", dropped),)
    assert then.record(GLOBEX).hierarchy == {"201": dropped}


def test_a_dropped_relationship_made_under_an_older_id_ends_too() -> None:
    older = [RecordRef("companies", name) for name in ("old", "older")]
    linked = world(*(create(one) for one in older), parent(INITECH, of=older[0]), archive(INITECH))
    merged = linked.given(merge(older[0], older[1], into=RecordRef("companies", "both")))
    then = merged.given(parent(GLOBEX, of=ACME), archive(GLOBEX)).when(
        merge(ACME, RecordRef("companies", "both"), into=ACME_GROUP)
    )
    assert then.merged.event.hierarchy_dropped == (e.Related("205", "parent"),)
    assert then.record(INITECH).hierarchy == {}


def test_a_preview_is_held_to_whether_the_parent_is_archived() -> None:
    linked = world(parent(GLOBEX, of=ACME), parent(INITECH, of=ACME_BV), archive(GLOBEX), archive(INITECH))
    token = linked.world.preview(merge(ACME, ACME_BV)).token
    linked.given(restore(INITECH), dissociate(INITECH, ACME_BV))
    linked.when(merge(ACME, ACME_BV, preview_token=token)).then_refused("VERSION_CONFLICT")


def test_more_relationships_than_a_merge_looks_at_block_it() -> None:
    children = companies(EXAMINED_MAX + 1)
    made = [step for one in children for step in (create(one), parent(ACME, of=one), archive(one))]
    linked = world(*made)
    then = linked.when(merge(ACME, ACME_BV))
    then.then_refused(CompanyParentChild, match="more than 100", record_ids=["201"], limit=100)
    linked.given(restore(children[0]), dissociate(children[0], ACME)).when(merge(ACME, ACME_BV)).then_applied()
