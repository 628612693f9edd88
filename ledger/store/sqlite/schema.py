"""Layer: ledger. The tables of the embedded store, and the triggers that keep its log as it is.

`events` is the log; `claims` and the lineage tables are indexes that follow from it. The triggers
stop mistakes, not someone who owns the file.
"""

import sqlite3
from contextlib import closing
from typing import Final

from domain.state.claims import SHARED_KINDS

SCHEMA_VERSION: Final = 3
APPLICATION_ID: Final = 0x4D4C4547  # "MLEG", in the file's header: tells a ledger from any other database.

_SHARED = ", ".join(f"'{kind}'" for kind in sorted(SHARED_KINDS))

# Since version 2: how far sources were read and topics written, and who does it.
SINCE_2: Final = (
    """
    CREATE TABLE bookmarks (
        name TEXT PRIMARY KEY,
        at INTEGER NOT NULL,
        of TEXT NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE leases (
        name TEXT PRIMARY KEY,
        holder TEXT NOT NULL,
        ends_at REAL NOT NULL
    ) WITHOUT ROWID
    """,
    "PRAGMA user_version = 2",
)
# Since version 3: states of long streams, which may be dropped at any time.
SINCE_3: Final = (
    """
    CREATE TABLE snapshots (
        stream TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        fold INTEGER NOT NULL,
        state BLOB NOT NULL
    ) WITHOUT ROWID
    """,
    "PRAGMA user_version = 3",
)
# What brings a file to a version from the one before.
UPGRADES: Final = {2: SINCE_2, 3: SINCE_3}
SCHEMA: Final = (
    """
    CREATE TABLE events (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        type TEXT NOT NULL,
        state BLOB NOT NULL,
        recorded_at TEXT NOT NULL,
        UNIQUE (stream, version)
    )
    """,
    # REPLACE deletes what stands in its way without firing the trigger on DELETE, so an event may only go
    # behind the last one of the log and behind the last one of its stream, where nothing stands.
    """
    CREATE TRIGGER events_are_appended BEFORE INSERT ON events
    WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events)
    BEGIN SELECT raise(ABORT, 'an event goes behind the last one of the log'); END
    """,
    """
    CREATE TRIGGER events_follow_their_stream BEFORE INSERT ON events
    WHEN EXISTS (SELECT 1 FROM events WHERE stream = NEW.stream AND version >= NEW.version)
    BEGIN SELECT raise(ABORT, 'an event goes behind the last one of its stream'); END
    """,
    """
    CREATE TRIGGER events_do_not_change BEFORE UPDATE ON events
    BEGIN SELECT raise(ABORT, 'an event is never changed'); END
    """,
    """
    CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
    BEGIN SELECT raise(ABORT, 'an event is never deleted'); END
    """,
    """
    CREATE TABLE claims (
        account TEXT NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        object_type TEXT NOT NULL,
        record_id TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (account, kind, value, object_type, record_id)
    ) WITHOUT ROWID
    """,
    f"CREATE UNIQUE INDEX exclusive_claims ON claims (account, kind, value) WHERE kind NOT IN ({_SHARED})",
    "CREATE INDEX claims_by_holder ON claims (account, object_type, record_id, kind)",
    """
    CREATE TABLE lineage_members (
        stream TEXT PRIMARY KEY,
        lineage TEXT NOT NULL,
        position INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX lineage_members_by_lineage ON lineage_members (lineage)",
    """
    CREATE TABLE lineages (
        lineage TEXT PRIMARY KEY,
        current TEXT NOT NULL,
        weight INTEGER NOT NULL,
        position INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    f"PRAGMA application_id = {APPLICATION_ID}",
    *SINCE_2,
    *SINCE_3,
)

_TRIGGERS: Final = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
_DEFINITIONS: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema"


def guards(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the triggers that are there, by name."""
    return {name: " ".join(sql.split()) for name, sql in connection.execute(_TRIGGERS)}


def guards_made() -> dict[str, str]:
    """Return the triggers that this version makes."""
    made = [" ".join(statement.split()) for statement in SCHEMA if statement.split()[:2] == ["CREATE", "TRIGGER"]]
    return {statement.split()[2]: statement for statement in made}


def is_as_made(connection: sqlite3.Connection) -> bool:
    """Whether every table, index and trigger of ours is there and as this version makes it."""
    found = _definitions(connection)
    with closing(sqlite3.connect(":memory:")) as made:
        for statement in SCHEMA:
            made.execute(statement)
        return _definitions(made).items() <= found.items()


def _definitions(connection: sqlite3.Connection) -> dict[tuple[str, str, str], str | None]:
    return {(kind, name, table): sql for kind, name, table, sql in connection.execute(_DEFINITIONS)}


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring the tables to the version that we know, step by step; two at once end with the same."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        for version in range(found + 1, SCHEMA_VERSION + 1):
            for statement in UPGRADES.get(version, ()):
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.rollback()
        raise
