"""Measures appended rows a second, against raw inserts of the same bytes into a table with the same keys.

    python bench/appends.py                     # prints a table, writes bench/appends.json

The rows are those that real commands wrote, 1,000 a commit. Ours checks versions, gives positions,
keeps the log from being changed, and looks for other writers. The raw side is the fastest that each
store has: `executemany` on SQLite, parallel binary arrays to `unnest` on PostgreSQL.
"""

import sqlite3
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

import psycopg

from bench.measuring import Measured, Sizes, compared, rate, run
from bench.places import SQLITE, Place, ledger_in
from bench.sides import execute, traffic
from ledger.ledger import Ledger
from ledger.store.port import Append, EventRow, ReadSet
from ledger.store.postgres.arrays import Documents, Integers, Texts, adapters_of_columns

A_COMMIT = 1_000
RECORDED_AT = "2026-01-01T00:00:00.000000+00:00"
CREATE = """
    CREATE TABLE raw (
        position BIGINT PRIMARY KEY, stream TEXT NOT NULL, version BIGINT NOT NULL, type TEXT NOT NULL,
        state {document} NOT NULL, recorded_at {time} NOT NULL, UNIQUE (stream, version)
    )
"""
INSERT = "INSERT INTO raw VALUES (?, ?, ?, ?, ?, ?)"
UNNEST = """
    INSERT INTO raw (position, stream, version, type, state, recorded_at)
    SELECT n.*, clock_timestamp() FROM unnest(%s, %s, %s, %s, %s) AS n
"""
SIZES = (
    Sizes("turns", 5, 1, "turns of each side"),
    Sizes("rows", 20_000, 500, "rows a turn"),
)
Side = Callable[[Sequence[EventRow], int], None]  # Inserts rows behind so many, in one commit.


def ours(ledger: Ledger) -> Side:
    """Append by the ledger's store."""

    def insert(rows: Sequence[EventRow], _behind: int) -> None:
        with ledger.store.writing() as unit:
            unit.append(Append(rows), ReadSet())

    return insert


def raw_sqlite(connection: sqlite3.Connection) -> Side:
    """Insert by `executemany`, and wait for the disk as ours does."""
    for statement in (
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        CREATE.format(document="BLOB", time="TEXT"),
    ):
        connection.execute(statement)

    def insert(rows: Sequence[EventRow], behind: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(INSERT, [(at, *row, RECORDED_AT) for at, row in enumerate(rows, behind + 1)])
        connection.execute("COMMIT")

    return insert


def raw_postgres(connection: psycopg.Connection) -> Side:
    """Insert by binary arrays."""
    connection.execute(CREATE.format(document="VARCHAR", time="TIMESTAMPTZ").encode())
    connection.commit()

    def insert(rows: Sequence[EventRow], behind: int) -> None:
        streams, versions, types, states = zip(*rows, strict=True)
        columns = [Integers(range(behind + 1, behind + 1 + len(rows))), Texts(streams), Integers(versions)]
        columns += [Texts(types), Documents(states)]
        connection.execute(UNNEST.encode(), columns, prepare=True, binary=True)
        connection.commit()

    return insert


def written(at: Place, rows: int) -> list[EventRow]:
    """Let real commands write rows, and take them."""
    with ledger_in(at) as ledger:
        execute(ledger, traffic(0, rows // 20 + 1))
        return [(one.stream, one.version, one.type, one.data) for one in ledger.read(0, rows)]


def insert_all(side: Side, rows: Sequence[EventRow], turn: int) -> int:
    """Insert all rows on streams of this turn, commit by commit."""
    fresh = [(f"{stream}/{turn}", version, kind, state) for stream, version, kind, state in rows]
    for begin in range(0, len(fresh), A_COMMIT):
        side(fresh[begin : begin + A_COMMIT], turn * len(fresh) + begin)
    return len(fresh)


def compare(at: Place, options: Namespace, raw: Side) -> list[Measured]:
    """Let both take turns."""
    rows = written(at, options.rows)
    rates: tuple[list[float], list[float]] = [], []
    with ledger_in(at) as ledger:
        for turn in range(options.turns + 1):
            for side, found in zip((ours(ledger), raw), rates, strict=True):
                found.append(rate(partial(insert_all, side, rows, turn)))
    mine, its = (found[1:] for found in rates)  # The first warms up.
    return [compared(at, "appended rows", mine, its, unit="rows/s", aim={"sqlite": 0.5, "postgresql": 0.6})]


def measure(at: Place, options: Namespace) -> list[Measured]:
    """Open the raw side, and compare."""
    if at.store == SQLITE:
        with closing(sqlite3.connect(at.empty(), isolation_level=None)) as connection:
            return compare(at, options, raw_sqlite(connection))
    with psycopg.connect(at.empty(), context=adapters_of_columns()) as server:
        return compare(at, options, raw_postgres(server))


def main(arguments: list[str] | None = None) -> list[Measured]:
    """Measure, print and write down."""
    return run(__file__, "Appended rows a second, against raw inserts.", SIZES, measure, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
