"""Layer: ledger. The queries of the PostgreSQL store, and the unit of work that runs them.

Queries are prepared once a connection and planned without looking at the lists they are given: each
thing asked for is one look-up in an index. Where rows come in the order of an index, nothing sorts
them: sorting carries every state along. The loader checks the order.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from psycopg import errors

from domain import streams
from domain.claims import ClaimKey
from domain.ids import RecordRef
from ledger.postgres_arrays import Column, Documents, Flags, Integers, Texts, read_text
from ledger.postgres_connection import Connection
from ledger.store import Append, Bookmark, BookmarkMoved, Conflict, LoadedEvent, Move, ReadSet, StoredEvent

HEAD: Final = "SELECT coalesce(max(position), 0) FROM merge_ledger.events"
LOAD_STREAMS: Final = """
    SELECT e.stream, e.type, e.state, e.version, e.position
    FROM unnest(%s) AS asked (stream) CROSS JOIN LATERAL (
        SELECT * FROM merge_ledger.events AS e WHERE e.stream = asked.stream ORDER BY e.version
    ) AS e
"""
LOAD_SINCE: Final = """
    SELECT e.stream, e.type, e.state, e.version, e.position
    FROM unnest(%s, %s) AS asked (stream, version) CROSS JOIN LATERAL (
        SELECT * FROM merge_ledger.events AS e
        WHERE e.stream = asked.stream AND e.version > asked.version ORDER BY e.version
    ) AS e
"""
LOAD_SNAPSHOTS: Final = """
    SELECT s.stream, s.version, s.state
    FROM unnest(%s) AS asked (stream) JOIN merge_ledger.snapshots AS s ON s.stream = asked.stream AND s.fold = %s
"""
PUT_SNAPSHOTS: Final = """
    INSERT INTO merge_ledger.snapshots AS s (stream, version, fold, state)
    SELECT n.stream, n.version, %s, n.state FROM unnest(%s, %s, %s) AS n (stream, version, state)
    ON CONFLICT (stream) DO UPDATE
    SET version = excluded.version, fold = excluded.fold, state = excluded.state
"""
STREAMS_AFTER: Final = "SELECT stream FROM merge_ledger.events WHERE position > %s ORDER BY position LIMIT %s"
LOAD_CLAIMS: Final = """
    SELECT asked.nth, c.object_type, c.record_id
    FROM unnest(%s, %s, %s) WITH ORDINALITY AS asked (account, kind, value, nth)
    JOIN merge_ledger.claims AS c
      ON c.account = asked.account AND c.kind = asked.kind AND c.value = asked.value AND c.held
    ORDER BY c.position
"""
LOAD_LINEAGES: Final = """
    SELECT m.stream, m.lineage, l.current
    FROM unnest(%s) AS asked (stream)
    JOIN merge_ledger.lineage_members AS m ON m.stream = asked.stream
    JOIN merge_ledger.lineages AS l ON l.lineage = m.lineage
"""
LOAD_MEMBERS: Final = """
    SELECT mine.stream, m.stream
    FROM unnest(%s) AS asked (stream)
    JOIN merge_ledger.lineage_members AS mine ON mine.stream = asked.stream
    JOIN merge_ledger.lineages AS l ON l.lineage = mine.lineage
    JOIN merge_ledger.lineage_members AS m ON m.lineage = mine.lineage
    ORDER BY m.stream = l.current, m.position
"""
LOAD_HELD: Final = """
    SELECT asked.stream, c.kind, c.value
    FROM unnest(%s, %s, %s, %s, %s) AS asked (stream, account, object_type, record_id, kind)
    JOIN merge_ledger.claims AS c
      ON c.account = asked.account AND c.object_type = asked.object_type
      AND c.record_id = asked.record_id AND c.kind = asked.kind AND c.held
    ORDER BY c.position
"""
_STORED: Final = "SELECT position, stream, version, type, state, recorded_at FROM merge_ledger.events"
PAGE: Final = f"{_STORED} WHERE position > %s ORDER BY position LIMIT %s"
EVENTS_OF: Final = f"{_STORED} WHERE stream = ANY(%s) AND position <= %s ORDER BY version"
RECORDED_AT: Final = "SELECT recorded_at FROM merge_ledger.events WHERE position = %s"
NEXT_OF_TYPES: Final = """
    SELECT position FROM merge_ledger.events WHERE position >= %s AND type = ANY(%s) ORDER BY position LIMIT 1
"""
_INDEXED: Final = ", ".join(["%s"] * 16)
APPEND: Final = f"SELECT merge_ledger.append(%s, %s::timestamptz, {', '.join(['%s'] * 10)}, %s, %s, %s, %s, {_INDEXED})"
INDEX: Final = f"SELECT merge_ledger.index_append(%s, %s, {_INDEXED})"
CLEAR: Final = """
    DELETE FROM merge_ledger.claims; DELETE FROM merge_ledger.lineage_members; DELETE FROM merge_ledger.lineages
"""
BOOKMARK: Final = "SELECT at, of FROM merge_ledger.bookmarks WHERE name = %s"
BEGIN_BOOKMARK: Final = """
    INSERT INTO merge_ledger.bookmarks (name, at, of) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING at
"""
MOVE_BOOKMARK: Final = """
    UPDATE merge_ledger.bookmarks SET at = %s WHERE name = %s AND at = %s AND of = %s RETURNING at
"""
LEASE: Final = """
    INSERT INTO merge_ledger.leases AS l (name, holder, ends_at)
    VALUES (%s, %s, clock_timestamp() + %s * interval '1 second')
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ends_at = excluded.ends_at
    WHERE l.holder = excluded.holder OR l.ends_at <= clock_timestamp()
    RETURNING holder
"""
LET_GO: Final = "DELETE FROM merge_ledger.leases WHERE name = %s AND holder = %s"
LAST_POSITION: Final = 2**63 - 1

Asked: TypeAlias = Column | int | datetime | None


class PostgresSnapshot:
    """What the connection's transaction sees; every method is one query."""

    def __init__(self, connection: Connection) -> None:
        """Read within the transaction that this connection is in."""
        self._connection = connection

    def _all(self, sql: str, *asked: Asked) -> list[Any]:
        return self._connection.execute(sql.encode(), asked, prepare=True, binary=True).fetchall()

    def head(self) -> int:
        """Tell the last position; 0 in an empty log."""
        return int(self._all(HEAD)[0][0])

    def load_streams(self, streams: Collection[str]) -> Iterable[LoadedEvent]:
        """Load whole streams: the events of one stream come together, by version."""
        return self._all(LOAD_STREAMS, Texts(sorted(streams)))

    def load_snapshots(self, streams: Collection[str], fold: int) -> Iterable[tuple[str, int, bytes]]:
        """Load stream, version and state of the streams that have a snapshot of this fold."""
        return self._all(LOAD_SNAPSHOTS, Texts(streams), fold)

    def load_since(self, versions: Mapping[str, int]) -> Iterable[LoadedEvent]:
        """Load the events of streams after a version, as `load_streams` does."""
        return self._all(LOAD_SINCE, Texts(versions), Integers(versions.values()))

    def streams_after(self, position: int, limit: int) -> list[str]:
        """List the streams of the events after a position, at most so many."""
        return [stream for (stream,) in self._all(STREAMS_AFTER, position, limit)]

    def load_claims(self, keys: Collection[ClaimKey]) -> Iterable[tuple[ClaimKey, RecordRef]]:
        """Load who claims these, the earliest claim first."""
        asked = [*keys]
        for nth, object_type, record_id in self._all(LOAD_CLAIMS, *_texts(asked, 3)):
            yield asked[nth - 1], RecordRef(object_type, record_id)

    def load_lineages(self, streams: Collection[str]) -> Iterable[tuple[str, str, str]]:
        """Load stream, lineage and current record's stream of each record that took part in a merge."""
        return self._all(LOAD_LINEAGES, Texts(streams))

    def load_members(self, streams: Collection[str]) -> Iterable[tuple[str, str]]:
        """Load each of these streams with every stream of its lineage, the current last."""
        return self._all(LOAD_MEMBERS, Texts(streams))

    def load_held(self, holders: Collection[tuple[str, str]]) -> Iterable[tuple[str, str, str]]:
        """Load what records (by stream) claim of a kind, under their own id: stream, kind, value."""
        asked = [(stream, *_holder(stream), kind) for stream, kind in holders]
        for stream, kind, value in self._all(LOAD_HELD, *_texts(asked, 5)):
            yield stream, kind, read_text(value)

    def page(self, after: int, limit: int) -> list[StoredEvent]:
        """Read the events after a position, in order."""
        return _stored(self._all(PAGE, after, limit))

    def events_of(self, stream: str, up_to: int | None) -> list[StoredEvent]:
        """Read one stream, up to a position."""
        return _stored(self._all(EVENTS_OF, Texts([stream]), LAST_POSITION if up_to is None else up_to))

    def recorded_at(self, position: int) -> datetime | None:
        """Tell when a position was recorded; None where there is none."""
        rows = self._all(RECORDED_AT, position)
        return rows[0][0] if rows else None

    def next_of_types(self, position: int, types: Collection[str]) -> int | None:
        """Find the first event of one of these types at or after a position."""
        rows = self._all(NEXT_OF_TYPES, position, Texts(types))
        return int(rows[0][0]) if rows else None

    def bookmark(self, name: str) -> Bookmark | None:
        """Tell how far something was read; None where it never was."""
        row = self._connection.execute(BOOKMARK, [name]).fetchone()
        return None if row is None else Bookmark(*row)


class PostgresUnit(PostgresSnapshot):
    """A unit of work that began when the log's last position was `seen`."""

    def __init__(
        self,
        connection: Connection,
        seen: int,
        clock: Callable[[], datetime] | None,
        step: Callable[[str], None],
    ) -> None:
        """Work within the transaction that this connection is in; without a clock the server's counts."""
        super().__init__(connection)
        self.seen = seen
        self._head = seen
        self._clock = clock
        self._step = step

    def head(self) -> int:
        """Tell the last position, as it was when the unit began, or is by its append."""
        return self._head

    def append(self, append: Append, read: ReadSet) -> int:
        """Append, once; returns the position of offset 0. Raises Conflict."""
        columns = (
            Texts(read.streams),
            Integers(read.streams.values()),
            *_texts(read.claims, 3),
            Texts(read.lineages),
            *_texts([(*_holder(stream), kind) for stream, kind in read.held], 4),
            Texts([row[0] for row in append.events]),
            Integers([row[1] for row in append.events]),
            Texts([row[2] for row in append.events]),
            Documents([row[3] for row in append.events]),
        )
        self._step("appending")
        recorded_by = None if self._clock is None else self._clock()
        try:
            first = int(self._all(APPEND, self.seen, recorded_by, *columns, *_indexed(append))[0][0])
        except (errors.UniqueViolation, errors.SerializationFailure, errors.DeadlockDetected) as error:
            raise Conflict(str(error.diag.message_primary)) from error
        self._step("appended")
        self._head = first + len(append.events) - 1
        return first

    def move(self, move: Move) -> None:
        """Move a bookmark, behind any append of the unit. Raises BookmarkMoved.

        Behind it, as whoever appends takes the lock of `head` first and that of the bookmark's row second.
        """
        name, begin, end, of = move
        if begin is None:
            moved = self._connection.execute(BEGIN_BOOKMARK, [name, end, of]).fetchone()
        else:
            moved = self._connection.execute(MOVE_BOOKMARK, [end, name, begin, of]).fetchone()
        if moved is None:
            raise BookmarkMoved(name, begin)
        self._step("bookmark moved")

    def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Hold a lease from now on for some seconds, or longer; false where another holds it."""
        return self._connection.execute(LEASE, [name, holder, seconds]).fetchone() is not None

    def let_go(self, name: str, holder: str) -> None:
        """End a lease, where it is this holder's."""
        self._connection.execute(LET_GO, [name, holder])

    def put_snapshots(self, snapshots: Collection[tuple[str, int, bytes]], fold: int) -> None:
        """Keep stream, version and state, in the place of what was kept for the stream."""
        ordered = sorted(snapshots)  # Two writers that keep the same ones must not wait for each other in a circle.
        streams, versions, states = zip(*ordered, strict=True)
        self._connection.execute(
            PUT_SNAPSHOTS.encode(), [fold, Texts(streams), Integers(versions), Documents(states)], binary=True
        )

    def clear_indexes(self) -> None:
        """Forget all claims and lineages, to index the whole log again."""
        self._connection.execute(CLEAR, prepare=False)

    def index(self, append: Append, first_position: int) -> None:
        """Change the indexes as `append` would, for events that are stored already.

        A claim released long ago counts as released now: whoever is at work may have read it before it was.
        """
        try:
            self._all(INDEX, first_position, self.seen, *_indexed(append))
        except errors.UniqueViolation as error:
            raise Conflict(str(error.diag.message_primary)) from error


def _texts(rows: Collection[Sequence[str]], width: int) -> list[Column]:
    """Turn rows of text into columns."""
    return [Texts(column) for column in zip(*rows, strict=True)] if rows else [Texts(())] * width


def _holder(stream: str) -> tuple[str, str, str]:
    return (streams.parse(stream).account, *streams.record_ref(stream))


def _indexed(append: Append) -> tuple[Column, ...]:
    """Turn what changes in the indexes into columns, the claims released first."""
    claims = [(*key, *holder, 0, False) for key, holder in append.released]
    claims += [(*key, *holder, offset, True) for key, holder, offset in append.held]
    accounts, kinds, values, types, ids, offsets, held = zip(*claims, strict=True) if claims else ((),) * 7
    changes = append.lineage
    return (
        Texts(accounts),
        Texts(kinds),
        Texts(values),
        Texts(types),
        Texts(ids),
        Integers(offsets),
        Flags(held),
        Texts([row[0] for row in changes.members]),
        Texts([row[1] for row in changes.members]),
        Integers([row[2] for row in changes.members]),
        Texts([row[0] for row in changes.relabelled]),
        Texts([row[1] for row in changes.relabelled]),
        Texts([row[0] for row in changes.lineages]),
        Texts([row[1] for row in changes.lineages]),
        Integers([row[2] for row in changes.lineages]),
        Integers([row[3] for row in changes.lineages]),
    )


def _stored(rows: Iterable[tuple[Any, ...]]) -> list[StoredEvent]:
    """Take rows as they came; the events of one append share the object of their time, so that it is read once."""
    page: list[StoredEvent] = []
    last: datetime | None = None
    for position, stream, version, event_type, state, recorded_at in rows:
        if recorded_at != last:
            last = recorded_at
        page.append(StoredEvent(position, stream, version, event_type, state, last))
    return page
