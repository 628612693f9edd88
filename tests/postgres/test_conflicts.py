"""Layer: tests. An append fails when something that was read has changed since, whatever kind of thing it is."""

from collections.abc import Callable
from contextlib import closing, suppress

import pytest

from domain.state.claims import ClaimKey
from ledger.batch.loading import DamagedRows
from ledger.ledger import Ledger
from ledger.store.damage import ContradictingIndexes, Damaged
from ledger.store.port import Append, Conflict, EventRow, LineageChanges, LockedDatabase, Move, ReadSet, Taken
from ledger.store.postgres.store import PostgresStore
from tests.builders import ANN, ANNE, NOBODY, archive, create, merge, update
from tests.contracts.places import batch

EMAIL = ClaimKey("main", "email", "ann@x.be")
ANNS, ANNES, MERGED = "main/records/contacts/101", "main/records/contacts/102", "main/records/contacts/103"


def row(stream: str, version: int = 1) -> EventRow:
    return stream, version, "record.archived.v1", b"{}"


def append(store: PostgresStore, append: Append) -> None:
    with store.writing() as unit:
        unit.append(append, ReadSet())


def append_while(store: PostgresStore, others_work: Callable[[], object], read: ReadSet) -> None:
    with store.writing() as unit:
        others_work()
        unit.append(Append([row("main/late")]), read)


def fail_while(store: PostgresStore, others_work: Callable[[], object], error: type[Exception] = LookupError) -> None:
    with store.writing():
        others_work()
        raise error


HELD = Append([row("main/x")], held=[(EMAIL, ANN, 0)])
RELEASED = Append([row("main/y")], released=[(EMAIL, ANN)])
LINEAGE = Append(
    [row(MERGED)], lineage=LineageChanges([(ANNS, ANNS, 0), (MERGED, ANNS, 0)], [], [(ANNS, MERGED, 3, 0)])
)
FURTHER = Append(
    [row("main/records/contacts/106")],
    lineage=LineageChanges([(MERGED, ANNS, 0)], [], [(ANNS, "main/records/contacts/106", 5, 0)]),
)


@pytest.mark.parametrize(
    ("before", "read", "meanwhile"),
    [
        pytest.param([], ReadSet(streams={ANNS: 0}), Append([row(ANNS)]), id="a stream that was absent"),
        pytest.param([Append([row(ANNS)])], ReadSet(streams={ANNS: 1}), Append([row(ANNS, 2)]), id="a stream"),
        pytest.param([], ReadSet(claims={EMAIL}), HELD, id="a claim that nobody had"),
        pytest.param([HELD], ReadSet(claims={EMAIL}), RELEASED, id="a claim that was released"),
        pytest.param([], ReadSet(held={(ANNS, "email")}), HELD, id="what a record holds"),
        pytest.param([HELD], ReadSet(held={(ANNS, "email")}), RELEASED, id="what a record held"),
        pytest.param([], ReadSet(lineages={ANNS}), LINEAGE, id="a record that had never merged"),
        pytest.param([LINEAGE], ReadSet(lineages={ANNS}), FURTHER, id="a lineage"),
    ],
)
def test_what_was_read_and_changed_is_a_conflict_and_nothing_is_stored(
    store: PostgresStore, before: list[Append], read: ReadSet, meanwhile: Append
) -> None:
    for each in before:
        append(store, each)
    with store.writing() as unit:
        append(store, Append([row("main/records/contacts/other")]))  # Another commit that changed nothing of it.
        first = unit.append(Append([row("main/z")]), read)
    with pytest.raises(Conflict):
        append_while(store, lambda: append(store, meanwhile), read)
    with store.reading() as snapshot:
        assert snapshot.head() == first + len(meanwhile.events)


def test_alone_keeps_others_out_until_it_has_committed(store: PostgresStore) -> None:
    def append_alone() -> None:
        with store.writing(alone=True) as unit:
            assert unit.append(Append([row(ANNS)]), ReadSet(streams={ANNS: 0})) == 1

    with pytest.raises(Conflict):
        append_while(store, append_alone, ReadSet(streams={ANNS: 0}))


@pytest.mark.parametrize("refused", [False, True], ids=["applied", "refused"])
def test_a_decision_whose_reads_changed_is_made_again(
    ledger: Ledger, store: PostgresStore, monkeypatch: pytest.MonkeyPatch, *, refused: bool
) -> None:
    """Also one that would be refused: the record that was absent is there by the time the refusal is recorded."""
    ledger.execute(batch(create(ANN)) if refused else batch(create(ANN), create(ANNE)))
    between: list[Callable[[], object]] = [
        lambda: ledger.execute(batch(create(ANNE, city="Gent") if refused else update(ANNE, city="Gent")))
    ]
    monkeypatch.setattr(store, "_step", lambda step: between.pop()() if step == "appending" and between else None)
    (outcome,) = ledger.execute(batch(merge()))
    assert not between
    assert outcome.status == "applied"
    assert ledger.state(MERGED).properties["city"].v == "Gent"


def test_a_view_that_contradicts_itself_because_others_wrote_is_a_conflict_and_no_bug(store: PostgresStore) -> None:
    with pytest.raises(Conflict):
        fail_while(store, lambda: append(store, Append([row(ANNS)])))
    with pytest.raises(LookupError):
        fail_while(store, lambda: None)
    with pytest.raises(LookupError), store.writing(alone=True):
        raise LookupError


def test_a_claim_made_again_from_the_log_is_still_noticed_to_have_been_released(store: PostgresStore) -> None:
    append(store, HELD)

    def release_and_rebuild() -> None:
        append(store, RELEASED)
        with store.writing(alone=True) as unit:
            unit.clear_indexes()
            unit.index(Append([], released=[(EMAIL, ANN)]), 1)

    with pytest.raises(Conflict):
        append_while(store, release_and_rebuild, ReadSet(claims={EMAIL}))


def test_a_unit_that_swallows_its_conflict_is_told_of_it_when_it_ends(store: PostgresStore) -> None:
    def append_twice_and_go_on() -> None:
        with store.writing() as unit, suppress(Conflict):
            unit.append(Append([row(ANNS), row(ANNS)]), ReadSet())

    with pytest.raises(Conflict):
        append_twice_and_go_on()


def test_a_state_in_memory_is_not_used_when_others_changed_it_while_we_wrote_something_else(
    ledger: Ledger, store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.execute(batch(create(ANN)))
    assert [outcome.code for outcome in ledger.execute(batch(merge(ANN, NOBODY)))] == ["NOT_FOUND"]
    with closing(Ledger(PostgresStore(postgres_url))) as other:
        between: list[Callable[[], object]] = [lambda: other.execute(batch(archive(ANN)))]
        monkeypatch.setattr(store, "_step", lambda step: between.pop()() if step == "appending" and between else None)
        ledger.execute(batch(create(ANNE)))
        assert not between
    assert [outcome.code for outcome in ledger.execute(batch(merge(ANN, NOBODY)))] == ["RECORD_ARCHIVED"]


def test_damage_seen_piece_by_piece_while_another_commits_is_a_conflict_and_alone_it_is_damage(
    store: PostgresStore,
) -> None:
    with pytest.raises(Conflict):
        fail_while(store, lambda: append(store, HELD), DamagedRows)
    with pytest.raises(Damaged):
        fail_while(store, lambda: None, DamagedRows)


@pytest.mark.parametrize(
    ("conflict", "told"),
    [(Taken("duplicate key"), ContradictingIndexes), (Conflict("deadlock detected"), LockedDatabase)],
    ids=["something is taken", "a deadlock with others"],
)
def test_what_fails_though_others_are_kept_out_is_called_damage_only_where_something_is_taken(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, conflict: Conflict, told: type[Exception]
) -> None:
    ledger = Ledger(store)

    def fail(_move: Move) -> None:
        raise conflict

    monkeypatch.setattr("ledger.store.postgres.unit.PostgresUnit.move", lambda _unit, move: fail(move))
    with pytest.raises(told):
        ledger.take(batch(create(ANN)), Move("source", None, 1))
    assert ledger.head() == 0
