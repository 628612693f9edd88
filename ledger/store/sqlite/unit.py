"""Layer: ledger. The queries of the embedded store, and the unit of work that runs them."""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Final

from domain.language import streams
from domain.language.ids import RecordRef
from domain.state.claims import ClaimKey
from ledger.store.port import Append, Bookmark, BookmarkMoved, LoadedEvent, Move, ReadSet, StoredEvent, Taken
from ledger.store.watching import whole_stream, without_gap

_RECORDED_AT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"  # Of one width, so that text sorts as time.

HEAD = "SELECT coalesce(max(position), 0) FROM events"
LAST = "SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1"
# CROSS JOIN keeps the order of the tables: look each one up, instead of scanning. Where rows then come in the
# order of an index, there is no ORDER BY: sorting carries every state along. The loader checks the order.
LOAD_STREAMS = """
    SELECT e.stream, e.type, e.state, e.version, e.position
    FROM json_each(?) AS asked CROSS JOIN events AS e INDEXED BY sqlite_autoindex_events_1 ON e.stream = asked.value
"""
LOAD_SINCE = """
    SELECT e.stream, e.type, e.state, e.version, e.position
    FROM json_each(?) AS asked CROSS JOIN events AS e INDEXED BY sqlite_autoindex_events_1
      ON e.stream = asked.value ->> 0 AND e.version > asked.value ->> 1
"""
LOAD_SNAPSHOTS = """
    SELECT s.stream, s.version, s.state
    FROM json_each(?) AS asked CROSS JOIN snapshots AS s ON s.stream = asked.value AND s.fold = ?
"""
PUT_SNAPSHOT = "REPLACE INTO snapshots (stream, version, fold, state) VALUES (?, ?, ?, ?)"
STREAMS_AFTER = "SELECT stream FROM events WHERE position > ? ORDER BY position LIMIT ?"
LOAD_CLAIMS = """
    SELECT c.account, c.kind, c.value, c.object_type, c.record_id
    FROM json_each(?) AS asked CROSS JOIN claims AS c
      ON c.account = asked.value ->> 0 AND c.kind = asked.value ->> 1 AND c.value = asked.value ->> 2
    ORDER BY c.position
"""
LOAD_LINEAGES = """
    SELECT m.stream, m.lineage, l.current
    FROM json_each(?) AS asked
    CROSS JOIN lineage_members AS m ON m.stream = asked.value
    CROSS JOIN lineages AS l ON l.lineage = m.lineage
"""
LOAD_MEMBERS = """
    SELECT mine.stream, m.stream
    FROM json_each(?) AS asked
    CROSS JOIN lineage_members AS mine ON mine.stream = asked.value
    CROSS JOIN lineages AS l ON l.lineage = mine.lineage
    CROSS JOIN lineage_members AS m ON m.lineage = mine.lineage
    ORDER BY m.stream = l.current, m.position
"""
LOAD_HELD = """
    SELECT asked.value ->> 0, c.kind, c.value
    FROM json_each(?) AS asked CROSS JOIN claims AS c INDEXED BY claims_by_holder
      ON c.account = asked.value ->> 1 AND c.object_type = asked.value ->> 2
      AND c.record_id = asked.value ->> 3 AND c.kind = asked.value ->> 4
    ORDER BY c.position
"""
_STORED = "SELECT position, stream, version, type, state, recorded_at FROM events"
PAGE = f"{_STORED} WHERE position > ? ORDER BY position LIMIT ?"
EVENTS_OF = f"{_STORED} WHERE stream = ? AND position <= ? ORDER BY version"
RECORDED_AT = "SELECT recorded_at FROM events WHERE position = ?"
NEXT_OF_TYPES = """
    SELECT position FROM events
    WHERE position >= ? AND type IN (SELECT value FROM json_each(?)) ORDER BY position LIMIT 1
"""
APPEND = "INSERT INTO events (position, stream, version, type, state, recorded_at) VALUES (?, ?, ?, ?, ?, ?)"
RELEASE = "DELETE FROM claims WHERE account = ? AND kind = ? AND value = ? AND object_type = ? AND record_id = ?"
HOLD = """
    INSERT INTO claims (account, kind, value, object_type, record_id, position) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (account, kind, value, object_type, record_id) DO UPDATE SET position = excluded.position
"""
RELABEL = "UPDATE lineage_members SET lineage = ? WHERE lineage = ?"
END_LINEAGE = "DELETE FROM lineages WHERE lineage = ?"
JOIN_LINEAGE = """
    INSERT INTO lineage_members (stream, lineage, position) VALUES (?, ?, ?)
    ON CONFLICT (stream) DO UPDATE SET lineage = excluded.lineage, position = excluded.position
"""
PUT_LINEAGE = """
    INSERT INTO lineages (lineage, current, weight, position) VALUES (?, ?, ?, ?)
    ON CONFLICT (lineage) DO UPDATE
    SET current = excluded.current, weight = excluded.weight, position = excluded.position
"""
BOOKMARK = "SELECT at, of FROM bookmarks WHERE name = ?"
BEGIN_BOOKMARK = "INSERT INTO bookmarks (name, at, of) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING at"
MOVE_BOOKMARK = "UPDATE bookmarks SET at = ?, of = ? WHERE name = ? AND at = ? AND of = ? RETURNING at"
LEASE = """
    INSERT INTO leases (name, holder, ends_at) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ends_at = excluded.ends_at
    WHERE leases.holder = excluded.holder OR leases.ends_at <= ?
    RETURNING holder
"""
LET_GO = "DELETE FROM leases WHERE name = ? AND holder = ?"
LAST_POSITION: Final = 2**63 - 1


class SqliteSnapshot:
    """One moment of the file; every method is one query."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read within the transaction that this connection is in."""
        self._connection = connection
        self._all = connection.execute

    def head(self) -> int:
        """Return the last position; 0 in an empty log."""
        return int(self._all(HEAD).fetchone()[0])

    def load_streams(self, streams: Collection[str]) -> Iterable[LoadedEvent]:
        """Load whole streams: the events of one stream come together, by version."""
        return self._all(LOAD_STREAMS, (json.dumps(sorted(streams)),))

    def load_snapshots(self, streams: Collection[str], fold: int) -> Iterable[tuple[str, int, bytes]]:
        """Load stream, version and state of the streams that have a snapshot of this fold."""
        return self._all(LOAD_SNAPSHOTS, (json.dumps(list(streams)), fold))

    def load_since(self, versions: Mapping[str, int]) -> Iterable[LoadedEvent]:
        """Load the events of streams after a version, as `load_streams` does."""
        return self._all(LOAD_SINCE, (json.dumps(sorted(versions.items())),))

    def streams_after(self, position: int, limit: int) -> list[str]:
        """List the streams of the events after a position, at most so many."""
        return [stream for (stream,) in self._all(STREAMS_AFTER, (position, limit))]

    def load_claims(self, keys: Collection[ClaimKey]) -> Iterable[tuple[ClaimKey, RecordRef]]:
        """Load who claims these, the earliest claim first."""
        for account, kind, value, object_type, record_id in self._all(LOAD_CLAIMS, (json.dumps(list(keys)),)):
            yield ClaimKey(account, kind, value), RecordRef(object_type, record_id)

    def load_lineages(self, streams: Collection[str]) -> Iterable[tuple[str, str, str]]:
        """Load stream, lineage and current record's stream of each record that took part in a merge."""
        return self._all(LOAD_LINEAGES, (json.dumps(list(streams)),))

    def load_members(self, streams: Collection[str]) -> Iterable[tuple[str, str]]:
        """Load each of these streams with every stream of its lineage, the current last."""
        return self._all(LOAD_MEMBERS, (json.dumps(list(streams)),))

    def load_held(self, holders: Collection[tuple[str, str]]) -> Iterable[tuple[str, str, str]]:
        """Load what records (by stream) claim of a kind, under their own id: stream, kind, value."""
        asked = [(stream, streams.parse(stream).account, *streams.record_ref(stream), kind) for stream, kind in holders]
        return self._all(LOAD_HELD, (json.dumps(asked),))

    def page(self, after: int, limit: int) -> list[StoredEvent]:
        """Read the events after a position, in order. Raises DamagedLog."""
        return without_gap(_stored(self._all(PAGE, (after, limit))), after)

    def events_of(self, stream: str, up_to: int | None) -> list[StoredEvent]:
        """Read one stream, up to a position. Raises DamagedLog."""
        return whole_stream(_stored(self._all(EVENTS_OF, (stream, LAST_POSITION if up_to is None else up_to))))

    def recorded_at(self, position: int) -> datetime | None:
        """Return when a position was recorded; None when it does not exist."""
        row = self._all(RECORDED_AT, (position,)).fetchone()
        return None if row is None else _time(row[0])

    def next_of_types(self, position: int, types: Collection[str]) -> int | None:
        """Find the first event of one of these types at or after a position."""
        row = self._all(NEXT_OF_TYPES, (position, json.dumps(list(types)))).fetchone()
        return None if row is None else int(row[0])

    def bookmark(self, name: str) -> Bookmark | None:
        """Return how far something was read; None where it never was."""
        row = self._all(BOOKMARK, (name,)).fetchone()
        return None if row is None else Bookmark(*row)


def _stored(rows: Iterable[tuple[int, str, int, str, bytes, str]]) -> list[StoredEvent]:
    """Read rows; the events of one append have the same time, so it is read once for them."""
    page: list[StoredEvent] = []
    text, recorded_at = "", datetime.min  # noqa: DTZ901  replaced before it is used
    for position, stream, version, event_type, state, row_recorded_at in rows:
        if row_recorded_at != text:
            text, recorded_at = row_recorded_at, _time(row_recorded_at)
        page.append(StoredEvent(position, stream, version, event_type, state, recorded_at))
    return page


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (ValueError, TypeError):
        msg = "a time of recording is no time"
        raise sqlite3.OperationalError(msg) from None


class SqliteUnit(SqliteSnapshot):
    """A unit of work; nobody else writes until it has ended."""

    def __init__(
        self, connection: sqlite3.Connection, clock: Callable[[], datetime], step: Callable[[str], None]
    ) -> None:
        """Work within the transaction that this connection is in."""
        super().__init__(connection)
        self._many = connection.executemany
        self._clock = clock
        self._step = step

    def now(self, given: datetime | None) -> datetime:
        """Return this time, or else the store's; never one before the last event was recorded."""
        now, (_, recorded_at) = given or self._clock(), self._last
        return now if recorded_at is None else max(now, recorded_at)

    @cached_property
    def _last(self) -> tuple[int, datetime | None]:
        """The last position and when it was recorded, as the unit began: nobody else writes meanwhile."""
        row = self._all(LAST).fetchone()
        return (0, None) if row is None else (row[0], _time(row[1]))

    def append(self, append: Append, read: ReadSet) -> int:  # noqa: ARG002  nobody else can have written
        """Append, once; returns the position of offset 0. Raises Conflict."""
        head, last = self._last
        first = head + 1
        times = (self._clock(), last, append.not_before)
        recorded_at = max(time for time in times if time is not None).strftime(_RECORDED_AT)
        try:
            self._many(
                APPEND,
                [
                    (position, stream, version, event_type, state, recorded_at)
                    for position, (stream, version, event_type, state) in enumerate(append.events, first)
                ],
            )
            self._step("events written")
            self.index(append, first)
        except sqlite3.IntegrityError as error:
            raise Taken(str(error)) from error
        return first

    def move(self, move: Move) -> None:
        """Move a bookmark, behind any append of the unit. Raises BookmarkMoved."""
        name, begin, end, of, was_of = move
        if begin is None:
            moved = self._all(BEGIN_BOOKMARK, (name, end, of)).fetchone()
        else:
            was = of if was_of is None else was_of
            moved = self._all(MOVE_BOOKMARK, (end, of, name, begin, was)).fetchone()
        if moved is None:
            raise BookmarkMoved(name, begin)
        self._step("bookmark moved")

    def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Hold a lease from now on for some seconds, or longer; false where another holds it."""
        now = self._clock().timestamp()
        return self._all(LEASE, (name, holder, now + seconds, now)).fetchone() is not None

    def let_go(self, name: str, holder: str) -> None:
        """End a lease, where it is this holder's."""
        self._all(LET_GO, (name, holder))

    def put_snapshots(self, snapshots: Collection[tuple[str, int, bytes]], fold: int) -> None:
        """Keep stream, version and state, in the place of what was kept for the stream."""
        self._many(PUT_SNAPSHOT, [(stream, version, fold, state) for stream, version, state in snapshots])

    def clear_indexes(self) -> None:
        """Forget all claims and lineages, to index the whole log again."""
        for table in ("claims", "lineage_members", "lineages"):
            self._all(f"DELETE FROM {table}")  # noqa: S608  a name from the line above

    def index(self, append: Append, first_position: int) -> None:
        """Change the indexes as `append` would, for events that are stored already."""
        if append.released:
            self._many(RELEASE, [(*key, *holder) for key, holder in append.released])
        if append.held:
            self._many(HOLD, [(*key, *holder, first_position + offset) for key, holder, offset in append.held])
        self._step("claims written")
        changes = append.lineage
        if changes.relabelled:
            self._many(RELABEL, [(label, old) for old, label in changes.relabelled])
            self._many(END_LINEAGE, [(old,) for old, _ in changes.relabelled])
        if changes.members:
            self._many(JOIN_LINEAGE, [(s, label, first_position + offset) for s, label, offset in changes.members])
            self._many(PUT_LINEAGE, [(*row, first_position + offset) for *row, offset in changes.lineages])
        self._step("lineages written")
