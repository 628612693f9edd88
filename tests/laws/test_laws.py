"""Layer: tests. Laws of the domain: what holds for every history of commands."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.language import events as e
from domain.language import streams
from domain.language.commands import AnyCommand, MergeRecords
from domain.language.ids import RecordRef
from domain.state.claims import EMAIL, ClaimKey
from domain.state.record import Record
from tests.repeating import as_first
from tests.specification import START, STEP, InMemoryLedger, Merged, Specification
from tests.strategies import DEFINITIONS, Cast, histories

lawful = settings(deadline=None, max_examples=25)


def defined() -> InMemoryLedger:
    world = InMemoryLedger()
    for outcome in world.execute(*DEFINITIONS):
        assert outcome.status == "applied"
    return world


def after(history: Sequence[AnyCommand]) -> InMemoryLedger:
    world = defined()
    for command in history:
        world.execute(command)
    return world


def same(one: InMemoryLedger, other: InMemoryLedger) -> bool:
    return one.states == other.states and one.claims() == other.claims()


def merges(world: InMemoryLedger) -> list[Merged]:
    return [
        Merged(streams.record_ref(stream), event) for stream, event in world.log if isinstance(event, e.RecordsMerged)
    ]


@lawful
@given(histories())
def test_merges_form_a_forest(history: list[AnyCommand]) -> None:
    world = after(history)
    folded: set[RecordRef] = set()
    for merged in merges(world):
        sides = {merged.record._replace(record_id=one) for one in (merged.event.primary_id, merged.event.secondary_id)}
        assert len(sides) == 2
        assert merged.record not in sides
        assert not sides & folded, "a record is merged away once"
        folded |= sides
    for stream, state in world.states.items():
        if isinstance(state, Record):
            record = streams.record_ref(stream)
            assert (state.status == "merged_away") == (record in folded)
            root = world.resolve(record)
            assert world.record(root).status != "merged_away"
            assert record == root or record.record_id in world.merged_ids(root)


@lawful
@given(histories())
def test_a_merge_counts_every_merge_in_its_lineage(history: list[AnyCommand]) -> None:
    world = after(history)
    for merged in merges(world):
        assert 2 * world.record(merged.record).merge_count == len(world.merged_ids(merged.record))


@lawful
@given(histories())
def test_nothing_of_either_record_is_lost_in_a_merge(history: list[AnyCommand]) -> None:
    world = defined()
    for command in history:
        claims = world.claims()
        (outcome,) = world.execute(command)
        if not isinstance(command, MergeRecords) or outcome.status != "applied":
            continue
        merged = merges(world)[-1]
        sides = [
            world.record(merged.record._replace(record_id=one)) for one in (command.primary_id, command.secondary_id)
        ]
        _values_are_kept_or_told(merged, sides)
        _facts_are_carried(world, merged, sides)
        _identifiers_lead_to_the_result(world, merged, sides, claims)


def _values_are_kept_or_told(merged: Merged, sides: Sequence[Record]) -> None:
    decisions = merged.decisions()
    for nth, side in enumerate(sides):
        for name in side.properties:
            value = side.value(name)
            if value is not None:
                decided = decisions[name]
                assert (decided.primary, decided.secondary)[nth] == value


def _facts_are_carried(world: InMemoryLedger, merged: Merged, sides: Sequence[Record]) -> None:
    result, event = world.record(merged.record), merged.event
    one, other = sides
    assert {each.key for each in result.suppressions} == {each.key for side in sides for each in side.suppressions}
    assert set(result.forms) == {*one.forms, *other.forms}
    is_skipped = {each.effect for each in event.skipped}
    if "workflows" not in is_skipped:
        assert {(each.record_id, each.id) for each in event.unenrolled} == {
            (side.record_id, each) for side in sides for each in side.workflows
        }
    assert set(one.segments) <= set(event.segments_carried)
    assert {*event.segments_carried, *event.segments_removed} == {*one.segments, *other.segments}
    assert set(event.calls_disconnected) == {
        e.OfRecord(side.active_call, side.record_id) for side in sides if side.active_call is not None
    }

    def resolved(ids: Sequence[str]) -> set[str]:
        return {world.resolve(merged.record._replace(record_id=each)).record_id for each in ids}

    for name in ("peers", "not_duplicates"):
        before = resolved([*getattr(one, name), *getattr(other, name)])
        assert resolved(getattr(result, name)) == before - {result.record_id}


def _identifiers_lead_to_the_result(
    world: InMemoryLedger, merged: Merged, sides: Sequence[Record], claims: dict[ClaimKey, tuple[RecordRef, ...]]
) -> None:
    members = {merged.record._replace(record_id=one) for one in world.merged_ids(merged.record)}
    for key, holders in claims.items():
        kind, value = key.kind, key.value
        if kind.startswith("sync:"):
            continue
        if members & set(holders):
            assert merged.record in world.holders(kind, value), f"{key} is unowned"
    external = {link.external_id for links in world.record(merged.record).sync.values() for link in links}
    assert all(world.holders("sync:salesforce", each) == {merged.record} for each in external)
    assert all(side.sync.keys() >= {system} for side in sides[:1] for system in world.record(merged.record).sync)


@lawful
@given(histories())
def test_a_company_has_one_parent_and_both_companies_agree(history: list[AnyCommand]) -> None:
    world = after(history)
    related: set[tuple[RecordRef, str, RecordRef]] = set()
    for stream, state in world.states.items():
        if isinstance(state, Record) and state.status != "merged_away":
            company = streams.record_ref(stream)
            others = {(is_a, world.resolve(company._replace(record_id=one))) for one, is_a in state.hierarchy.items()}
            assert len([one for is_a, one in others if is_a == "parent"]) <= 1
            related |= {(company, is_a, other) for is_a, other in others}
    turned = {"parent": "child", "child": "parent"}
    assert related == {(other, turned[is_a], company) for company, is_a, other in related}


@lawful
@given(histories())
def test_a_preview_is_the_merge_not_made(history: list[AnyCommand]) -> None:
    world = Specification(defined())
    for command in history:
        if isinstance(command, MergeRecords):
            before = [*world.world.log]
            world.when(command)  # Compares the two, whether merged or refused.
            assert world.world.log[: len(before)] == before
        else:
            world.world.execute(command)


@lawful
@given(histories())
def test_a_merge_held_to_the_token_of_its_preview_is_made(history: list[AnyCommand]) -> None:
    world = defined()
    for command in history:
        if isinstance(command, MergeRecords):
            try:
                token = world.preview(command).token
            except Exception:  # noqa: BLE001, S112  refused: nothing to hold it to
                continue
            (outcome,) = world.execute(replace(command, preview_token=token))
            assert outcome.status == "applied"
        else:
            world.execute(command)


@lawful
@given(histories())
def test_replaying_the_log_from_its_bytes_gives_the_same_states(history: list[AnyCommand]) -> None:
    world = after(history)
    replayed = InMemoryLedger()
    for stream, event in world.log:
        replayed.append([(stream, msgspec.json.decode(msgspec.json.encode(event), type=type(event)))])
    assert same(world, replayed)
    assert replayed.log == world.log


@lawful
@given(histories())
def test_every_command_sent_twice_changes_nothing_the_second_time(history: list[AnyCommand]) -> None:
    world = defined()
    answers = []
    for command in history:
        (first,) = world.execute(command)
        length = len(world.log)
        (again,) = world.execute(command)
        assert len(world.log) == length
        assert as_first(again) == first
        answers.append(first)
    before = [*world.log]
    for command, first in zip(history, answers, strict=True):  # And once more, after everything else.
        (again,) = world.execute(command)
        assert as_first(again) == first
    assert world.log == before


@lawful
@given(histories(), st.data())
def test_batch_boundaries_do_not_matter(history: list[AnyCommand], data: st.DataObject) -> None:
    one_by_one = after(history)
    batched = defined()
    left = [*history]
    while left:
        size = data.draw(st.integers(1, len(left)), label="batch")
        batched.execute(*left[:size])
        left = left[size:]
    assert batched.log == one_by_one.log
    assert same(batched, one_by_one)


@lawful
@given(
    histories(Cast("a"), settings=False, length_max=12), histories(Cast("b"), settings=False, length_max=12), st.data()
)
def test_independent_commands_commute(ours: list[AnyCommand], theirs: list[AnyCommand], data: st.DataObject) -> None:
    timed = {one.command_id: START + timedelta(days=1) + STEP * n for n, one in enumerate([*ours, *theirs])}

    def run(order: Sequence[AnyCommand]) -> InMemoryLedger:
        world = defined()
        for command in order:
            world.now = timed[command.command_id]
            world.execute(command)
        return world

    mixed: list[AnyCommand] = []
    queues = [[*ours], [*theirs]]
    while any(queues):
        queue = queues[data.draw(st.integers(0, 1), label="whose turn") if all(queues) else 0 if queues[0] else 1]
        mixed.append(queue.pop(0))
    assert same(run([*ours, *theirs]), run(mixed))


@lawful
@given(histories())
def test_an_address_or_unique_value_that_a_record_has_leads_to_it(history: list[AnyCommand]) -> None:
    world = after(history)
    for stream, state in world.states.items():
        if isinstance(state, Record) and state.status != "merged_away":
            record = streams.record_ref(stream)
            for name, kind in ((EMAIL, EMAIL), ("domain", "domain"), ("badge", "unique:contacts:badge")):
                value = state.value(name)
                if value is not None and (record.object_type == "companies") == (kind == "domain"):
                    assert record in world.holders(kind, str(value.v))
            for link in (one for links in state.sync.values() for one in links):
                assert world.holders("sync:salesforce", link.external_id) == {record}


@lawful
@given(histories())
def test_a_claim_is_never_left_behind(history: list[AnyCommand]) -> None:
    world = after(history)
    for key, holders in world.claims().items():
        for holder in {world.resolve(one) for one in holders}:
            record = world.record(holder) if key.kind != "workflow" else None
            if record is not None and key.kind == "unique:contacts:badge" and not _has_additional_badges(world, holder):
                kept = record.value("badge")
                assert kept is not None
                assert kept.v == key.value
            if record is not None and key.kind == "sync:salesforce":
                assert [link.external_id for link in record.sync["salesforce"]] == [key.value]


def _has_additional_badges(world: InMemoryLedger, record: RecordRef) -> bool:
    """Whether a record was merged or given a badge beside its own: whose claims these are, other laws tell."""
    stream = streams.record("main", *record)
    added = (event for on, event in world.log if on == stream and isinstance(event, e.IdentifierAdded))
    return world.record(record).merge_count > 0 or any(event.kind == "property:badge" for event in added)


@lawful
@given(histories())
def test_personal_values_stand_apart_by_the_record_they_came_from(history: list[AnyCommand]) -> None:
    for stream, event in after(history).log:
        plain = msgspec.json.encode(replace(event, values={})).decode() + stream
        is_definition = isinstance(event, e.WorkflowDefined)  # Its filter names an address.
        assert is_definition or "@x.example" not in plain
        assert "token-" not in plain
        assert "badge-" not in plain
