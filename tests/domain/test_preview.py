"""Layer: tests. A preview is the merge, not made; its token holds the merge to it."""

from typing import Any

import pytest
from msgspec.structs import replace

from domain.language.commands import AnyCommand, MergeRecords
from domain.language.refusals import DecisionConflict, PreviewTokenInvalid, VersionConflict
from tests.builders import (
    ACME,
    ACME_BV,
    ANA,
    ANN,
    ANNA,
    ANNE,
    GLOBEX,
    at,
    configure,
    create,
    define,
    link_sync,
    merge,
    primary_company,
    suppress,
    update,
    where,
    workflow,
)
from tests.specification import Specification, Then, given

TWO = (
    create(ANN, city="Gent", lifecyclestage="lead", num_conversion_events=3),
    create(ANNE, city="Brugge", lifecyclestage="customer", num_conversion_events=2),
)


def held_to_a_preview(world: Specification, *between: AnyCommand, previewed: MergeRecords, **changes: Any) -> Then:  # noqa: ANN401
    token = world.world.preview(previewed).token
    asked = replace(previewed, command_id=f"{previewed.command_id}-again", preview_token=token, **changes)
    return world.given(*between).when(asked)


def test_a_preview_changes_nothing() -> None:
    world = given(*TWO)
    before = [*world.world.log]
    asked = merge()
    assert world.world.preview(asked) == world.world.preview(asked)
    assert world.world.log == before


def test_a_merge_held_to_its_preview_is_made() -> None:
    held_to_a_preview(given(*TWO), previewed=merge()).then_applied()


def test_the_token_does_not_depend_on_ids_and_times() -> None:
    held_to_a_preview(
        given(*TWO),
        previewed=merge(into=None),
        result_id="103",
        occurred_at=at("2025-01-01"),
        actor="someone else",
        reason="the same person",
    ).then_applied()


def test_the_token_does_not_depend_on_when_what_is_carried_is_told() -> None:
    sides: list[AnyCommand] = [
        link_sync(ANN, "sf-0001"),
        link_sync(ANNE, "sf-0002"),
        suppress(ANNE, address="b@x.example"),
    ]
    held_to_a_preview(given(*TWO, *sides), create(ANA), previewed=merge()).then_applied()


@pytest.mark.parametrize(("side", "expected", "actual"), [(ANN, 1, 2), (ANNE, 1, 2)])
def test_a_record_edited_since_is_a_conflict(side: tuple[str, str], expected: int, actual: int) -> None:
    edited = ANN if side == ANN else ANNE
    held_to_a_preview(given(*TWO), update(edited, phone="+32 9 000 00 00"), previewed=merge()).then_refused(
        VersionConflict,
        match="preview the merge again",
        record_id=edited.record_id,
        expected=expected,
        actual=actual,
    )


@pytest.mark.parametrize(
    "between",
    [
        configure(lifecycle_stages=["customer", "lead"]),
        configure(merge_limit=100),
        define("contacts", city={"rule": "max"}),
        workflow("w1", where(lifecyclestage="customer"), allow=True),
    ],
    ids=lambda one: type(one).__name__,
)
def test_settings_and_workflows_that_change_the_merge_are_a_conflict(between: AnyCommand) -> None:
    held_to_a_preview(given(*TWO), between, previewed=merge()).then_refused(
        DecisionConflict, match="has changed since", record_id="101", actual=None
    )


@pytest.mark.parametrize(
    "between",
    [configure(static_segments="union"), workflow("w1", where(lifecyclestage="customer")), create(ANA, city="Aalst")],
    ids=lambda one: type(one).__name__,
)
def test_what_does_not_change_the_merge_is_none(between: AnyCommand) -> None:
    held_to_a_preview(given(*TWO), between, previewed=merge()).then_applied()


def test_other_choices_than_those_previewed_are_a_conflict() -> None:
    held_to_a_preview(given(*TWO), previewed=merge(), choices={"city": "secondary"}).then_refused(
        VersionConflict, record_id="101"
    )


def test_companies_merged_since_may_change_the_merge() -> None:
    world = given(
        *TWO,
        create(ACME),
        create(ACME_BV),
        create(GLOBEX),
        primary_company(ANN, ACME),
        primary_company(ANNE, ACME_BV),
    )
    previewed = merge()
    assert world.world.preview(previewed).merged.demoted == (ACME_BV,)
    held_to_a_preview(world, merge(ACME, ACME_BV), previewed=previewed).then_refused(VersionConflict)


def test_a_token_of_another_pair_is_invalid() -> None:
    world = given(*TWO, create(ANA))
    held_to_a_preview(world, previewed=merge(ANN, ANA, into=None), secondary_id="102").then_refused(
        PreviewTokenInvalid, match="preview the merge again", field="preview_token"
    )


def test_a_token_of_the_pair_the_other_way_round_is_invalid() -> None:
    held_to_a_preview(given(*TWO), previewed=merge(), primary_id="102", secondary_id="101").then_refused(
        PreviewTokenInvalid
    )


@pytest.mark.parametrize("token", ["", "x", "a-b-c-d", "----", "1-1-1-1", "\N{SUPERSCRIPT TWO}-1-1-x"])
def test_a_token_that_no_preview_gave_is_invalid(token: str) -> None:
    given(*TWO).when(merge(preview_token=token)).then_refused(PreviewTokenInvalid)


@pytest.mark.parametrize("nth", [0, 1, 2])
@pytest.mark.parametrize("part", ["x", "", "-1", "1.5"])
def test_a_token_that_somebody_changed_is_invalid(nth: int, part: str) -> None:
    world = given(*TWO)
    parts = world.world.preview(merge()).token.split("-")
    parts[nth] = part
    world.when(merge(preview_token="-".join(parts))).then_refused(PreviewTokenInvalid)


def test_a_token_of_another_decision_is_a_conflict() -> None:
    world = given(*TWO)
    *parts, _ = world.world.preview(merge()).token.split("-")
    world.when(merge(preview_token="-".join([*parts, "another"]))).then_refused(
        DecisionConflict, match="would decide.*has changed.*preview the merge again", record_id="101", expected=None
    )


def test_a_fresh_preview_differs_after_an_edit() -> None:
    world = given(*TWO)
    first = world.world.preview(merge())
    second = world.given(update(ANNE, phone="+32 9 000 00 00")).world.preview(merge())
    assert first.token != second.token
    assert "phone" in {one.property for one in second.merged.decisions}
    assert second.result == ANNA
