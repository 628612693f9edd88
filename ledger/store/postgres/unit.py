"""Layer: ledger. The unit of work of the PostgreSQL store: one statement appends, whatever there is to append."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final, NamedTuple

from psycopg import errors

from ledger.store.port import Append, BookmarkMoved, Conflict, Move, ReadSet, Taken
from ledger.store.postgres.arrays import Column, Documents, Flags, Integers, Texts
from ledger.store.postgres.connection import Connection
from ledger.store.postgres.snapshot import PostgresSnapshot, holder, texts

PUT_SNAPSHOTS: Final = "SELECT merge_ledger.keep_snapshots(%s, %s, %s, %s)"
_INDEXED: Final = ", ".join(["%s"] * 16)
_APPENDED: Final = f"{', '.join(['%s'] * 14)}, {_INDEXED}"
APPEND: Final = f"SELECT merge_ledger.append(%s, {_APPENDED})"
APPEND_AT: Final = f"SELECT merge_ledger.append_at(%s, %s::timestamptz, {_APPENDED})"
INDEX: Final = f"SELECT merge_ledger.index_append(%s, %s, {_INDEXED})"
CLEAR: Final = """
    DELETE FROM merge_ledger.claims; DELETE FROM merge_ledger.lineage_members; DELETE FROM merge_ledger.lineages
"""
BEGIN_BOOKMARK: Final = """
    INSERT INTO merge_ledger.bookmarks (name, at, of) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING at
"""
MOVE_BOOKMARK: Final = """
    UPDATE merge_ledger.bookmarks SET at = %s, of = %s WHERE name = %s AND at = %s AND of = %s RETURNING at
"""
LEASE: Final = """
    INSERT INTO merge_ledger.leases AS l (name, holder, ends_at)
    VALUES (%s, %s, clock_timestamp() + %s * interval '1 second')
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ends_at = excluded.ends_at
    WHERE l.holder = excluded.holder OR l.ends_at <= clock_timestamp()
    RETURNING holder
"""
LET_GO: Final = "DELETE FROM merge_ledger.leases WHERE name = %s AND holder = %s"


class Began(NamedTuple):
    """When a unit of work began: the log's last position, the server's time, and when the last event was recorded."""

    seen: int
    now: datetime
    recorded_at: datetime | None


class PostgresUnit(PostgresSnapshot):
    """A unit of work."""

    def __init__(
        self,
        connection: Connection,
        began: Began,
        clock: Callable[[], datetime] | None,
        step: Callable[[str], None],
    ) -> None:
        """Work within the transaction that this connection is in; without a clock the server's counts."""
        super().__init__(connection)
        self.seen = began.seen
        self._head = began.seen
        self._began = began
        self._clock = clock
        self._step = step

    def head(self) -> int:
        """Return the last position, as it was when the unit began, or is by its append."""
        return self._head

    def now(self, given: datetime | None) -> datetime:
        """Return this time, or else the store's; never one before the last event was recorded."""
        now = given or (self._clock() if self._clock else self._began.now)
        last = self._began.recorded_at
        return now if last is None else max(now, last)

    def append(self, append: Append, read: ReadSet) -> int:
        """Append, once; returns the position of offset 0. Raises Conflict."""
        columns = (
            Texts(read.streams),
            Integers(read.streams.values()),
            *texts(read.claims, 3),
            Texts(read.lineages),
            *texts([(*holder(stream), kind) for stream, kind in read.held], 4),
            Texts([row[0] for row in append.events]),
            Integers([row[1] for row in append.events]),
            Texts([row[2] for row in append.events]),
            Documents([row[3] for row in append.events]),
        )
        self._step("appending")
        columns += _indexed(append)
        try:
            if self._clock is None:
                ((first,),) = self._all(APPEND, self.seen, *columns)
            else:
                ((first,),) = self._all(APPEND_AT, self.seen, self._clock(), *columns)
        except errors.UniqueViolation as error:
            raise Taken(str(error.diag.message_primary)) from error
        except (errors.SerializationFailure, errors.DeadlockDetected) as error:
            raise Conflict(str(error.diag.message_primary)) from error
        self._step("appended")
        self._head = int(first) + len(append.events) - 1
        return int(first)

    def move(self, move: Move) -> None:
        """Move a bookmark, behind any append of the unit. Raises BookmarkMoved.

        Behind it, as whoever appends takes the lock of `head` first and that of the bookmark's row second.
        """
        name, begin, end, of, was_of = move
        if begin is None:
            moved = self._connection.execute(BEGIN_BOOKMARK, [name, end, of]).fetchone()
        else:
            was = of if was_of is None else was_of
            moved = self._connection.execute(MOVE_BOOKMARK, [end, of, name, begin, was]).fetchone()
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
            raise Taken(str(error.diag.message_primary)) from error


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
