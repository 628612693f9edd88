"""Layer: tests. Claims and lineages follow from the log alone: what is kept equals what is made again from it."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.language.commands import AnyCommand
from domain.language.outcomes import Outcome
from ledger.indexes.changes import rebuild_indexes
from ledger.ledger import Ledger
from tests.builders import ANA, ANN, ANNA, ANNE, HANNAH, add_identifier, create, link_sync, merge, suppress, update
from tests.contracts.places import PLACES, START, Place, batch
from tests.strategies import DEFINITIONS, histories


def fill(ledger: Ledger) -> None:
    ledger.execute(
        batch(
            create(ANN, email="ann@x.be"),
            create(ANNE, email="anne@x.be"),
            create(ANA, email="ana@x.be"),
            link_sync(ANNE, "sf-1"),
            suppress(ANNE, address="anne@x.be"),
            add_identifier(ANN, "ann@y.be"),
            merge(),
        )
    )
    ledger.execute(batch(update(ANNA, email="anna@x.be"), merge(ANNA, ANA, into=HANNAH)))


def test_indexes_made_again_from_the_log_equal_those_that_were_kept(place: Place, ledger: Ledger) -> None:
    fill(ledger)
    kept = place.indexes()
    assert all(kept.values())
    assert rebuild_indexes(ledger.store) == ledger.head()
    assert place.indexes() == kept


def test_indexes_are_made_again_page_by_page(place: Place, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(ledger)
    kept = place.indexes()
    for page_events in (1, 2, 3, 7):  # A merge's events fall on two pages.
        monkeypatch.setattr("ledger.indexes.changes.PAGE_EVENTS", page_events)
        rebuild_indexes(ledger.store)
        assert place.indexes() == kept


def test_lost_indexes_come_back_and_decisions_with_them(place: Place, ledger: Ledger) -> None:
    fill(ledger)
    for table in place.indexes():
        place.sql(f"DELETE FROM {table}")  # noqa: S608  names of ours
    rebuild_indexes(ledger.store)
    (outcome,) = ledger.execute(batch(create(ANN._replace(record_id="900"), email="anne@x.be")))
    assert outcome.code == "IDENTIFIER_IN_USE"
    assert outcome.details["current_id"] == HANNAH.record_id
    (outcome,) = ledger.execute(batch(update(ANNE, city="Gent")))
    assert outcome.followed == {"102": "106"}


@pytest.mark.parametrize("kind", PLACES)
@settings(deadline=None, max_examples=10)
@given(histories(), st.lists(st.integers(1, 20), min_size=1, max_size=30))
def test_batches_of_any_size_come_to_the_same_log_the_same_answers_and_the_same_indexes(
    kind: str, history: list[AnyCommand], sizes: list[int]
) -> None:
    commands = [*DEFINITIONS, *history]
    with tempfile.TemporaryDirectory() as folder:
        first = PLACES[kind](Path(folder))
        second = first.another()
        together, answers = played(first, commands, sizes)
        apart, other_answers = played(second, commands, [1] * len(commands))
        assert together == apart
        assert answers == other_answers
        assert first.indexes() == second.indexes()
        kept = first.indexes()
        with closing(first.open(lambda: START)) as store:
            rebuild_indexes(store)
        assert first.indexes() == kept


def played(
    place: Place, commands: Sequence[AnyCommand], sizes: Sequence[int]
) -> tuple[list[tuple[int, str, int, str, bytes]], list[Outcome]]:
    """Execute these in batches of these sizes, the last size again and again, at one time."""
    outcomes: list[Outcome] = []
    with closing(Ledger(place.open(lambda: START), clock=lambda: START)) as ledger:
        begin = 0
        for size in (*sizes, *[sizes[-1]] * len(commands)):
            outcomes += ledger.execute(batch(*commands[begin : begin + size]))
            begin += size
        log = [(one.position, one.stream, one.version, one.type, one.data) for one in ledger.read(0, 10_000)]
    return log, outcomes
