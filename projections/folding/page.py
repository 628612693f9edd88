"""Layer: projections. A page: some hundreds or thousands of events, decoded once for all projections.

It ends where a command ends, so that nobody ever reads half a command. The lineage and the records'
states are folded first and stand on the page; at every event a projection finds the record as it
was before and after it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from domain.language import events as e
from domain.language.streams import RECORDS
from domain.language.values import Value
from domain.state.record import Record, own_values
from ledger.store.port import StoredEvent
from projections.folding.forest import LineageFold
from projections.store.tables import RecordKey, Rows, Table, View, sql_time

Decoded: TypeAlias = tuple[StoredEvent, e.Event]
E = TypeVar("E", bound=e.Event)
E_co = TypeVar("E_co", bound=e.Event, covariant=True)


class Entry(Struct, Generic[E_co]):
    """One event of a page. `kind` and `key` are of its stream's name; `before` and `after` are a record's states.

    `record` is the record whose stream it is on; empty parts for another kind of stream.
    """

    position: int
    recorded_at: str
    account: str
    kind: str
    key: str
    event: E_co
    object_type: str = ""
    record_id: str = ""
    record: RecordKey = ("", "", "")
    before: Record | None = None
    after: Record | None = None
    _values: dict[str, Value] | None = None

    @property
    def values(self) -> dict[str, Value]:
        """The property values that the event set on its record."""
        if self._values is None:
            self._values = own_values(self.event, self.record_id)
        return self._values


def sides(x: Entry[e.Event], merged: e.RecordsMerged) -> tuple[RecordKey, RecordKey]:
    """Name the records that a merge was of; `merged` is the entry's event."""
    return (x.account, x.object_type, merged.primary_id), (x.account, x.object_type, merged.secondary_id)


class Page:
    """Events in the order of the ledger, and by class."""

    lineages: LineageFold

    def __init__(self, decoded: Iterable[Decoded]) -> None:
        """Take the events, whole commands alone."""
        self.entries: list[Entry[e.Event]] = []
        self.records: list[Entry[e.Event]] = []
        self._by_class: defaultdict[type[e.Event], list[Entry[Any]]] = defaultdict(list)
        last_at, at_text = None, ""
        for (position, stream, _, _, _, recorded_at), event in decoded:
            if recorded_at is not last_at:  # One time a batch.
                last_at, at_text = recorded_at, sql_time(recorded_at)
            account, _, rest = stream.partition("/")
            kind, _, key = rest.partition("/")
            if kind == RECORDS:
                object_type, _, record_id = key.partition("/")
                record = account, object_type, record_id
                entry = Entry(position, at_text, account, kind, key, event, object_type, record_id, record)
                self.records.append(entry)
            else:
                entry = Entry(position, at_text, account, kind, key, event)
            self.entries.append(entry)
            self._by_class[event.__class__].append(entry)

    def of(self, *classes: type[E]) -> list[Entry[E]]:
        """List the events of some classes, in order."""
        found = [self._by_class[cls] for cls in classes if cls in self._by_class]
        if not found:
            return []
        if len(found) == 1:
            return found[0]
        return sorted((entry for entries in found for entry in entries), key=_position)

    def where(self, trait: Callable[[type[e.Event]], object]) -> list[Entry[e.Event]]:
        """List the events whose class has a trait, in order."""
        return self.of(*filter(trait, self._by_class))


def _position(entry: Entry[Any]) -> int:
    return entry.position


class Projection(Protocol):
    """A read model: a name, its tables, and how a page changes their rows."""

    name: str

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables it writes; no other does."""
        ...

    @property
    def views(self) -> tuple[View, ...]:
        """Views for whoever reads by SQL."""
        ...

    def apply(self, page: Page, rows: Rows) -> None:
        """Fold the page into rows by key, and write each table's in one statement."""
        ...
