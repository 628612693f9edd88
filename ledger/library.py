"""Layer: ledger. The ledger as the eventsourcing library sees it: recorder, mapper, repository, notification log.

One aggregate is read through the library's Repository, also as it was at a position, and whatever is
written against its ApplicationRecorder works on this log. What is appended that way goes through
the same door as ours: the types of events are ours alone, and claims and lineages follow. Imported
only where it is needed, for the library takes 50 ms to load.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, LocalNotificationLog, Repository
from eventsourcing.persistence import (
    ApplicationRecorder,
    EventStore,
    IntegrityError,
    JSONTranscoder,
    Mapper,
    Notification,
    Subscription,
)
from eventsourcing.persistence import StoredEvent as LibraryEvent

from domain.language.events import Event
from domain.state.folds import evolve
from ledger.indexes.changes import Changes, changes_of
from ledger.store.codec import decode, encode
from ledger.store.port import Conflict, ReadSet, Store

PAGE_EVENTS: Final = 1_000


class Appended(NamedTuple):
    """An event with its place, as the library wants its domain events."""

    originator_id: str
    originator_version: int
    event: Event


class Folded(NamedTuple):
    """The state of one stream, as the library wants its aggregates."""

    id: str
    version: int
    state: Any


def fold(folded: Folded | None, events: Iterable[Appended]) -> Folded | None:
    """Fold events into the state of their stream; the library's `projector_func`."""
    for stream, version, event in events:
        folded = Folded(stream, version, evolve(stream, None if folded is None else folded.state, event))
    return folded


class EventMapper(Mapper[str]):
    """Maps by our closed registry: a topic is an event type, never a Python path to import."""

    def __init__(self) -> None:
        """Begin; the library's transcoder stays unused."""
        super().__init__(JSONTranscoder())

    def to_stored_event(self, domain_event: Any) -> LibraryEvent:  # noqa: ANN401  `Appended`, wider in the library
        """Write an event."""
        stream, version, event = domain_event
        return LibraryEvent(stream, version, event.EVENT_TYPE, encode(event))

    def to_domain_event(self, stored_event: LibraryEvent) -> Any:  # noqa: ANN401  as above
        """Read an event. Raises UnknownEventType, UnreadableEvent."""
        event = decode(stored_event.topic, stored_event.state)
        return Appended(str(stored_event.originator_id), stored_event.originator_version, event)


def _changes(events: Iterable[LibraryEvent]) -> Changes:
    return changes_of((str(one.originator_id), decode(one.topic, one.state)) for one in events)


class LedgerRecorder(ApplicationRecorder):
    """The library's recorder over our log. With `up_to` it shows aggregates as they were at a position.

    `changes` tells what events change in the indexes beside the log; it refuses events that are not ours.
    """

    def __init__(
        self,
        store: Store,
        *,
        up_to: int | None = None,
        changes: Callable[[Iterable[LibraryEvent]], Changes] = _changes,
    ) -> None:
        """Record in this store."""
        self._store = store
        self._up_to = up_to
        self._changes = changes

    def insert_events(self, stored_events: Sequence[LibraryEvent], **kwargs: Any) -> Sequence[int]:  # noqa: ANN401
        """Append; returns the positions. Raises the library's IntegrityError where a version is taken."""
        if kwargs:
            msg = f"{', '.join(kwargs)}: the ledger keeps source offsets by compare-and-set, not by tracking"
            raise TypeError(msg)
        if not stored_events:
            return []
        changes = self._changes(stored_events)
        rows = [(str(one.originator_id), one.originator_version, one.topic, one.state) for one in stored_events]
        try:
            with self._store.writing(alone=True) as unit:
                first = unit.append(changes.append(rows, unit), ReadSet())
        except Conflict as conflict:
            raise IntegrityError(str(conflict)) from conflict
        return list(range(first, first + len(rows)))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[LibraryEvent]:
        """Read one stream between two versions."""
        with self._store.reading() as snapshot:
            stored = snapshot.events_of(str(originator_id), self._up_to)
        chosen = [
            LibraryEvent(one.stream, one.version, one.type, one.data)
            for one in (reversed(stored) if desc else stored)
            if (gt is None or one.version > gt) and (lte is None or one.version <= lte)
        ]
        return chosen[:limit]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Read the log from a position, of these topics alone where some are named."""
        after = 0 if start is None else start - inclusive_of_start
        found: list[Notification] = []
        with self._store.reading() as snapshot:
            while page := snapshot.page(after, PAGE_EVENTS if topics else limit):
                for one in page:
                    if len(found) == limit or (stop is not None and one.position > stop):
                        return found
                    if not topics or one.type in topics:
                        found.append(Notification(one.stream, one.version, one.type, one.data, one.position))
                after = page[-1].position
        return found

    def max_notification_id(self) -> int | None:
        """Return the last position; None in an empty log."""
        with self._store.reading() as snapshot:
            return snapshot.head() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Not offered: followers read pages, each with its position, in one transaction of their own."""
        msg = "follow the log with Ledger.read(after, limit)"
        raise NotImplementedError(msg)


def repository(store: Store, *, up_to: int | None = None) -> Repository[str]:
    """Make the library's repository over our log; read with `projector_func=fold`."""
    return Repository(EventStore(EventMapper(), LedgerRecorder(store, up_to=up_to)))


def notification_log(store: Store, section_size: int = PAGE_EVENTS) -> LocalNotificationLog:
    """Make the library's notification log over ours, in sections such as `1,1000`."""
    return LocalNotificationLog(LedgerRecorder(store), section_size)


def state_of(store: Store, stream: str, up_to: int | None) -> Any:  # noqa: ANN401  each kind of stream has its own
    """Fold one stream up to a position; None where it did not exist then."""
    try:
        folded: Folded = repository(store, up_to=up_to).get(stream, projector_func=fold)
    except AggregateNotFoundError:
        return None
    return folded.state
