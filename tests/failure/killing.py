"""Layer: tests. Kills writers and projectors again and again, and holds what they leave to what they acknowledged.

    python -m tests.failure.killing DB KILLS SEED

One process forks them, so that hundreds of kills take no minute. Writers are killed at each step of
their append in turn and at any moment; projectors before or after any statement of a page, of a
rebuild and of going live. After each kill the ledger is gapless, every batch is there whole or not
at all, what was acknowledged is there, and readers have a whole moment to read. Everything is then
sent again: each command has one outcome. Prints how many were killed where.
"""

import json
import os
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any, Final, NamedTuple

from domain.language.commands import AnyCommand, Envelope
from ledger.indexes.changes import rebuild_indexes
from ledger.ledger import Ledger
from ledger.naming import is_file
from ledger.store.port import Store
from ledger.store.sqlite.store import SqliteStore
from projections.models.catalogue import PROJECTIONS
from projections.opening import read_store
from projections.running.runner import Projector
from projections.running.status import digest
from projections.store.port import NotProjected, ReadStore
from tests.contracts.test_serialisable import PREPARED, any_command
from tests.deciding_again import differences

Step = Callable[[str], None]
Batch = list[AnyCommand]
_MOMENT_S: Final = 0.08  # In which a writer has begun and is not done.
_STATEMENTS_MAX: Final = 120  # Of a few pages, a rebuild and going live.
_STEPS_MAX: Final = 24
_READING_EVERY: Final = 20


class Plan(NamedTuple):
    """Who is killed, and when: at the so many-th step or statement, or at a moment."""

    who: str
    at: int
    moment_s: float | None = None


def nothing(_step: str) -> None:
    """Go on."""


def store_of(db: str, step: Step = nothing) -> Store:
    """Open the ledger's store, and be told of its steps."""
    if not is_file(db):
        from ledger.store.postgres.store import PostgresStore  # noqa: PLC0415  as the ledger does

        return PostgresStore(db, step=step)
    return SqliteStore(db, create=True, step=step)


@contextmanager
def opened(db: str, step: Step = nothing) -> Iterator[Ledger]:
    """Open the ledger; closed again before anybody forks."""
    with closing(Ledger(store_of(db, step), clock=lambda: datetime.now(UTC))) as ledger:
        yield ledger


# -- those who are killed


def killer(at: int, tell: Callable[[str], object]) -> Step:
    """Kill this process at the so many-th call, and say before at which step that was."""
    left = at

    def come(step: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            tell(step)
            os.kill(os.getpid(), signal.SIGKILL)

    return come


def write(db: str, plan: Plan, batches: list[Batch], tell: Callable[[Any], None]) -> None:
    """Execute batches, and tell each outcome that was given."""
    step = killer(plan.at, lambda step: tell({"killed": step})) if plan.moment_s is None else nothing
    with opened(db, step) as ledger:
        for batch in batches:
            outcomes = ledger.execute([Envelope(command) for command in batch])
            tell({"told": [[one.command_id, one.status, one.position] for one in outcomes]})


def project(db: str, plan: Plan, tell: Callable[[Any], None]) -> None:
    """Catch up in small pages, or rebuild."""
    count_statements(killer(plan.at, lambda step: tell({"killed": f"{plan.who}: {step}"})))
    with opened(db) as ledger, closing(read_store(db)) as store:
        projector = Projector(ledger, store, page_events=40)
        if plan.who == "rebuild":
            projector.rebuild()
        else:
            projector.catch_up()


def count_statements(come: Step) -> None:
    """Come by before and after every statement of this process."""
    from ledger.store.postgres.connection import Connection  # noqa: PLC0415  to be changed here alone

    real = Connection.execute

    def counted(self: Connection, *given: Any, **options: Any) -> Any:  # noqa: ANN401  as the driver has it
        come("before a statement")
        cursor = real(self, *given, **options)
        come("after a statement")
        return cursor

    class Counted(sqlite3.Connection):
        def execute(self, *given: Any) -> sqlite3.Cursor:  # noqa: ANN401  as the driver has it
            come("before a statement")
            cursor = super().execute(*given)
            come("after a statement")
            return cursor

        def executemany(self, *given: Any) -> sqlite3.Cursor:  # noqa: ANN401  as the driver has it
            come("before a statement")
            return super().executemany(*given)

    Connection.execute = counted  # type: ignore[assignment,method-assign]
    sqlite3.connect = partial(sqlite3.connect, factory=Counted)  # type: ignore[assignment]


def fork(db: str, plan: Plan, batches: list[Batch]) -> tuple[list[dict[str, Any]], bool]:
    """Let a child work until it is killed; returns what it told, and whether it was."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)

        def tell(what: Any) -> None:  # noqa: ANN401  whatever JSON can hold
            os.write(writing, json.dumps(what).encode() + b"\n")

        try:
            if plan.who == "writer":
                write(db, plan, batches, tell)
            else:
                project(db, plan, tell)
        except BaseException as error:  # noqa: BLE001  told to the parent
            tell({"failed": repr(error)})
        os._exit(0)
    os.close(writing)
    if plan.moment_s is not None:
        time.sleep(plan.moment_s)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        told = [json.loads(line) for line in pipe.read().splitlines()]
    _, status = os.waitpid(child, 0)
    assert not any("failed" in one for one in told), told
    return told, os.WIFSIGNALED(status)


# -- what is left


class World:
    """A ledger, everything that was sent to it, and how far the log was checked."""

    def __init__(self, db: str, seed: int) -> None:
        """Begin with what the commands are about."""
        self.db = db
        self.dice = Random(seed)  # noqa: S311  dice
        self.sent: dict[str, AnyCommand] = {}
        self.position = 0
        self.answers: dict[str, int] = {}  # Where the outcome of each command stands.
        self.killed: Counter[str] = Counter()
        self.was_live = False
        self._send_again([self._remember(PREPARED)])  # type: ignore[arg-type]

    def _remember(self, batch: Batch) -> Batch:
        self.sent.update({command.command_id: command for command in batch})
        return batch

    def kill_one(self) -> None:
        """Kill a writer or a projector, and look at what it left."""
        dice = self.dice
        batches = [
            self._remember([any_command(dice) for _ in range(dice.randint(1, 4))])  # type: ignore[misc]
            for _ in range(4)
        ]
        plan = dice.choice(
            [
                *[Plan("writer", dice.randint(1, _STEPS_MAX))] * 4,
                Plan("writer", 0, dice.random() * _MOMENT_S),
                *[Plan("page", dice.randint(1, _STATEMENTS_MAX))] * 2,
                Plan("rebuild", dice.randint(1, 4 * _STATEMENTS_MAX)),
            ]
        )
        told, was_killed = fork(self.db, plan, batches)
        if was_killed:
            self.killed[next((one["killed"] for one in told if "killed" in one), "at any moment")] += 1
        self._look(batches, [tuple(one) for line in told for one in line.get("told", ())])
        self._send_again(batches)
        self._read()

    def _look(self, batches: list[Batch], told: list[tuple[str, str, int | None]]) -> None:
        with opened(self.db) as ledger:
            self._follow(ledger)
        for batch in batches:
            assert len({command.command_id in self.answers for command in batch}) == 1, "a batch was stored in part"
        for command_id, _, position in told:
            assert command_id in self.answers, f"{command_id} was acknowledged and is lost"
            assert position is None or position <= self.answers[command_id]

    def _follow(self, ledger: Ledger) -> None:
        for stored in ledger.read(self.position, 1_000_000):
            assert stored.position == self.position + 1
            self.position += 1
            if "/commands/" in stored.stream:
                command_id = stored.stream.split("/", 2)[2]
                assert command_id not in self.answers, f"{command_id} has two outcomes"
                self.answers[command_id] = stored.position

    def _send_again(self, batches: list[Batch]) -> None:
        with opened(self.db) as ledger:
            for batch in batches:
                known = [command.command_id in self.answers for command in batch]
                outcomes = ledger.execute([Envelope(command) for command in batch])
                assert [outcome.repeated for outcome in outcomes] == known
            self._follow(ledger)

    def _read(self) -> None:
        """Whatever was killed, readers have one whole moment; now and then the projections catch up."""
        with opened(self.db) as ledger, closing(read_store(self.db)) as store:
            try:
                with store.snapshot() as snapshot:
                    position = snapshot.mark().position
                    shown = {one for (one,) in snapshot.select("SELECT command_id FROM outcomes")}
            except NotProjected:
                assert not self.was_live
            else:
                self.was_live = True
                assert shown == {one for one, at in self.answers.items() if at <= position}
            if self.dice.randrange(_READING_EVERY) == 0:
                Projector(ledger, store).catch_up()

    def check_all(self) -> None:
        """Decide every command again, make the indexes again, and the projections."""
        with opened(self.db) as ledger, closing(read_store(self.db)) as store:
            assert set(self.answers) == set(self.sent)
            assert differences(ledger, self.sent) == []
            rebuild_indexes(ledger.store)
            assert differences(ledger, self.sent) == []
            Projector(ledger, store).catch_up()
            resumed = digests(store)
            Projector(ledger, store).rebuild()
            assert digests(store) == resumed


def digests(store: ReadStore) -> dict[str, str]:
    """Digest all that is live."""
    with store.snapshot() as snapshot:
        return {one.name: digest(snapshot, one) for one in PROJECTIONS}


def main(db: str, kills: str, seed: str) -> None:
    """Kill as many as asked."""
    world = World(db, int(seed))
    while world.killed.total() < int(kills):
        world.kill_one()
    world.check_all()
    print(json.dumps(world.killed))  # noqa: T201  for whoever started it


if __name__ == "__main__":
    main(*sys.argv[1:])
