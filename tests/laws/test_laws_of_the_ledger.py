"""Layer: tests. Laws of the real ledger and its read side, on SQLite: what holds for every history of commands."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from domain.language import events as e
from domain.language import streams
from domain.language.commands import AnyCommand, MergeRecords
from domain.language.filters import matches
from domain.language.ids import RecordRef
from domain.language.values import Plain, Value
from domain.state.claims import EMAIL
from domain.state.record import Record
from ledger.ledger import Previewed
from projections.reading import shapes
from projections.reading.paging import PageAsked
from projections.running.runner import Projector
from tests.builders import where
from tests.reading import Readable, links
from tests.repeating import as_first
from tests.specification import START, InMemoryLedger
from tests.strategies import DEFINITIONS, histories

MICROSECOND = timedelta(microseconds=1)
lawful = settings(deadline=None, max_examples=6)


@contextmanager
def empty() -> Iterator[Readable]:
    with TemporaryDirectory() as folder:
        readable = Readable(Path(folder))
        try:
            yield readable
        finally:
            readable.close()


@contextmanager
def after(history: Sequence[AnyCommand]) -> Iterator[tuple[Readable, InMemoryLedger]]:
    """Execute a history in the real ledger and in the one in memory, at the same times."""
    world = in_memory(history)
    with empty() as readable:
        readable.execute(*DEFINITIONS, *history, step=timedelta())
        yield readable, world


def in_memory(history: Sequence[AnyCommand]) -> InMemoryLedger:
    world = InMemoryLedger(now=START + MICROSECOND, step=MICROSECOND)
    for command in (*DEFINITIONS, *history):
        world.execute(command)
    return world


def records(world: InMemoryLedger) -> dict[RecordRef, Record]:
    return {streams.record_ref(stream): state for stream, state in world.states.items() if isinstance(state, Record)}


def batches(history: Sequence[AnyCommand], data: st.DataObject) -> Iterator[list[AnyCommand]]:
    left = [*history]
    while left:
        size = data.draw(st.integers(1, len(left)), label="batch")
        yield left[:size]
        left = left[size:]


@lawful
@given(histories(), st.data())
def test_the_ledger_writes_what_is_decided_in_memory_wherever_batches_end(
    history: list[AnyCommand], data: st.DataObject
) -> None:
    world = in_memory(())
    with empty() as readable:
        readable.execute(*DEFINITIONS)
        for batch in batches(history, data):
            world.now = readable.now + MICROSECOND  # A step is longer than what a store adds to a batch's time.
            for command in batch:
                world.execute(command)
            readable.execute(*batch)
        stored = readable.ledger.read(0, 100_000)
        assert [(one.stream, readable.ledger.decode(one)) for one in stored] == world.log
        assert [one.position for one in stored] == [*range(1, len(stored) + 1)]


@lawful
@given(histories())
def test_every_command_sent_again_gets_its_answer_and_nothing_is_appended(history: list[AnyCommand]) -> None:
    with empty() as readable:
        first = readable.execute(*DEFINITIONS, *history)
        head = readable.ledger.head()
        again = [outcome for command in (*DEFINITIONS, *history) for outcome in readable.execute(command)]
        assert readable.ledger.head() == head
        assert [as_first(one) for one in again] == first
        assert all(one.repeated for one in again)
        with readable.reading() as reader:
            listed = {one.command_id: one for one in reader.outcomes(page=PageAsked(10_000)).results}
        assert listed == {one.command_id: one for one in first}


@lawful
@given(histories())
def test_records_are_shown_as_they_are_folded(history: list[AnyCommand]) -> None:
    with after(history) as (readable, world), readable.reading() as reader:
        for ref, state in records(world).items():
            shown = reader.record(*ref)
            root = world.resolve(ref)
            now = world.record(root)
            assert isinstance(shown, shapes.Record)
            assert shown.id == root.record_id
            assert shown.status == now.status
            plain = {name: value.v for name in now.properties if (value := now.value(name)) is not None}
            own = {name: value for name, value in shown.properties.items() if not name.startswith("hs_")}
            assert own == {name: value for name, value in plain.items() if not name.startswith("hs_")}
            assert tuple(shown.merged_ids) == world.merged_ids(root)
            assert shown.merge_count == now.merge_count
            (resolved,) = reader.resolve(*ref[:1], [ref.record_id])
            assert resolved.current_id == root.record_id
            assert (resolved.status == "merged_away") == (state.status == "merged_away")


@lawful
@given(histories())
def test_every_activity_and_every_link_is_on_the_record_of_today(history: list[AnyCommand]) -> None:
    with after(history) as (readable, world):
        wanted = _activities(world), _links(world)
        with readable.reading() as reader:
            for ref in {world.resolve(one) for one in records(world)}:
                timeline = reader.timeline(*ref, PageAsked(10_000))
                shown = reader.record(*ref)
                assert timeline is not None
                assert isinstance(shown, shapes.Record)
                assert {one.activity_id for one in timeline.results} == wanted[0].get(ref, set())
                assert {*links(shown)} == {*wanted[1].get(ref, {})}
                partners = {one for one, labels in links(shown).items() if "partner" in labels}
                assert partners == {one for one, labels in wanted[1].get(ref, {}).items() if "partner" in labels}


def _activities(world: InMemoryLedger) -> dict[RecordRef, set[str]]:
    found: dict[RecordRef, set[str]] = {}
    for stream, event in world.log:
        if isinstance(event, e.ActivityLogged):
            for record in event.records:
                found.setdefault(world.resolve(record), set()).add(streams.parse(stream).key)
    return found


def _links(world: InMemoryLedger) -> dict[RecordRef, dict[RecordRef, set[str]]]:
    """Play links again, in the plainest way: a list of them, and who is who by then."""
    today: dict[RecordRef, RecordRef] = {}

    def resolve(one: RecordRef) -> RecordRef:
        return resolve(today[one]) if one in today else one

    standing: list[tuple[RecordRef, RecordRef, set[str]]] = []
    for stream, event in world.log:
        if isinstance(event, e.RecordsMerged):
            result = streams.record_ref(stream)
            for side in (event.primary_id, event.secondary_id):
                today[result._replace(record_id=side)] = result
        elif isinstance(event, e.Associated):
            standing.append((event.one, event.other, {*event.labels}))
        elif isinstance(event, e.Dissociated):
            pair = {resolve(event.one), resolve(event.other)}
            meant = [one for one in standing if {resolve(one[0]), resolve(one[1])} == pair]
            if event.labels is None:
                standing = [one for one in standing if one not in meant]
            else:
                for _, _, labels in meant:
                    labels.difference_update(event.labels)
    found: dict[RecordRef, dict[RecordRef, set[str]]] = {}
    for first, second, labels in standing:
        one, other = resolve(first), resolve(second)
        if one != other:
            found.setdefault(one, {}).setdefault(other, set()).update(labels)
            found.setdefault(other, {}).setdefault(one, set()).update(labels)
    return found


Entry: TypeAlias = tuple[str, Plain, datetime, str]


@lawful
@given(histories())
def test_the_history_is_that_of_both_sides_but_for_what_the_primary_set_at_the_same_time(
    history: list[AnyCommand],
) -> None:
    with after(history) as (readable, world), readable.reading() as reader:
        for ref in {world.resolve(one) for one in records(world)}:
            listing = reader.history(*ref, PageAsked(10_000))
            assert listing is not None
            found = [(one.property, one.value, one.at, one.source_record_id) for one in listing.results]
            assert [one[2] for one in found] == sorted(one[2] for one in found)
            current = {one.property: one.value for one in listing.results if one.current}
            assert len([one for one in listing.results if one.current]) == len(current)
            state = world.record(ref)
            assert current == {name: value.v for name in state.properties if (value := state.value(name)) is not None}
            kept = {(one.property, one.source_record_id) for one in listing.results if one.current}
            wanted = _history(world, ref)
            assert {*map(repr, wanted)} <= {*map(repr, found)}
            extra = [one for one in found if repr(one) not in {*map(repr, wanted)}]
            assert {(one[0], one[3]) for one in extra} <= kept | _kept_by_merges(world)


def _history(world: InMemoryLedger, ref: RecordRef) -> list[Entry]:
    """Gather what was set on a record and on its sides, without what the secondary set when the primary did."""
    own: list[Entry] = []
    below: list[Entry] = []
    for stream, event in world.log:
        if stream != streams.record("main", *ref):
            continue
        if isinstance(event, e.RecordsMerged):
            one, other = (_history(world, ref._replace(record_id=x)) for x in (event.primary_id, event.secondary_id))
            times = {(name, at) for name, _, at, _ in one}
            below = [*one, *(entry for entry in other if (entry[0], entry[2]) not in times)]
        if isinstance(event, e.RecordCreated | e.RecordUpdated | e.PrimaryIdentifierSet | e.RecordsMerged):
            named = event.values.get(ref.record_id, {})
            own += [
                (name, value.v, value.at, ref.record_id)
                for name, value in named.items()
                if isinstance(value, Value) and not name.startswith("@")
            ]
    return [*below, *own]


def _kept_by_merges(world: InMemoryLedger) -> set[tuple[str, str]]:
    return {
        (one.property, one.secondary)
        for _, event in world.log
        if isinstance(event, e.RecordsMerged)
        for one in event.decisions
        if one.side == "secondary" and one.secondary is not None
    }


@lawful
@given(histories())
def test_segments_workflows_and_identifiers_are_those_of_the_records(history: list[AnyCommand]) -> None:
    customers = where(lifecyclestage="customer")
    with after(history) as (readable, world), readable.reading() as reader:
        active = {ref: state for ref, state in records(world).items() if state.status == "active"}
        for segment_id in ("s1", "s2", "customers"):
            segment = reader.segment(segment_id)
            assert segment is not None

            def is_in(ref: RecordRef, state: Record, segment_id: str = segment_id) -> bool:
                if segment_id == "customers":

                    def look(name: str) -> Plain:
                        found = state.value(name)
                        return None if found is None else found.v

                    return ref.object_type == "contacts" and matches(customers, look)
                return segment_id in state.segments

            assert {*segment.members} == {ref.record_id for ref, state in active.items() if is_in(ref, state)}
        for workflow_id in ("stage", "city", "merged", "addressed", "by-hand"):
            workflow = reader.workflow(workflow_id)
            assert workflow is not None
            assert {one.record_id for one in workflow.enrolled} == {
                ref.record_id for ref, state in active.items() if workflow_id in state.workflows
            }
        for key in world.claims():
            if key.kind == EMAIL:
                found = {RecordRef("contacts", one.id) for one in reader.find_by_email("contacts", key.value)}
                assert found == world.holders(EMAIL, key.value)


@lawful
@given(histories(length_max=25), st.data())
def test_a_record_as_of_a_position_is_what_was_shown_then(history: list[AnyCommand], data: st.DataObject) -> None:
    seen = []
    with empty() as readable:
        readable.execute(*DEFINITIONS)
        known = [one for one in records(in_memory(history)) if one.record_id.startswith("a")]
        for batch in batches(history, data):
            readable.execute(*batch)
            with readable.reading() as reader:
                seen += [(reader.position, ref, reader.record(*ref)) for ref in dict.fromkeys(known)]
        with readable.reading() as reader:
            for position, ref, then in seen:
                shown = reader.record(*ref, as_of=position)
                assert (shown is None) == (then is None)
                if shown is not None and then is not None:
                    assert replace(shown, position=0) == replace(then, position=0)


@lawful
@given(histories(length_max=25))
def test_a_merge_is_shown_as_its_preview_was(history: list[AnyCommand]) -> None:
    with empty() as readable:
        readable.execute(*DEFINITIONS)
        for command in history:
            previewed = readable.ledger.preview(command) if isinstance(command, MergeRecords) else None
            if not isinstance(previewed, Previewed):
                (outcome,) = readable.execute(command)
                assert previewed is None or (previewed.code, previewed.details) == (outcome.code, outcome.details)
                continue
            with readable.reading() as reader:
                foreseen = reader.preview(previewed)
            merged = readable.merge(readable.told(command).merge_id)
            made = {name: UNSET for name in foreseen.__struct_fields__ if getattr(foreseen, name) is UNSET}
            assert replace(merged, **made) == replace(foreseen, preview_token=UNSET, warnings=UNSET)
            assert merged.properties_moved == sum(one.from_ == "secondary" for one in merged.decisions)
            assert merged.merged_ids == readable.show(RecordRef(*previewed.result)).merged_ids


@lawful
@given(histories(), st.data())
def test_a_rebuild_gives_the_same_tables_whatever_its_pages(history: list[AnyCommand], data: st.DataObject) -> None:
    with empty() as readable:
        readable.execute(*DEFINITIONS)
        for batch in batches(history, data):
            readable.execute(*batch)
            readable.projector.catch_up()
        live = {one.name: one.digest for one in readable.projector.status(digests=True)}
        page_events = data.draw(st.integers(1, 50), label="page")
        Projector(readable.ledger, readable.store, page_events=page_events).rebuild()
        rebuilt = {one.name: one.digest for one in readable.projector.status(digests=True)}
        assert rebuilt == live
