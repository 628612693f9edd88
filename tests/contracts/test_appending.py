"""Layer: tests. What every store promises about its log: gapless, in order, all or nothing, never changed."""

from contextlib import closing
from datetime import timedelta

import pytest

from domain.state.claims import ClaimKey
from ledger.ledger import Ledger
from ledger.store.codec import decode, encode
from ledger.store.port import Append, Conflict, EventRow, LineageChanges, ReadSet, Store
from tests.builders import ANA, ANN, ANNE, create
from tests.contracts.places import Place, TickingClock, batch
from tests.ledger.examples import EXAMPLES

CREATED = EXAMPLES["record.created.v1"]


def row(stream: str = "main/records/contacts/101", version: int = 1) -> EventRow:
    return stream, version, CREATED.EVENT_TYPE, encode(CREATED)


def append(store: Store, *rows: EventRow) -> int:
    with store.writing() as unit:
        return unit.append(Append(rows), ReadSet())


def positions(store: Store) -> list[int]:
    with store.reading() as snapshot:
        return [stored.position for stored in snapshot.page(0, 1_000)]


def test_an_empty_log_has_its_head_at_0_and_no_pages(store: Store) -> None:
    with store.reading() as snapshot:
        assert snapshot.head() == 0
        assert snapshot.page(0, 10) == []
        assert snapshot.recorded_at(1) is None


def test_events_have_positions_from_1_on_in_the_order_of_the_append(store: Store) -> None:
    assert append(store, row(), row("main/records/contacts/102")) == 1
    assert append(store, row(version=2)) == 3
    with store.reading() as snapshot:
        assert [(one.position, one.stream, one.version) for one in snapshot.page(0, 10)] == [
            (1, "main/records/contacts/101", 1),
            (2, "main/records/contacts/102", 1),
            (3, "main/records/contacts/101", 2),
        ]


def test_what_is_read_back_is_the_very_bytes_that_were_appended(store: Store) -> None:
    append(store, row())
    with store.reading() as snapshot:
        (stored,) = snapshot.page(0, 10)
    assert stored.data == encode(CREATED)
    assert decode(stored.type, stored.data) == CREATED


def test_a_page_begins_behind_a_position_and_is_no_longer_than_asked(store: Store) -> None:
    append(store, *(row(version=version) for version in range(1, 8)))
    with store.reading() as snapshot:
        assert [stored.position for stored in snapshot.page(2, 3)] == [3, 4, 5]
        assert snapshot.page(7, 3) == []


def test_a_version_that_is_taken_is_a_conflict_and_nothing_of_the_append_is_stored(store: Store) -> None:
    append(store, row())
    with pytest.raises(Conflict):
        append(store, row("main/records/contacts/102"), row())
    assert positions(store) == [1]


def test_a_unit_that_fails_after_its_append_stores_nothing_and_leaves_no_gap(store: Store) -> None:
    append(store, row())

    def breaking() -> None:
        with store.writing() as unit:
            unit.append(Append([row(version=2), row(version=3)]), ReadSet())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaking()
    assert append(store, row(version=2)) == 2
    assert positions(store) == [1, 2]


def test_positions_stay_gapless_over_conflicts_and_restarts(place: Place, clock: TickingClock) -> None:
    for version in range(1, 6):
        store = place.open(clock)
        append(store, row(version=version))
        with pytest.raises(Conflict):
            append(store, row(version=version))
        store.close()
    with closing(place.open(clock)) as store:
        assert positions(store) == [1, 2, 3, 4, 5]


def test_the_events_of_one_append_are_recorded_at_one_time(store: Store) -> None:
    append(store, row(), row(version=2))
    append(store, row(version=3))
    with store.reading() as snapshot:
        first, second, third = (snapshot.recorded_at(position) for position in (1, 2, 3))
    assert first is not None
    assert second is not None
    assert third is not None
    assert first == second < third


def test_nothing_is_recorded_earlier_than_what_stands_before_it_when_the_clock_goes_back(
    store: Store, clock: TickingClock
) -> None:
    append(store, row())
    clock.now -= timedelta(days=1)
    append(store, row(version=2))
    with store.reading() as snapshot:
        first, second = snapshot.recorded_at(1), snapshot.recorded_at(2)
    assert first is not None
    assert second is not None
    assert first <= second < first + timedelta(milliseconds=1)


def test_a_reader_sees_one_moment_while_others_write(store: Store) -> None:
    append(store, row())
    with store.reading() as snapshot:
        assert snapshot.head() == 1
        append(store, row(version=2))
        assert snapshot.head() == 1
        assert len(snapshot.page(0, 10)) == 1
    assert positions(store) == [1, 2]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET type = 'record.archived.v1'",
        "UPDATE events SET recorded_at = '2020-01-01T00:00:00.000000Z'",
        "DELETE FROM events",
        "DELETE FROM events WHERE position = 2",
    ],
)
def test_what_is_recorded_is_neither_changed_nor_deleted(place: Place, ledger: Ledger, statement: str) -> None:
    ledger.execute(batch(create(ANN), create(ANNE)))
    before = ledger.read(0, 100)
    with pytest.raises(place.driver_error, match="an event is never"):
        place.sql(statement)
    assert ledger.read(0, 100) == before


def test_claims_are_put_released_and_put_again(store: Store) -> None:
    key, shared = ClaimKey("main", "email", "ann@x.be"), ClaimKey("main", "domain", "x.be")
    with store.writing() as unit:
        unit.append(Append([row()], held=[(key, ANN, 0), (shared, ANNE, 0), (shared, ANN, 0)]), ReadSet())
    with store.writing() as unit:
        unit.append(Append([row(version=2)], released=[(key, ANN)], held=[(key, ANA, 0)]), ReadSet())
    with store.reading() as snapshot:
        assert list(snapshot.load_claims([key])) == [(key, ANA)]
        assert sorted(holder for _, holder in snapshot.load_claims([shared])) == sorted([ANN, ANNE])
        assert list(snapshot.load_claims([ClaimKey("other", "email", "ann@x.be")])) == []
        held = set(
            snapshot.load_held([("main/records/contacts/104", "email"), ("main/records/contacts/101", "domain")])
        )
    assert held == {("main/records/contacts/104", "email", "ann@x.be"), ("main/records/contacts/101", "domain", "x.be")}


def test_an_exclusive_claim_has_one_holder_whatever_a_decision_thought(store: Store) -> None:
    key = ClaimKey("main", "email", "ann@x.be")
    with store.writing() as unit:
        unit.append(Append([row()], held=[(key, ANN, 0)]), ReadSet())
    with pytest.raises(Conflict), store.writing() as unit:
        unit.append(Append([row(version=2)], held=[(key, ANNE, 0)]), ReadSet())
    assert positions(store) == [1]


def test_lineages_are_joined_and_relabelled(store: Store) -> None:
    with store.writing() as unit:
        changes = LineageChanges([("a", "a", 1), ("b", "a", 2), ("ab", "a", 0)], [], [("a", "ab", 3, 0)])
        unit.append(Append([row(version=version) for version in (1, 2, 3)], lineage=changes), ReadSet())
    with store.reading() as snapshot:
        assert set(snapshot.load_lineages(["a", "b", "ab", "z"])) == {
            ("a", "a", "ab"),
            ("b", "a", "ab"),
            ("ab", "a", "ab"),
        }
        assert list(snapshot.load_members(["b"])) == [("b", "a"), ("b", "b"), ("b", "ab")]
    with store.writing() as unit:
        changes = LineageChanges(
            [("ab", "c", 1), ("cd", "c", 2), ("abcd", "c", 0)], [("a", "c")], [("c", "abcd", 7, 0)]
        )
        unit.append(Append([row(version=version) for version in (4, 5, 6)], lineage=changes), ReadSet())
    with store.reading() as snapshot:
        assert set(snapshot.load_lineages(["a", "ab"])) == {("a", "c", "abcd"), ("ab", "c", "abcd")}
        assert [member for _, member in snapshot.load_members(["a"])] == ["a", "b", "ab", "cd", "abcd"]
