"""Layer: ledger. Checks that a SQLite file is a ledger that this version knows, and that nothing is missing from it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ledger.store.damage import Damaged, DamagedDatabase, UnguardedLog, differences
from ledger.store.port import NewerSchema, NotALedger
from ledger.store.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION, guards, guards_made
from ledger.store.sqlite.unit import HEAD


def damage(connection: sqlite3.Connection, location: str) -> list[Damaged]:
    """Return what is missing from the log or its guards. Raises NotALedger, NewerSchema."""
    schema_of(connection, location)
    head = connection.execute(HEAD).fetchone()[0]
    ever = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    missing: list[Damaged] = []
    if ever is not None and ever[0] != head:
        missing.append(DamagedDatabase(location, f"it ends at {head} and had {ever[0]} events"))
    unlike = differences(guards_made(), guards(connection))
    return [*missing, *(UnguardedLog(location, name, how) for name, how in unlike)]


def schema_of(connection: sqlite3.Connection, location: str) -> int:
    """Return the version of the tables. Raises NotALedger, NewerSchema."""
    if pragma(connection, "application_id") != APPLICATION_ID:
        raise NotALedger(location)
    version = int(pragma(connection, "user_version"))
    if version > SCHEMA_VERSION:
        raise NewerSchema(location, version, SCHEMA_VERSION)
    return version


@contextmanager
def one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Read as of one commit, whoever writes meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.rollback()


def pragma(connection: sqlite3.Connection, name: str) -> Any:  # noqa: ANN401  a number, or a word
    """Return a setting of the connection or of its file."""
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def has_tables(connection: sqlite3.Connection) -> bool:
    """Whether anything was made in the file."""
    return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None
