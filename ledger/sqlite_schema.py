"""Layer: ledger. The tables of the embedded store, and the triggers that keep its log as it is.

`events` is the log; `claims` and the lineage tables are indexes that follow from it. The triggers
stop mistakes, not someone who owns the file.
"""

from typing import Final

from domain.claims import SHARED_KINDS

SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 0x4D4C4547  # "MLEG", in the file's header: tells a ledger from any other database.

_SHARED = ", ".join(f"'{kind}'" for kind in sorted(SHARED_KINDS))

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
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
