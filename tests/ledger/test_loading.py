"""Layer: tests. Loading in rounds: each need is loaded once, one query a kind, and in order or not at all."""

from collections.abc import Collection, Iterable
from typing import Any, cast

import pytest

from domain import decide
from domain.language.commands import Envelope
from domain.state.needs import Need, NotLoaded
from domain.state.view import View
from ledger.batch.loading import DamagedStream, Loader
from ledger.store.codec import encode
from ledger.store.port import LoadedEvent, Snapshot
from tests.builders import ANN, ANNE, create, merge
from tests.contracts.places import batch
from tests.ledger.examples import EXAMPLES

STREAM = "main/records/contacts/101"


class FakeSnapshot:
    """Answers with these rows, whatever it is asked for."""

    def __init__(self, *rows: tuple[str, int, int]) -> None:
        self.rows = rows
        self.asked: list[set[str]] = []

    def load_snapshots(self, streams: Collection[str], fold: int) -> Iterable[tuple[str, int, bytes]]:  # noqa: ARG002
        return []

    def load_streams(self, streams: Collection[str]) -> Iterable[LoadedEvent]:
        self.asked.append(set(streams))
        created = EXAMPLES["record.created.v1"]
        return [(stream, created.EVENT_TYPE, encode(created), version, at) for stream, version, at in self.rows]


def loader(*rows: tuple[str, int, int]) -> tuple[Loader, View, FakeSnapshot]:
    view, snapshot = View(), FakeSnapshot(*rows)
    return Loader(cast("Snapshot", snapshot), view), view, snapshot


def needing(monkeypatch: pytest.MonkeyPatch, needs: Any) -> None:  # noqa: ANN401  a function of a test
    monkeypatch.setattr(decide, "needs", needs)


@pytest.mark.parametrize(
    "rows",
    [
        [(STREAM, 2, 7), (STREAM, 1, 3)],
        [(STREAM, 1, 3), ("main/records/contacts/102", 1, 5), (STREAM, 2, 7)],
        [("main/records/contacts/900", 1, 3)],
    ],
    ids=["backwards", "in two pieces", "another than was asked for"],
)
def test_a_stream_that_does_not_come_in_order_is_not_folded(
    monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, int, int]]
) -> None:
    needing(monkeypatch, lambda _, __: [STREAM, "main/records/contacts/102"])
    with pytest.raises(DamagedStream, match="restore it from a copy"):
        loader(*rows)[0].load_for(batch(create(ANN)))


def test_needs_of_a_whole_batch_are_loaded_in_rounds_and_an_absent_stream_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def needs(envelope: Envelope, view: View) -> Iterable[Need]:
        yield f"main/first/{envelope.command.command_id}"
        if view.has(f"main/first/{envelope.command.command_id}"):
            yield "main/second"

    needing(monkeypatch, needs)
    one, other = create(ANN), create(ANNE)
    loading, view, snapshot = loader()
    loading.load_for(batch(one, other))
    assert snapshot.asked == [{f"main/first/{one.command_id}", f"main/first/{other.command_id}"}, {"main/second"}]
    assert view.state("main/second") is None
    assert view.version("main/second") == 0
    assert loading.read.streams["main/second"] == 0
    loading.load_for(batch(one))
    assert len(snapshot.asked) == 2


def test_a_need_that_stays_unmet_is_a_bug_and_no_endless_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    needing(monkeypatch, lambda _, __: [STREAM])
    loading, view, _ = loader()
    monkeypatch.setattr(view, "put", lambda *_: None)
    with pytest.raises(NotLoaded):
        loading.load_for(batch(merge()))
