"""Layer: ledger. The port that every store of the ledger stands behind, and the ways in which one cannot be used.

A unit of work loads and then appends, serialisably: what it loaded still stands when it commits. A
store either excludes other writers from before the first load (SQLite), or lets them in and raises
`Conflict` from `append` when something in the read set has changed (a server); the work is then done
again with `alone=True`, which excludes them and cannot conflict. Positions are given inside `append`;
until then a unit speaks of its events by their offset in the append, counted from 0.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Final, NamedTuple, Protocol, TypeAlias

from domain.language.ids import RecordRef
from domain.state.claims import ClaimKey

MICROSECOND: Final = timedelta(microseconds=1)


class StoreUnusable(Exception):  # noqa: N818  says what the store is
    """The store cannot be used; the message is one line for people: what it is about, and what to do."""

    is_transient: ClassVar[bool] = False  # Whether the same may well work a little later.


class NotAName(StoreUnusable):
    """What was given is no path and no URL that is known; it may hold a password, so it is not repeated."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the ledger is named by {why}")


class MissingDatabase(StoreUnusable):
    """There is no database; reading never makes one."""

    def __init__(self, location: str) -> None:
        super().__init__(f"there is no ledger at {location}; check --db, or write a first command to make one")


class LockedDatabase(StoreUnusable):
    """Another process held the database longer than we wait."""

    is_transient = True

    def __init__(self, location: str) -> None:
        super().__init__(f"the ledger at {location} is locked by another process; try again when that has finished")


class ReadOnlyDatabase(StoreUnusable):
    """The database takes no writes."""

    def __init__(self, location: str) -> None:
        super().__init__(f"the ledger at {location} is read-only; make the file and its folder writable")


class NewerSchema(StoreUnusable):
    """The database was made by a newer version."""

    def __init__(self, location: str, found: int, known: int) -> None:
        super().__init__(
            f"the ledger at {location} has schema {found} and this version knows {known}; use the version that made it"
        )
        self.found, self.known = found, known


class FullDatabase(StoreUnusable):
    """No room is left; nothing of the batch was stored."""

    is_transient = True

    def __init__(self, location: str) -> None:
        super().__init__(f"no room is left for the ledger at {location}; free some and send the same again")


class NotALedger(StoreUnusable):
    """What is there is something else."""

    def __init__(self, location: str) -> None:
        super().__init__(f"{location} is not a ledger; check --db")


class UnreachableDatabase(StoreUnusable):
    """The database is there and cannot be opened, read or written."""

    is_transient = True

    def __init__(self, location: str, what: str) -> None:
        super().__init__(f"the ledger at {location} cannot be used: {what}; check its disk and its rights")


class UnsafeSetting(StoreUnusable):
    """The environment asks for a mode that loses events."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is set: readers lose events in that mode; unset it")


class MissingDriver(StoreUnusable):
    """What talks to this kind of store is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"PostgreSQL needs {package}; install merge-ledger with the extra [postgres]")


class ConnectionLost(StoreUnusable):
    """A server went away; a commit that was under way is done or not, which reading again tells."""

    is_transient = True

    def __init__(self, location: str, what: str) -> None:
        super().__init__(
            f"the connection to {location} was lost ({what}); send the same again: what was done is not done twice"
        )


class Conflict(Exception):  # noqa: N818  an answer, not an error
    """Something that was read has changed, or a version is taken; nothing was stored."""


class Taken(Conflict):
    """A version or a claim is taken. While others are kept out, that is what the indexes should have said."""


class BookmarkMoved(Exception):  # noqa: N818  an answer, not an error
    """A bookmark does not stand where it was to be moved from; nothing was stored."""

    def __init__(self, name: str, begin: int | None) -> None:
        super().__init__(f"{name} was moved on from {'its beginning' if begin is None else begin} by somebody else")
        self.name, self.begin = name, begin


class Bookmark(NamedTuple):
    """How far something was read: `at` is what comes next, `of` tells what is read from another of its name."""

    at: int
    of: str = ""


class Move(NamedTuple):
    """A bookmark moves from where it must stand (None: nowhere yet) to where it stands then.

    `was_of` is what it must be of before, where that is another thing of the same name.
    """

    name: str
    begin: int | None
    end: int
    of: str = ""
    was_of: str | None = None


class StoredEvent(NamedTuple):
    """An event as it stands in the log. `data` is JSON."""

    position: int
    stream: str
    version: int
    type: str
    data: bytes
    recorded_at: datetime


LoadedEvent: TypeAlias = tuple[str, str, bytes, int, int]  # Stream, type, data, version, position.
EventRow: TypeAlias = tuple[str, int, str, bytes]  # Stream, version, type, data.


class LineageChanges(NamedTuple):
    """What merges change in the lineage index; positions are offsets in the append."""

    members: Sequence[tuple[str, str, int]] = ()  # A record's stream, its lineage, where it joined or was merged away.
    relabelled: Sequence[tuple[str, str]] = ()  # All members of the first lineage move to the second.
    lineages: Sequence[tuple[str, str, int, int]] = ()  # Lineage, current record's stream, members, last merge.


class Append(NamedTuple):
    """All that one commit adds: events in order, and what they change in the two indexes."""

    events: Sequence[EventRow]
    released: Sequence[tuple[ClaimKey, RecordRef]] = ()  # Carried out before `held`.
    held: Sequence[tuple[ClaimKey, RecordRef, int]] = ()  # With the offset of the event.
    lineage: LineageChanges = LineageChanges()
    not_before: datetime | None = None  # When the last command was decided: no event is recorded earlier.


@dataclass(slots=True)
class ReadSet:
    """Everything that the decisions of a unit looked at, absent things too; it must still stand at the commit."""

    streams: dict[str, int] = field(default_factory=dict)  # With the version it was read at; 0 where absent.
    claims: set[ClaimKey] = field(default_factory=set)
    lineages: set[str] = field(default_factory=set)  # Streams of records.
    held: set[tuple[str, str]] = field(default_factory=set)  # Stream of a record, kind of claim.


class Snapshot(Protocol):
    """One moment of a store. Each method is one query, however many things it is asked for."""

    def head(self) -> int:
        """Return the last position; 0 in an empty log."""

    def load_streams(self, streams: Collection[str]) -> Iterable[LoadedEvent]:
        """Load whole streams: the events of one stream come together, by version."""

    def load_snapshots(self, streams: Collection[str], fold: int) -> Iterable[tuple[str, int, bytes]]:
        """Load stream, version and state of the streams that have a snapshot of this fold."""

    def load_since(self, versions: Mapping[str, int]) -> Iterable[LoadedEvent]:
        """Load the events of streams after a version, as `load_streams` does."""

    def streams_after(self, position: int, limit: int) -> list[str]:
        """List the streams of the events after a position, at most so many."""

    def load_claims(self, keys: Collection[ClaimKey]) -> Iterable[tuple[ClaimKey, RecordRef]]:
        """Load who claims these, the earliest claim first."""

    def load_lineages(self, streams: Collection[str]) -> Iterable[tuple[str, str, str]]:
        """Load stream, lineage and current record's stream of each record that took part in a merge."""

    def load_members(self, streams: Collection[str]) -> Iterable[tuple[str, str]]:
        """Load each of these streams with all of its lineage: the earliest merged away first, the current last."""

    def load_held(self, holders: Collection[tuple[str, str]]) -> Iterable[tuple[str, str, str]]:
        """Load what records (by stream) claim of a kind, under their own id: stream, kind, value."""

    def page(self, after: int, limit: int) -> list[StoredEvent]:
        """Read the events after a position, in order."""

    def events_of(self, stream: str, up_to: int | None) -> list[StoredEvent]:
        """Read one stream, up to a position."""

    def recorded_at(self, position: int) -> datetime | None:
        """Return when a position was recorded; None when it does not exist."""

    def next_of_types(self, position: int, types: Collection[str]) -> int | None:
        """Find the first event of one of these types at or after a position."""

    def bookmark(self, name: str) -> Bookmark | None:
        """Return how far something was read; None where it never was."""


class Unit(Snapshot, Protocol):
    """A unit of work: what it appends is committed when it ends without an exception, all of it or nothing."""

    def now(self, given: datetime | None) -> datetime:
        """Return this time, or else the store's; never one before the last event was recorded."""

    def append(self, append: Append, read: ReadSet) -> int:
        """Append, once; returns the position of offset 0. Raises Conflict.

        The events are recorded at one time, by the store's clock; where that has gone back, by what was recorded last
        and by the append's own `not_before`. A server, which believes no writer's clock, adds a microsecond per event.
        """

    def put_snapshots(self, snapshots: Collection[tuple[str, int, bytes]], fold: int) -> None:
        """Keep stream, version and state, in the place of what was kept for the stream."""

    def clear_indexes(self) -> None:
        """Forget all claims and lineages, to index the whole log again."""

    def index(self, append: Append, first_position: int) -> None:
        """Change the indexes as `append` would, for events that are stored already."""

    def move(self, move: Move) -> None:
        """Move a bookmark, behind any append of the unit. Raises BookmarkMoved."""

    def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Hold a lease from now on for some seconds, or longer; false where another holds it."""

    def let_go(self, name: str, holder: str) -> None:
        """End a lease, where it is this holder's."""


class Store(Protocol):
    """A place that a ledger is kept in. Safe to use from several threads."""

    @property
    def location(self) -> str:
        """Name the place as people know it, without a password."""

    @property
    def schema_version(self) -> int:
        """Tell the version of its tables."""

    @property
    def is_new(self) -> bool:
        """Whether opening it made it."""

    @property
    def findings(self) -> Sequence[StoreUnusable]:
        """What opening found that the ledger can still be read with; otherwise opening fails with the first."""

    def now(self) -> datetime | None:
        """Tell the time by the clock of the server; None where there is no server."""

    def reading(self) -> AbstractContextManager[Snapshot]:
        """Open one moment for reading."""

    def writing(self, *, alone: bool = False) -> AbstractContextManager[Unit]:
        """Open a unit of work. With `alone` no other commits before it has."""

    def wait(self, timeout_s: float) -> bool:
        """Wait until somebody may have appended, or the time is up: a hint, so look in any case. Raises nothing."""

    def close(self) -> None:
        """Let go of the place."""
