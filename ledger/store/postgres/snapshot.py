"""Layer: ledger. The queries of the PostgreSQL store, and a snapshot that reads by them.

Queries are prepared once a connection and planned without looking at the lists they are given: each
thing asked for is one look-up in an index. Where rows come in the order of an index, nothing sorts
them: sorting carries every state along. The loader checks the order.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from domain.language import streams
from domain.language.ids import RecordRef
from domain.state.claims import ClaimKey
from ledger.store.port import Bookmark, LoadedEvent, StoredEvent
from ledger.store.postgres.arrays import Column, Integers, Texts, read_text
from ledger.store.postgres.connection import Connection
from ledger.store.watching import whole_stream, without_gap

HEAD: Final = "SELECT coalesce(max(position), 0) FROM merge_ledger.events"
# The server's time, the last position and when that was recorded.
LAST: Final = """
    SELECT clock_timestamp(), e.position, e.recorded_at FROM (SELECT) AS always
    LEFT JOIN (SELECT * FROM merge_ledger.events ORDER BY position DESC LIMIT 1) AS e ON true
"""
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
BOOKMARK: Final = "SELECT at, of FROM merge_ledger.bookmarks WHERE name = %s"
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
        """Return the last position; 0 in an empty log."""
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
        for nth, object_type, record_id in self._all(LOAD_CLAIMS, *texts(asked, 3)):
            yield asked[nth - 1], RecordRef(object_type, record_id)

    def load_lineages(self, streams: Collection[str]) -> Iterable[tuple[str, str, str]]:
        """Load stream, lineage and current record's stream of each record that took part in a merge."""
        return self._all(LOAD_LINEAGES, Texts(streams))

    def load_members(self, streams: Collection[str]) -> Iterable[tuple[str, str]]:
        """Load each of these streams with every stream of its lineage, the current last."""
        return self._all(LOAD_MEMBERS, Texts(streams))

    def load_held(self, holders: Collection[tuple[str, str]]) -> Iterable[tuple[str, str, str]]:
        """Load what records (by stream) claim of a kind, under their own id: stream, kind, value."""
        asked = [(stream, *holder(stream), kind) for stream, kind in holders]
        for stream, kind, value in self._all(LOAD_HELD, *texts(asked, 5)):
            yield stream, kind, read_text(value)

    def page(self, after: int, limit: int) -> list[StoredEvent]:
        """Read the events after a position, in order. Raises DamagedLog."""
        return without_gap(_stored(self._all(PAGE, after, limit)), after)

    def events_of(self, stream: str, up_to: int | None) -> list[StoredEvent]:
        """Read one stream, up to a position. Raises DamagedLog."""
        asked = self._all(EVENTS_OF, Texts([stream]), LAST_POSITION if up_to is None else up_to)
        return whole_stream(_stored(asked))

    def recorded_at(self, position: int) -> datetime | None:
        """Return when a position was recorded; None when it does not exist."""
        rows = self._all(RECORDED_AT, position)
        return rows[0][0] if rows else None

    def next_of_types(self, position: int, types: Collection[str]) -> int | None:
        """Find the first event of one of these types at or after a position."""
        rows = self._all(NEXT_OF_TYPES, position, Texts(types))
        return int(rows[0][0]) if rows else None

    def bookmark(self, name: str) -> Bookmark | None:
        """Return how far something was read; None where it never was."""
        row = self._connection.execute(BOOKMARK, [name]).fetchone()
        return None if row is None else Bookmark(*row)


def texts(rows: Collection[Sequence[str]], width: int) -> list[Column]:
    """Turn rows of text into columns."""
    return [Texts(column) for column in zip(*rows, strict=True)] if rows else [Texts(())] * width


def holder(stream: str) -> tuple[str, str, str]:
    """Name the account, type and id of a record by its stream."""
    return (streams.parse(stream).account, *streams.record_ref(stream))


def _stored(rows: Iterable[tuple[Any, ...]]) -> list[StoredEvent]:
    """Take rows as they came; the events of one append share the object of their time, so that it is read once."""
    page: list[StoredEvent] = []
    last: datetime | None = None
    for position, stream, version, event_type, state, recorded_at in rows:
        if recorded_at != last:
            last = recorded_at
        page.append(StoredEvent(position, stream, version, event_type, state, last))
    return page
