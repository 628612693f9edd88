"""Layer: tests. Snapshots of long streams and the writer's cache: faster, and never another answer."""

import pytest

from domain.language import streams
from domain.language.ids import RecordRef
from domain.language.values import Value
from domain.state.folds import FOLD_VERSION
from domain.state.record import Record
from ledger.batch.state_cache import SNAPSHOT_EVENTS, Folded, StateCache, write_state
from ledger.ledger import Ledger, Previewed
from ledger.store.port import Store
from tests.builders import ANN, ANNE, create, merge, update
from tests.contracts.places import TickingClock, batch

ANNS = streams.record("main", *ANN)


def updated(ledger: Ledger, times: int, ref: RecordRef = ANN) -> None:
    """Update a record so many times, in batches as long as a snapshot is worth."""
    commands = [update(ref, city=f"city {number}") for number in range(times)]
    for begin in range(0, times, SNAPSHOT_EVENTS):
        ledger.execute(batch(*commands[begin : begin + SNAPSHOT_EVENTS]))


def snapshots(store: Store, *names: str, fold: int = FOLD_VERSION) -> dict[str, int]:
    with store.reading() as snapshot:
        return {stream: version for stream, version, _ in snapshot.load_snapshots(names, fold)}


def decided_city(store: Store, clock: TickingClock) -> object:
    """Tell the city that a merge would keep, as a writer decides that begins anew."""
    previewed = Ledger(store, clock=clock).preview(merge(ANN, ANNE))
    assert isinstance(previewed, Previewed)
    value = previewed.event.values[ANN.record_id]["city"]
    assert isinstance(value, Value)
    return value.v


def test_a_long_stream_has_a_snapshot_and_a_short_one_has_none(ledger: Ledger, store: Store) -> None:
    ledger.execute(batch(create(ANN), create(ANNE)))
    updated(ledger, 2 * SNAPSHOT_EVENTS + 1)
    Ledger(store).execute(batch(update(ANN, city="last")))
    assert snapshots(store, ANNS, streams.record("main", *ANNE)).keys() == {ANNS}


def test_what_one_batch_makes_long_has_a_snapshot_of_its_end(ledger: Ledger, store: Store) -> None:
    ledger.execute(batch(create(ANN), *(update(ANN, city=f"city {number}") for number in range(SNAPSHOT_EVENTS + 30))))
    assert snapshots(store, ANNS) == {ANNS: SNAPSHOT_EVENTS + 31}
    ledger.execute(batch(update(ANN, city="last")))
    assert snapshots(store, ANNS) == {ANNS: SNAPSHOT_EVENTS + 31}


def test_what_is_decided_on_a_snapshot_is_what_is_decided_on_the_whole_stream(
    ledger: Ledger, store: Store, clock: TickingClock
) -> None:
    ledger.execute(batch(create(ANN, city="Gent"), create(ANNE, city="Brugge")))
    updated(ledger, 3 * SNAPSHOT_EVENTS)
    Ledger(store).execute(batch(update(ANN, city="Luik")))
    assert snapshots(store, ANNS)
    assert decided_city(store, clock) == "Luik"
    with store.writing() as unit:
        unit.put_snapshots([(ANNS, 1, b"{}")], FOLD_VERSION + 1)  # As if another version had been here.
    assert snapshots(store, ANNS) == {}
    assert decided_city(store, clock) == "Luik"


def test_a_snapshot_is_what_is_decided_on(ledger: Ledger, store: Store, clock: TickingClock) -> None:
    ledger.execute(batch(create(ANN, city="Gent"), create(ANNE)))
    with store.writing() as unit:
        told = Record(ANN.record_id, properties={"city": Value("from the snapshot", clock())})
        unit.put_snapshots([(ANNS, 1, write_state(told))], FOLD_VERSION)
    assert decided_city(store, clock) == "from the snapshot"


def test_a_cache_forgets_what_another_writer_has_changed(ledger: Ledger, store: Store) -> None:
    ledger.execute(batch(create(ANN, city="Gent"), create(ANNE)))
    ledger.execute(batch(update(ANNE, city="Brugge")))
    Ledger(store).execute(batch(update(ANNE, city="Luik")))
    ledger.execute(batch(merge(ANN, ANNE)))
    merged = next(stored for stored in ledger.read(0, 100) if stored.type == "record.merged.v1")
    assert b"Luik" in merged.data
    assert b"Brugge" not in merged.data


def test_a_cache_keeps_what_was_used_last() -> None:
    cache = StateCache(states_max=2)
    cache.put("a", Folded("a", 1))
    cache.put("b", Folded("b", 1))
    cache.get("a")
    cache.put("c", Folded("c", 1))
    assert [cache.get(name) is not None for name in "abc"] == [True, False, True]


@pytest.mark.parametrize("changed", [1, 6_000], ids=["a few", "more than are looked at one by one"])
def test_a_cache_is_right_whatever_number_of_streams_changed(store: Store, clock: TickingClock, changed: int) -> None:
    mine, other = Ledger(store, clock=clock), Ledger(store, clock=clock)
    mine.execute(batch(create(ANN, city="Gent"), create(ANNE)))
    mine.execute(batch(update(ANN, phone="1")))
    commands = [create(RecordRef("contacts", f"x{number}")) for number in range(changed // 2)]
    other.execute(batch(update(ANN, city="Luik"), *commands))
    mine.execute(batch(merge(ANN, ANNE)))
    merged = next(stored for stored in mine.read(changed, 10_000) if stored.type == "record.merged.v1")
    assert b"Luik" in merged.data
