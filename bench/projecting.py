"""Measures all projections at once: against one event a transaction, and against one trivial projection.

    python bench/projecting.py                  # prints a table, writes bench/projecting.json

Ours rebuilds all of its projections from mixed commands. One event a transaction is, on SQLite, a
trivial view (a count for each type of event) of the same events, waiting for the disk as SQLite does
unless told otherwise, and all of our projections a command a transaction; on PostgreSQL it is the
stock library's own ProjectionRunner with a trivial view over its own events, which cannot run on
SQLite. The trivial projection reads, decodes and counts the same events as ours, 5,000 a transaction.
"""

import sqlite3
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import psycopg
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from bench.measuring import Measured, Sizes, compared, rate, run
from bench.places import SQLITE, Place
from bench.sides import Stock, carry_out, execute, traffic
from ledger.ledger import Ledger
from ledger.opening import open_ledger
from projections.opening import read_store
from projections.running.runner import Projector

PAGE_EVENTS = 5_000
CREATE = (
    "CREATE TABLE counts (type TEXT PRIMARY KEY, events BIGINT NOT NULL)",
    "CREATE TABLE mark (position BIGINT NOT NULL)",
    "INSERT INTO mark VALUES (0)",
)
COUNT = """
    INSERT INTO counts (type, events) VALUES (?, ?)
    ON CONFLICT (type) DO UPDATE SET events = counts.events + excluded.events
"""
MOVE = "UPDATE mark SET position = ?"
SIZES = (
    Sizes("turns", 3, 1, "turns of each side"),
    Sizes("rounds", 2_000, 20, "rounds of ten commands that wrote the events"),
    Sizes("one", 1_000, 100, "events that go one a transaction"),
)
Run = Callable[[str, Sequence[Any]], object]  # Runs a statement on the trivial projection's database.


def trivial(ledger: Ledger, execute_sql: Run, page_events: int, events: int) -> int:
    """Read, decode and count events, so many a transaction."""
    position = 0
    while position < events and (page := ledger.read(position, PAGE_EVENTS)):
        for begin in range(0, len(page), page_events):
            counts = Counter(type(ledger.decode(stored)).__name__ for stored in page[begin : begin + page_events])
            position = page[min(begin + page_events, len(page)) - 1].position
            execute_sql("BEGIN", ())
            for name, count in sorted(counts.items()):
                execute_sql(COUNT, (name, count))
            execute_sql(MOVE, (position,))
            execute_sql("COMMIT", ())
            if position >= events:
                break
    return position


def rebuild(db: str, ledger: Ledger, page_events: int = PAGE_EVENTS) -> int:
    """Make all of our projections anew."""
    store = read_store(db)
    try:
        return Projector(ledger, store, page_events=page_events).rebuild()
    finally:
        store.close()


# -- the stock library's runner


class CountRecorder(PostgresTrackingRecorder):
    """The trivial view, as the library's documentation writes one."""

    def __init__(self, datastore: PostgresDatastore, **options: Any) -> None:  # noqa: ANN401  the library's
        """Name its table."""
        super().__init__(datastore, **options)
        self.sql_create_statements.append(
            SQL("CREATE TABLE IF NOT EXISTS counts (type TEXT PRIMARY KEY, events BIGINT NOT NULL)").format()
        )

    def count(self, name: str, tracking: Tracking) -> None:
        """Count one event, and move on."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(COUNT.replace("?", "%s").encode(), (name, 1))


class Counts(Projection[CountRecorder]):
    """Counts events."""

    name = "counts"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:  # noqa: ANN401  the library's
        """Count one."""
        self.view.count(type(domain_event).__name__, tracking)


def run_library(env: dict[str, str], last: int) -> int:
    """Let the library's runner process all events."""
    with ProjectionRunner(
        application_class=Stock, projection_class=Counts, view_class=CountRecorder, env=env
    ) as runner:
        runner.wait(last, timeout=600)
    return last


def library_rate(at: Place, events: int) -> float:
    """Let the stock library write events, one save a command, and project them."""
    env = at.stock()
    stock = Stock(env=env)
    carry_out(stock, {}, [*traffic(0, max(2, events // 11))])
    last = stock.recorder.max_notification_id() or 0
    stock.close()
    return rate(lambda: run_library(env, last))


# -- measuring


def connected(at: Place) -> tuple[Any, Run]:
    """Make the trivial projection's database, to be waited for as ours is; tells how to close it and to run SQL."""
    if at.store == SQLITE:
        file = sqlite3.connect(at.empty(), isolation_level=None)
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", *CREATE):
            file.execute(statement)
        return file, file.execute
    server = psycopg.connect(at.empty(), autocommit=True)
    for statement in ("SET synchronous_commit = off", *CREATE):
        server.execute(statement.encode())
    return server, lambda statement, row: server.execute(statement.replace("?", "%s").encode(), row or None)


class Rates(NamedTuple):
    """What each side did in one turn, in events a second."""

    ours: float
    trivial: float
    one_by_one: float
    ours_one_by_one: float = 0.0


def turn(at: Place, db: str, ledger: Ledger, one: int) -> Rates:
    """Let every side do its work once."""
    connection, run_sql = connected(at)
    with closing(connection):
        ours = rate(lambda: rebuild(db, ledger))
        simple = rate(lambda: trivial(ledger, run_sql, PAGE_EVENTS, ledger.head()))
        if at.store != SQLITE:
            return Rates(ours, simple, library_rate(at, one))
        run_sql("PRAGMA synchronous = FULL", ())
        return Rates(ours, simple, rate(lambda: trivial(ledger, run_sql, 1, one)), alone_rate(at, one))


def alone_rate(at: Place, events: int) -> float:
    """Let all of our projections take the first events, a command a transaction."""
    db = at.database()
    with open_ledger(db, create=False) as few:
        execute(few, traffic(0, max(2, events // 24)))
        return rate(lambda: rebuild(db, few, page_events=1))


def measure(at: Place, options: Namespace) -> list[Measured]:
    """Let all sides take turns."""
    db = at.database()
    with open_ledger(db, create=False) as ledger:
        execute(ledger, traffic(0, options.rounds))
        turns = [turn(at, db, ledger, options.one) for _ in range(options.turns)]
    ours, simple, one_by_one, ours_one_by_one = zip(*turns, strict=True)
    against = (
        "a trivial view, one event a transaction" if at.store == SQLITE else "the library's runner, a trivial view"
    )
    rows = [compared(at, f"all projections, to {against}", ours, one_by_one, unit="events/s", aim=15)]
    if at.store == SQLITE:
        what = "all projections, to the same, one command a transaction"
        rows.append(compared(at, what, ours, ours_one_by_one, unit="events/s", aim=15))
    mine, its = ([1_000_000 / one for one in rates] for rates in (ours, simple))
    rows.append(
        compared(at, "rebuild of all, to one trivial projection", mine, its, unit="µs an event", aim=6, at_most=True)
    )
    return rows


def main(arguments: list[str] | None = None) -> list[Measured]:
    """Measure, print and write down."""
    return run(__file__, "All projections, against one event a transaction and one trivial.", SIZES, measure, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
