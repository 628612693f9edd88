"""Messages, ledgers and clocks for tests of the worker."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from consumers.worker.worker import Settings, Worker
from domain import decide as decisions
from domain.intake.reading import Unreadable
from domain.language.commands import Envelope
from domain.language.outcomes import Outcome
from domain.state.folds import Recorded
from domain.state.view import View
from ledger.ledger import Ledger
from ledger.opening import open_ledger
from ledger.store.port import Bookmark, Move
from tests.consumers.source_in_memory import MemorySource, MemoryTopic

TOPIC = "merge.commands.v1"


def create(number: int) -> bytes:
    return (
        f'{{"type":"create_record","command_id":"create-{number}","object_type":"contacts","record_id":"{number}"}}'
    ).encode()


def merge(primary: int, secondary: int) -> bytes:
    return (
        f'{{"type":"merge_records","command_id":"merge-{primary}-{secondary}","object_type":"contacts",'
        f'"primary_id":"{primary}","secondary_id":"{secondary}"}}'
    ).encode()


def topic(partitions: int = 1) -> MemoryTopic:
    return MemoryTopic(TOPIC, partitions)


def new_ledger(folder: Path) -> Ledger:
    return open_ledger(str(folder / "ledger.db"), create=True)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FailingLedger:
    """A ledger whose store fails when it is told to: before the commit, or after it (the answer is lost)."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.fails_before: list[BaseException] = []
        self.fails_after: list[BaseException] = []
        self.fails_reading: list[BaseException] = []
        self.fails_moving: list[BaseException] = []

    @property
    def decided_again(self) -> int:
        return self.ledger.decided_again

    def bookmark(self, name: str) -> Bookmark | None:
        if self.fails_reading:
            raise self.fails_reading.pop()
        return self.ledger.bookmark(name)

    def take(self, batch: Sequence[Envelope | Unreadable], move: Move) -> list[Outcome]:
        if self.fails_before:
            raise self.fails_before.pop()
        outcomes = self.ledger.take(batch, move)
        if self.fails_after:
            raise self.fails_after.pop()
        return outcomes

    def move(self, move: Move) -> None:
        if self.fails_before:
            raise self.fails_before.pop()
        if self.fails_moving:
            raise self.fails_moving.pop()
        self.ledger.move(move)


def plant_bug(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return a set of command ids whose decision raises, as a bug would, with a personal value in its message."""
    ids: set[str] = set()
    decide = decisions.decide

    def with_bug(envelope: Envelope, view: View, now: datetime) -> list[Recorded]:
        if envelope.command.command_id in ids:
            raise KeyError("ann@example.com")
        return decide(envelope, view, now)

    monkeypatch.setattr(decisions, "decide", with_bug)
    return ids


def worker(
    ledger: Ledger | FailingLedger, source: MemorySource, clock: Clock | None = None, *, batch_commands_max: int = 100
) -> Worker:
    settings = Settings(batch_commands_max=batch_commands_max, poll_timeout_ms=0)
    return Worker(ledger, source, settings, clock=clock or Clock())


def outcomes_in(ledger: Ledger) -> list[str]:
    """List the outcomes in the log: the streams that they stand on."""
    return [
        stored.stream
        for stored in ledger.read(0, 100_000)
        if stored.type in {"command.applied.v1", "command.refused.v1", "command.unreadable.v1"}
    ]
