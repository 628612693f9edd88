"""Layer: tests. Every refusal that names a next step names one that works: each is carried out here.

A new refusal fails the last test until it has a row. What is refused is asked again after the steps,
and must be applied then; where the step stands for what was asked, the step itself must be.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import pytest
from msgspec.structs import replace

from domain.decisions.hierarchy import EXAMINED_MAX, LEVELS_MAX
from domain.language import refusals
from domain.language.commands import AnyCommand, MergeRecords
from domain.language.ids import RecordRef
from domain.language.refusals import Refusal
from tests import builders as b
from tests.builders import ACME, ACME_BV, ACME_GROUP, ANA, ANN, ANNA, ANNE, DEAL, GLOBEX, HANNAH, INITECH
from tests.specification import Given, InMemoryLedger, given

A, B, C = "a@x.example", "b@x.example", "c@x.example"
CARS = RecordRef("cars", "501")
COURSE = RecordRef("courses", "601")

# The steps that a refusal names: commands, or what makes them of the world and the command refused.
Steps: TypeAlias = Callable[[InMemoryLedger, Any], list[AnyCommand]]


def do(*commands: AnyCommand) -> Steps:
    """Do these, then ask again."""
    return lambda _, asked: [*commands, _under_a_new_id(asked)]


def instead(*commands: AnyCommand) -> Steps:
    """Do these, in place of what was asked."""
    return lambda _, __: [*commands]


def changed(**fields: Any) -> Steps:  # noqa: ANN401  any field
    """Ask with other fields."""
    return lambda _, asked: [_under_a_new_id(replace(asked, **fields))]


def previewed(world: InMemoryLedger, asked: MergeRecords) -> list[AnyCommand]:
    """Preview the merge again, and hold it to that."""
    plain = replace(asked, preview_token=None)
    return [_under_a_new_id(replace(plain, preview_token=world.preview(plain).token))]


def _under_a_new_id(asked: AnyCommand) -> AnyCommand:
    return replace(asked, command_id=b.command_id())


class Remedy(NamedTuple):
    """A world, what is refused in it, a word of the step that the refusal names, and the step."""

    refusal: type[Refusal]
    world: tuple[Given, ...]
    asked: AnyCommand
    says: str
    steps: Steps


TWO = b.create(ANN, email=A, city="Gent"), b.create(ANNE, email=B, city="Brugge")
FIRMS: tuple[AnyCommand, ...] = tuple(b.create(one) for one in (ACME, ACME_BV, GLOBEX, INITECH))
NO_TOKEN = "nonsense"  # noqa: S105  no password
MANY = [RecordRef("companies", f"c{number}") for number in range(EXAMINED_MAX + 1)]
CHAIN = MANY[: LEVELS_MAX + 1]
SPENT = b.create(ANN)
VIN_KIND = "property:vin"
VIN = b.define("contacts", vin={"unique": True})


def _related(*links: tuple[RecordRef, RecordRef]) -> tuple[Given, ...]:
    return *FIRMS, *(b.parent(high, of=low) for low, high in links)


def _remedies() -> Iterator[Remedy]:
    yield Remedy(
        refusals.CommandIdReused, (SPENT,), replace(b.create(ANNE), command_id=SPENT.command_id), "new id", do()
    )
    yield Remedy(refusals.UnknownObjectType, (), b.create(CARS), "define_object_type", do(b.define("cars")))
    yield Remedy(
        refusals.ObjectTypeNotActivated,
        (),
        b.create(COURSE),
        "activated_object_types with configure_account",
        do(b.configure(activated_object_types=["courses"])),
    )
    yield from _remedies_of_names()
    yield from _remedies_of_archived()
    yield from _remedies_of_merges()
    yield from _remedies_of_hierarchies()
    yield from _remedies_of_identifiers()
    yield from _remedies_of_values()


def _remedies_of_names() -> Iterator[Remedy]:
    merge = b.merge(ANN, ANNE, secondary_type="companies")
    yield Remedy(refusals.TypeMismatch, TWO, merge, "name one of contacts", changed(secondary_object_type="contacts"))
    on_list = b.add_to_segment("s", DEAL)
    for_contacts = (*TWO, b.create(DEAL), b.static_segment("s"), b.workflow("w"))
    yield Remedy(
        refusals.TypeMismatch, for_contacts, on_list, "name one of contacts", instead(b.add_to_segment("s", ANN))
    )
    address = replace(b.add_identifier(ACME, C), kind="email")
    yield Remedy(
        refusals.TypeMismatch, (*TWO, *FIRMS), address, "name one of contacts", instead(b.add_identifier(ANN, C))
    )
    yield Remedy(refusals.SameRecord, TWO, b.merge(ANN, ANN), "name two records", changed(secondary_id="102"))
    yield Remedy(refusals.NotFound, TWO, b.update(ANA, city="Gent"), "check the id", changed(record_id="101"))
    yield Remedy(refusals.SegmentNotFound, TWO, b.add_to_segment("s", ANN), "define_segment", do(b.static_segment("s")))
    yield Remedy(refusals.WorkflowNotFound, TWO, b.enroll("w", ANN), "define_workflow", do(b.workflow("w")))
    yield Remedy(
        refusals.WorkflowNotFound,
        for_contacts,
        b.enroll("w", DEAL),
        "name one of contacts",
        instead(b.enroll("w", ANN)),
    )
    yield Remedy(refusals.AlreadyExists, TWO, b.create(ANN), "another id", changed(record_id="199"))
    yield Remedy(refusals.AlreadyExists, TWO, b.merge(ANN, ANNE, into=ANNE), "another id", changed(result_id="103"))
    note = b.log_activity("n", ANN)
    yield Remedy(refusals.AlreadyExists, (*TWO, note), b.log_activity("n", ANN), "another id", changed(activity_id="m"))
    yield Remedy(refusals.NotMergedAway, (*TWO, b.merge()), b.recreate(ANNA), "merge ended", changed(record_id="101"))
    yield Remedy(
        refusals.UnmergeNotSupported,
        (*TWO, b.merge()),
        b.unmerge(ANNA),
        "remove the additional identifier, then create",
        instead(b.remove_identifier(ANNA, B), b.create(ANA, email=B)),
    )
    deals = DEAL, b.DEAL_AGAIN
    yield Remedy(
        refusals.UnmergeNotSupported,
        (*(b.create(one) for one in deals), b.merge(*deals)),
        b.unmerge(DEAL),
        "recreate_record",
        instead(b.recreate(DEAL)),
    )


def _remedies_of_archived() -> Iterator[Remedy]:
    archived = (*TWO, b.archive(ANN))
    for asked in (b.update(ANN, city="Aalst"), b.merge(ANNE, ANN), b.associate(ANNE, ANN), b.start_call(ANN, "1")):
        yield Remedy(refusals.RecordArchived, archived, asked, "restore_record", do(b.restore(ANN)))
    merged = (*TWO, b.create(ANA), b.merge())
    asked = b.merge(ANN, ANA, into=HANNAH)
    yield Remedy(refusals.AlreadyMerged, merged, asked, "name 103 instead", changed(primary_id="103"))
    yield Remedy(
        refusals.AlreadyMerged,
        (*merged, b.archive(ANNA)),
        asked,
        "restore 103 first with restore_record, then name 103",
        lambda _, asked: [b.restore(ANNA), _under_a_new_id(replace(asked, primary_id="103"))],
    )
    for pair in ((ANN, ANNE), (ANNA, ANN), (ANNE, ANNA)):
        yield Remedy(
            refusals.AlreadyMerged, merged, b.merge(*pair, into=HANNAH), "nothing is left to merge$", instead()
        )


def _remedies_of_merges() -> Iterator[Remedy]:
    installed = b.configure(salesforce_integration=True)
    yield Remedy(
        refusals.CompanySalesforceBlock,
        (*FIRMS, installed),
        b.merge(ACME, ACME_BV),
        "salesforce_integration off with configure_account",
        do(b.configure(salesforce_integration=False)),
    )
    marked = (*TWO, b.mark_not_duplicates(ANN, ANNE))
    says = "override_not_duplicates and a reason, or take the mark back with unmark_not_duplicates"
    sure = changed(override_not_duplicates=True, reason="asked both")
    yield Remedy(refusals.MarkedNotDuplicates, marked, b.merge(), says, sure)
    yield Remedy(refusals.MarkedNotDuplicates, marked, b.merge(), says, do(b.unmark_not_duplicates(ANN, ANNE)))
    inherited = (*marked, b.create(ANA), b.merge(ANN, ANA, into=HANNAH))
    yield Remedy(
        refusals.MarkedNotDuplicates,
        inherited,
        b.merge(HANNAH, ANNE, into=None),
        says,
        do(b.unmark_not_duplicates(HANNAH, ANNE)),
    )
    guarded = (b.define("contacts", key={"must_match": True}), b.create(ANN, key="1"), b.create(ANNE, key="2"))
    says = "correct one of them, or merge with override_must_match and a reason"
    yield Remedy(refusals.MustMatch, guarded, b.merge(), says, do(b.update(ANNE, key="1")))
    overridden = changed(override_must_match=True, reason="two logins of one")
    yield Remedy(refusals.MustMatch, guarded, b.merge(), says, overridden)
    yield Remedy(refusals.ReasonRequired, marked, b.merge(override=True), "give `reason`", changed(reason="asked both"))
    merged_often = (b.was_in_merges(ANN, 251), TWO[1])
    says = "create a new record or edit one of the records by hand"
    yield Remedy(refusals.MergeLimitExceeded, merged_often, b.merge(), says, instead(b.create(ANA)))
    yield Remedy(refusals.MergeLimitExceeded, merged_often, b.merge(), says, instead(b.update(ANN, city="Brugge")))
    for refusal, choices, says, mended in (
        (refusals.UnknownProperty, {"ctiy": "primary"}, "check the name", {"city": "primary"}),
        (refusals.PropertyNotChoosable, {"createdate": "secondary"}, "leave it out", {}),
        (refusals.ValueNotFromEither, {"city": "Aalst"}, "primary or secondary", {"city": "secondary"}),
    ):
        yield Remedy(refusal, TWO, b.merge(choices=choices), says, changed(choices=mended))
    yield Remedy(refusals.PreviewTokenInvalid, TWO, b.merge(preview_token=NO_TOKEN), "preview", previewed)
    token = given(*TWO).world.preview(b.merge()).token
    stale = (*TWO, b.update(ANN, city="Aalst"))
    yield Remedy(refusals.VersionConflict, stale, b.merge(preview_token=token), "preview the merge again", previewed)
    elsewhere = (*TWO, b.configure(merge_limit=100))
    yield Remedy(
        refusals.DecisionConflict, elsewhere, b.merge(preview_token=token), "preview the merge again", previewed
    )


def _remedies_of_hierarchies() -> Iterator[Remedy]:
    merge = b.merge(ACME, ACME_BV, into=ACME_GROUP)
    yield Remedy(
        refusals.CompanyParentChild,
        _related((ACME, GLOBEX), (INITECH, ACME_BV)),
        merge,
        "with dissociate: 201 to 204, 202 to 205",
        do(b.dissociate(ACME, GLOBEX), b.dissociate(ACME_BV, INITECH)),
    )
    yield Remedy(
        refusals.TooManyRelationships,
        (*FIRMS, *(step for one in MANY for step in (b.create(one), b.parent(ACME, of=one), b.archive(one)))),
        merge,
        "dissociate, and restore an archived company for that",
        do(b.restore(MANY[0]), b.dissociate(MANY[0], ACME)),
    )
    second = b.parent(INITECH, of=ACME)
    yield Remedy(
        refusals.HasParent, _related((ACME, GLOBEX)), second, "with dissociate$", do(b.dissociate(ACME, GLOBEX))
    )
    yield Remedy(
        refusals.HasParent,
        (*_related((ACME, GLOBEX)), b.archive(GLOBEX)),
        second,
        "dissociate, after restore_record of 204",
        do(b.restore(GLOBEX), b.dissociate(ACME, GLOBEX)),
    )
    both = b.associate(ACME, GLOBEX, "parent", "child")
    yield Remedy(refusals.ParentAndChild, FIRMS, both, "one of the two labels", changed(labels=["parent"]))
    three = _related((ACME, GLOBEX), (GLOBEX, INITECH))
    circle = b.parent(ACME, of=INITECH)
    for pair in ((ACME, GLOBEX), (GLOBEX, INITECH)):
        yield Remedy(refusals.HierarchyCircle, three, circle, "201 < 204 < 205 with", do(b.dissociate(*pair)))
        yield Remedy(
            refusals.HierarchyCircle,
            (*three, b.archive(GLOBEX)),
            circle,
            "dissociate, after restore_record of 204",
            do(b.restore(GLOBEX), b.dissociate(*pair)),
        )
    links = (b.parent(high, of=low) for low, high in pairwise(CHAIN))
    chain = (*FIRMS, *(b.create(one) for one in CHAIN), *links)
    yield Remedy(
        refusals.HierarchyTooDeep,
        (*chain, b.archive(CHAIN[1])),
        b.parent(CHAIN[0], of=ACME),
        "path c0 < c1 < c2 .* dissociate, after restore_record of c1",
        do(b.restore(CHAIN[1]), b.dissociate(CHAIN[0], CHAIN[1])),
    )


def _remedies_of_identifiers() -> Iterator[Remedy]:
    # Each is freed in its own way, also where its record is archived.
    held: dict[str, tuple[tuple[AnyCommand, ...], AnyCommand, AnyCommand]] = {
        "primary address": ((), b.create(ANA, email=A), b.update(ANN, email=None)),
        "additional address": ((b.add_identifier(ANN, C),), b.create(ANA, email=C), b.remove_identifier(ANN, C)),
        "unique value": ((VIN, b.update(ANN, vin="v")), b.create(ANA, vin="v"), b.update(ANN, vin=None)),
        "additional unique value": (
            (VIN, b.add_identifier(ANN, "v", VIN_KIND)),
            b.create(ANA, vin="v"),
            b.remove_identifier(ANN, "v", VIN_KIND),
        ),
        "other system's id": ((b.link_sync(ANN, "sf"),), b.link_sync(ANNE, "sf"), b.unlink_sync(ANN)),
    }
    for facts, asked, freed in held.values():
        says = "belongs to 101; update or merge 101, or remove it there first"
        yield Remedy(refusals.IdentifierInUse, (*TWO, *facts), asked, says, do(freed))
        says = "restore 101 with restore_record, then update or merge 101, or remove it there first"
        archived = (*TWO, *facts, b.archive(ANN))
        yield Remedy(refusals.IdentifierInUse, archived, asked, says, do(b.restore(ANN), freed))
    update = b.update(ANNE, email=A)
    yield Remedy(refusals.IdentifierInUse, TWO, update, "or merge 101", instead(b.merge(ANNE, ANN, into=ANNA)))
    with_more = (*TWO, b.add_identifier(ANN, C))
    says = "changed with update_record or set_primary_identifier"
    remove = b.remove_identifier(ANN, A)
    yield Remedy(refusals.NotAdditional, with_more, remove, says, instead(b.update(ANN, email=None)))
    yield Remedy(refusals.NotAdditional, with_more, remove, says, do(b.set_primary_identifier(ANN, C)))
    for asked in (b.set_primary_identifier(ANN, C), b.remove_identifier(ANN, C)):
        yield Remedy(refusals.NotAdditional, TWO, asked, "add it with add_identifier", do(b.add_identifier(ANN, C)))


def _remedies_of_values() -> Iterator[Remedy]:
    misread = b.update(ANN, num_conversion_events="many")
    yield Remedy(
        refusals.InvalidProperty, TWO, misread, "expected number", changed(properties={"num_conversion_events": 3})
    )
    read_only = b.update(ANN, hs_object_id="1", city="Aalst")
    yield Remedy(refusals.ReadOnlyProperty, TWO, read_only, "leave it out", changed(properties={"city": "Aalst"}))
    defined = b.define("contacts", email={"rule": "most_recent"}, city={"rule": "most_recent"})
    without = changed(properties={"city": defined.properties["city"]})
    yield Remedy(refusals.RuleIsFixed, TWO, defined, "leave it out of the definition", without)
    chosen = instead(b.merge(choices={"email": "secondary"}))
    addressed = (b.create(ANN, email=A), b.create(ANNE, email=B))
    yield Remedy(refusals.RuleIsFixed, addressed, defined, "choose an email or domain in the merge itself", chosen)
    huge = tuple(b.create(one, email=of, num_conversion_events=1e308) for one, of in ((ANN, A), (ANNE, B)))
    corrected = do(b.update(ANN, num_conversion_events=0))
    for asked, world in (
        (b.merge(), huge),
        (b.submit_form(email=A), (b.create(ANN, email=A, num_conversion_events=2**63 - 1),)),
    ):
        yield Remedy(refusals.SumOutOfRange, world, asked, "correct the value with update_record first", corrected)
    unreadable = b.active_segment("s", b.where(num_conversion_events="many"))
    readable = changed(filter_groups=b.where(num_conversion_events="3"))
    yield Remedy(refusals.InvalidFilter, (), unreadable, "expected a number", readable)
    active = b.active_segment("s", b.where(city="Aalst"))
    yield Remedy(
        refusals.SegmentIsActive,
        (*TWO, active),
        b.add_to_segment("s", ANN),
        "change the record or the filter",
        instead(b.update(ANN, city="Aalst"), b.active_segment("s", b.where(city="Gent"))),
    )


REMEDIES = [*_remedies()]


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda one: f"{one.refusal.__name__}: {one.says}")
def test_the_step_that_a_refusal_names_works(remedy: Remedy) -> None:
    facts = given(*remedy.world)
    facts.when(remedy.asked).then_refused(remedy.refusal, match=remedy.says)
    for step in remedy.steps(facts.world, remedy.asked):
        facts.when(step).then_applied()


def test_every_refusal_has_its_step_carried_out() -> None:
    waiting: list[type[Refusal]] = [Refusal]
    every: set[type[Refusal]] = set()
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        every |= {one} if "code" in vars(one) else set()
    assert {one.refusal for one in REMEDIES} == every
