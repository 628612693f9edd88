"""Tests: batches are carried out without garbage collection, and leave it as they found it, whatever came of them."""

import gc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.ledger import Ledger
from ledger.store.sqlite.store import SqliteStore
from tests.builders import ANN, create
from tests.contracts.places import batch


@pytest.fixture
def seen() -> list[bool]:
    return []


@pytest.fixture
def ledger(tmp_path: Path, seen: list[bool]) -> Iterator[Ledger]:
    def clock() -> datetime:  # A batch asks for the time while it is carried out.
        seen.append(gc.isenabled())
        return datetime.now(UTC)

    with Ledger(SqliteStore(tmp_path / "ledger.db", create=True), clock=clock) as opened:
        yield opened


def test_nobody_looks_for_cycles_during_a_batch_and_again_after_it(ledger: Ledger, seen: list[bool]) -> None:
    ledger.execute(batch(create(ANN)))
    assert seen == [False]
    assert gc.isenabled()


def test_a_batch_that_fails_leaves_garbage_collection_on(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("ledger.batch.execution.Execution.decide", fail)
    with pytest.raises(MemoryError):
        ledger.execute(batch(create(ANN)))
    assert gc.isenabled()


def test_who_has_it_off_finds_it_off(ledger: Ledger) -> None:
    gc.disable()
    try:
        ledger.execute(batch(create(ANN)))
        assert not gc.isenabled()
    finally:
        gc.enable()
