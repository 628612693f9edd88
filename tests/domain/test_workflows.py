"""Layer: tests. Workflows: enrolled by hand, by a trigger, by a merge; unenrolled by a merge: H24 to H27, H30."""

from collections.abc import Sequence

import pytest

from domain.decisions import workflows
from domain.language import events as e
from domain.language import streams
from domain.language.commands import AnyCommand
from domain.language.filters import FilterGroup, Lookup, NotHasProperty, matches, properties_named
from domain.language.refusals import WorkflowNotFound
from domain.state.account import Workflows
from domain.state.folds import evolve, fold
from tests.builders import (
    ACME,
    ANA,
    ANN,
    ANNA,
    ANNE,
    DEAL,
    DEAL_AGAIN,
    HANNAH,
    add_identifier,
    choosing,
    configure,
    create,
    enroll,
    merge,
    on_plan,
    static_segment,
    submit_form,
    unenroll,
    update,
    where,
    workflow,
)
from tests.specification import Specification, given

CUSTOMERS = where(lifecyclestage="customer")
LEAD_AND_CUSTOMER = create(ANN, lifecyclestage="lead"), create(ANNE, lifecyclestage="customer")


# -- triggers


def test_defining_a_workflow_enrolls_nobody() -> None:
    then = given(create(ANN, lifecyclestage="customer")).when(workflow("w1", CUSTOMERS))
    assert then.record(ANN).workflows == ()


def test_a_record_that_begins_with_the_trigger_true_is_enrolled() -> None:
    asked = create(ANN, lifecyclestage="customer")
    then = given(workflow("w1", CUSTOMERS)).when(asked)
    assert then.record(ANN).workflows == ("w1",)
    (enrolled,) = then.told(e.EnrolledByTriggers)
    assert (enrolled.workflow_ids, enrolled.cause) == (("w1",), f"trigger:{asked.command_id}")


def test_a_change_that_makes_the_trigger_true_enrolls() -> None:
    world = given(workflow("w1", CUSTOMERS), create(ANN, lifecyclestage="lead"))
    assert world.when(update(ANN, city="Gent")).record(ANN).workflows == ()
    assert world.when(update(ANN, lifecyclestage="customer")).record(ANN).workflows == ("w1",)


def test_a_trigger_that_stays_true_does_not_fire_again() -> None:
    world = given(workflow("w1", CUSTOMERS), create(ANN, lifecyclestage="customer"), unenroll("w1", ANN))
    assert world.when(update(ANN, city="Gent")).record(ANN).workflows == ()
    assert world.when(update(ANN, lifecyclestage="customer")).record(ANN).workflows == ()


def test_a_trigger_that_was_false_in_between_fires_again() -> None:
    world = given(workflow("w1", CUSTOMERS), create(ANN, lifecyclestage="customer"), unenroll("w1", ANN))
    then = world.given(update(ANN, lifecyclestage="lead")).when(update(ANN, lifecyclestage="customer"))
    assert then.record(ANN).workflows == ("w1",)


def test_a_workflow_without_a_trigger_enrolls_by_hand_alone() -> None:
    world = given(workflow("w1"), create(ANN, lifecyclestage="customer"))
    assert world.when(update(ANN, city="Gent")).record(ANN).workflows == ()
    asked = enroll("w1", ANN)
    (enrolled,) = world.when(asked).told(e.WorkflowEnrolled)
    assert enrolled.cause == f"command:{asked.command_id}"


def test_triggers_are_of_one_object_type() -> None:
    then = given(workflow("w1", CUSTOMERS)).when(create(ACME, lifecyclestage="customer"))
    assert then.record(ACME).workflows == ()


@pytest.mark.parametrize(
    "change",
    [submit_form(email="ann@x.example", lifecyclestage="customer"), update(ANN, lifecyclestage="customer")],
    ids=lambda one: type(one).__name__,
)
def test_every_way_to_set_a_value_fires_triggers(change: AnyCommand) -> None:
    world = given(workflow("w1", CUSTOMERS), create(ANN, email="ann@x.example"))
    assert world.when(change).record(ANN).workflows == ("w1",)


def test_a_form_count_may_fire_a_trigger() -> None:
    world = given(workflow("w1", where(num_conversion_events=2)), create(ANN, email="ann@x.example"))
    assert world.when(submit_form(email="ann@x.example")).record(ANN).workflows == ()
    assert world.when(submit_form(email="ann@x.example")).record(ANN).workflows == ("w1",)


def test_an_additional_address_may_fire_a_trigger() -> None:
    world = given(workflow("w1", where(hs_additional_emails="b@x.example")), create(ANN, email="a@x.example"))
    assert world.when(add_identifier(ANN, "c@x.example")).record(ANN).workflows == ()
    assert world.when(add_identifier(ANN, "b@x.example")).record(ANN).workflows == ("w1",)


# -- many


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The properties that triggers were evaluated on, one entry an evaluation."""
    names: list[str] = []

    def counted(groups: Sequence[FilterGroup], lookup: Lookup) -> bool:
        names.append(next(iter(properties_named(groups))))
        return matches(groups, lookup)

    monkeypatch.setattr(workflows, "matches", counted)
    return names


def many(count: int, *, allow: bool = False) -> Specification:
    """As many workflows as asked, each with a property of its own, and one that waits for a property to go."""
    without = [FilterGroup([NotHasProperty("gone")])]
    return given(
        *(workflow(f"w{n}", where(**{f"p{n}": "x"}), allow=allow) for n in range(count)),
        workflow("without", without, allow=allow),
    )


def test_a_record_that_begins_evaluates_the_triggers_that_it_could_meet_alone(evaluated: list[str]) -> None:
    then = many(100).when(create(ANN, p7="x", p8="y", city="Gent"))
    assert sorted(evaluated) == ["gone", "p7", "p8"]
    assert then.record(ANN).workflows == ("w7", "without")


def test_a_change_evaluates_the_triggers_that_look_at_what_it_changed_alone(evaluated: list[str]) -> None:
    world = many(100).given(create(ANN, p7="x", gone="no"))
    evaluated.clear()
    then = world.when(update(ANN, p7="x", p8="x", gone=None, city="Gent"))
    assert set(evaluated) == {"gone", "p8"}
    assert then.record(ANN).workflows == ("w7", "w8", "without")


def test_h25_a_merge_evaluates_the_triggers_that_look_at_what_differs_from_the_primary_alone(
    evaluated: list[str],
) -> None:
    world = many(100, allow=True).given(create(ANN, p7="x", gone="no"), create(ANNE, p7="x", p8="x", gone="no"))
    evaluated.clear()
    world.world.execute(merge())
    assert set(evaluated) == {"p8"}
    assert world.world.record(ANNA).workflows == ("w8",)


def test_definitions_folded_together_are_as_folded_one_by_one() -> None:
    stream = streams.workflows("main", "contacts")
    commands = [workflow(f"w{n % 3}", CUSTOMERS if n % 2 else [], allow=n > 2) for n in range(7)]
    events = [event for command in commands for event in given().when(command).told(e.WorkflowDefined)]
    one_by_one = None
    for event in events:
        one_by_one = evolve(stream, one_by_one, event)
    assert fold(stream, None, events) == one_by_one
    assert fold(stream, fold(stream, None, events[:4]), events[4:]) == one_by_one
    assert isinstance(one_by_one, Workflows)
    assert list(one_by_one.by_id) == ["w0", "w1", "w2"]


def test_triggers_that_fire_together_are_one_event_however_many_they_are() -> None:
    then = given(*(workflow(f"w{n}", CUSTOMERS) for n in range(100))).when(create(ANN, lifecyclestage="customer"))
    (enrolled,) = then.told(e.EnrolledByTriggers)
    assert enrolled.workflow_ids == tuple(f"w{n}" for n in range(100))
    assert then.record(ANN).workflows == enrolled.workflow_ids


# -- by hand


def test_by_hand_is_always_allowed_and_once_is_enough() -> None:
    world = given(workflow("w1", CUSTOMERS), create(ANN))
    world.when(enroll("w1", ANN)).then_applied(e.WorkflowEnrolled)
    world.when(enroll("w1", ANN)).then_nothing()
    world.when(unenroll("w1", ANN)).then_applied(e.WorkflowUnenrolled)
    world.when(unenroll("w1", ANN)).then_nothing()


def test_a_merged_record_is_enrolled_by_hand_whatever_the_switches_say() -> None:
    then = given(workflow("w1", CUSTOMERS), create(ANN), create(ANNE), merge()).when(enroll("w1", ANN))
    assert then.outcome.followed == {"101": "103"}
    assert then.record(ANNA).workflows == ("w1",)


def test_a_workflow_must_exist_for_the_records_type() -> None:
    world = given(workflow("w1"), create(ANN), create(ACME))
    world.when(enroll("w9", ANN)).then_refused(WorkflowNotFound, match="define_workflow", workflow_id="w9")
    world.when(enroll("w1", ACME)).then_refused("NOT_FOUND", workflow_id="w1")


def test_a_workflow_keeps_its_type_and_may_change_its_trigger() -> None:
    world = given(workflow("w1", CUSTOMERS))
    world.when(workflow("w1", object_type="companies")).then_refused("ALREADY_EXISTS")
    world.given(workflow("w1", where(city="Gent")))
    assert world.when(create(ANN, lifecyclestage="customer")).record(ANN).workflows == ()


# -- a merge unenrolls (H24, H30)


def enrolled() -> Specification:
    """Ann in w1 and w3, Anne in w2 and w3."""
    return given(
        *map(workflow, ("w1", "w2", "w3")),
        create(ANN),
        create(ANNE),
        enroll("w1", ANN),
        enroll("w3", ANN),
        enroll("w2", ANNE),
        enroll("w3", ANNE),
    )


def test_h24_both_are_unenrolled_from_all_workflows() -> None:
    then = enrolled().when(merge())
    assert {(one.id, one.record_id) for one in then.merged.event.unenrolled} == {
        ("w1", "101"),
        ("w3", "101"),
        ("w2", "102"),
        ("w3", "102"),
    }
    assert then.record(ANNA).workflows == ()
    assert then.merged.event.skipped == ()


@pytest.mark.parametrize("plan", ["free", "starter"])
def test_h30_without_a_professional_plan_nobody_is_unenrolled(plan: str) -> None:
    then = (
        enrolled().given(configure(subscriptions=dict.fromkeys(("sales", "service", "marketing"), plan))).when(merge())
    )
    assert then.merged.event.unenrolled == ()
    assert [(one.effect, one.why) for one in then.merged.event.skipped] == [("workflows", "subscription")]
    assert then.record(ANNA).workflows == ()
    assert set(then.record(ANN).workflows) == {"w1", "w3"}  # Only visible as of before the merge.


def test_h30_the_secondarys_workflows_alone_are_skipped_too() -> None:
    then = given(on_plan("free"), workflow("w1"), create(ANN), create(ANNE), enroll("w1", ANNE)).when(merge())
    assert [one.effect for one in then.merged.event.skipped] == ["workflows"]


def test_triggers_and_segments_are_of_known_types() -> None:
    given().when(workflow("w1", object_type="unicorns")).then_refused("UNKNOWN_OBJECT_TYPE")
    given().when(static_segment("s1", "unicorns")).then_refused("UNKNOWN_OBJECT_TYPE")


@pytest.mark.parametrize("hub", ["sales", "service", "marketing"])
@pytest.mark.parametrize("plan", ["professional", "enterprise"])
def test_h30_any_hub_at_professional_or_above_is_enough(hub: str, plan: str) -> None:
    then = enrolled().given(on_plan("free"), configure(subscriptions={hub: plan})).when(merge())
    assert len(then.merged.event.unenrolled) == 4
    assert then.merged.event.skipped == ()


def test_h30_nothing_is_skipped_where_there_is_nothing_to_skip() -> None:
    then = given(on_plan("free"), create(ANN), create(ANNE)).when(merge())
    assert then.merged.event.skipped == ()


# -- a merge enrolls only where it is allowed to (H25, H27)


def test_h25_a_merge_that_makes_a_trigger_true_enrolls_nobody_by_default() -> None:
    then = given(workflow("w1", CUSTOMERS), create(ANN), *LEAD_AND_CUSTOMER[1:]).when(merge())
    then.then_decided("lifecyclestage", "customer")
    assert then.record(ANNA).workflows == ()


def test_h25_it_enrolls_where_the_workflow_allows_it() -> None:
    then = given(*LEAD_AND_CUSTOMER, workflow("w1", CUSTOMERS, allow=True), workflow("w2", CUSTOMERS)).when(merge())
    assert then.merged.event.enrolled == ("w1",)
    assert then.record(ANNA).workflows == ("w1",)


def test_h25_a_trigger_that_was_true_for_the_primary_is_not_made_true() -> None:
    world = given(create(ANN, lifecyclestage="customer"), create(ANNE), workflow("w1", CUSTOMERS, allow=True))
    assert world.when(merge()).merged.event.enrolled == ()


def test_h25_a_trigger_that_was_true_for_the_secondary_is_made_true_for_the_merged_record() -> None:
    world = given(*LEAD_AND_CUSTOMER, workflow("w1", CUSTOMERS, allow=True), enroll("w1", ANNE))
    then = world.when(merge())
    assert [(one.id, one.record_id) for one in then.merged.event.unenrolled] == [("w1", "102")]
    assert then.record(ANNA).workflows == ("w1",)


def test_h25_a_trigger_made_true_on_neither_side_does_not_fire() -> None:
    world = given(*LEAD_AND_CUSTOMER, workflow("w1", CUSTOMERS, allow=True))
    assert world.when(choosing(lifecyclestage="primary")).merged.event.enrolled == ()


def test_h25_a_merge_may_make_true_what_was_true_for_neither() -> None:
    both = where(lifecyclestage="customer", city="Gent")
    then = given(
        create(ANN, city="Gent"),
        create(ANNE, lifecyclestage="customer", city="Brugge"),
        workflow("w1", both, allow=True),
    ).when(merge())
    assert then.merged.event.enrolled == ("w1",)


def test_h25_sums_merged_ids_and_additional_addresses_may_make_it_true() -> None:
    then = given(
        create(ANN, email="a@x.example", num_conversion_events=3),
        create(ANNE, email="b@x.example", num_conversion_events=2),
        workflow("sum", where(num_conversion_events=5), allow=True),
        workflow("ids", where(hs_merged_object_ids="102"), allow=True),
        workflow("emails", where(hs_additional_emails="b@x.example"), allow=True),
        workflow("id", where(hs_object_id="103"), allow=True),
    ).when(merge())
    assert set(then.record(ANNA).workflows) == {"sum", "ids", "emails", "id"}


def test_h25_deals_have_workflows_too() -> None:
    then = given(
        create(DEAL),
        create(DEAL_AGAIN, stage="won"),
        workflow("w1", where(stage="won"), allow=True, object_type="deals"),
    ).when(merge(DEAL, DEAL_AGAIN))
    assert then.merged.event.enrolled == ("w1",)


def test_h25_a_plan_without_workflows_enrolls_nobody_at_a_merge() -> None:
    then = given(on_plan("starter"), *LEAD_AND_CUSTOMER, workflow("w1", CUSTOMERS, allow=True)).when(merge())
    assert then.merged.event.enrolled == ()


@pytest.mark.parametrize("allow", [False, True])
def test_h27_contacts_are_enrolled_at_merge_time_only_where_the_workflow_allows_it(*, allow: bool) -> None:
    then = given(on_plan("enterprise"), *LEAD_AND_CUSTOMER, workflow("w1", CUSTOMERS, allow=allow)).when(merge())
    assert then.record(ANNA).workflows == (("w1",) if allow else ())


# -- later changes of a merged record (H26)


@pytest.mark.parametrize("allow", [False, True])
def test_h26_a_later_change_enrolls_a_merged_record_where_the_workflow_allows_merges(*, allow: bool) -> None:
    world = given(*LEAD_AND_CUSTOMER, workflow("w2", where(city="Gent"), allow=allow), merge())
    assert world.when(update(ANNA, city="Gent")).record(ANNA).workflows == (("w2",) if allow else ())


def test_h26_the_account_may_always_let_later_changes_enroll() -> None:
    world = given(configure(later_enrollment="always"), *LEAD_AND_CUSTOMER, workflow("w2", where(city="Gent")), merge())
    assert world.when(update(ANN, city="Gent")).record(ANNA).workflows == ("w2",)


def test_h26_records_that_never_merged_are_not_concerned() -> None:
    world = given(*LEAD_AND_CUSTOMER, merge(), create(ANA), workflow("w2", where(city="Gent")))
    assert world.when(update(ANA, city="Gent")).record(ANA).workflows == ("w2",)


def test_h26_it_holds_through_chains() -> None:
    world = given(
        *LEAD_AND_CUSTOMER, merge(), create(ANA), merge(ANA, ANNA, into=HANNAH), workflow("w2", where(city="X"))
    )
    assert world.when(update(ANA, city="X")).record(HANNAH).workflows == ()
