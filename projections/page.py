"""Layer: projections. A page: some hundreds or thousands of events, decoded once for all projections.

It ends where a command ends, so that nobody ever reads half a command. The lineage and the records'
states are folded first and stand on the page; at every event a projection finds the record as it
was before and after it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from domain import events as e
from domain.record import Record, own_values
from domain.streams import RECORDS
from domain.values import Value
from projections.forest import LineageFold
from projections.tables import RecordKey, Rows, Table, View, sql_time

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


class Page:
    """Events in the order of the ledger, and by class."""

    lineages: LineageFold

    def __init__(self, decoded: Iterable[tuple[int, str, datetime, e.Event]]) -> None:
        """Take position, stream, time of recording and event."""
        self.entries: list[Entry[e.Event]] = []
        self.records: list[Entry[e.Event]] = []
        self._by_class: dict[type[e.Event], list[Entry[Any]]] = {}
        last_at, at_text = None, ""
        for position, stream, recorded_at, event in decoded:
            if recorded_at is not last_at:  # One time a batch.
                last_at, at_text = recorded_at, sql_time(recorded_at)
            account, kind, *rest = stream.split("/", 2)
            entry = Entry(position, at_text, account, kind, rest[0] if rest else "", event)
            if kind == RECORDS:
                object_type, _, record_id = entry.key.partition("/")
                entry.object_type, entry.record_id = object_type, record_id
                entry.record = (account, object_type, record_id)
                self.records.append(entry)
            self.entries.append(entry)
            of_class = self._by_class.get(type(event))
            if of_class is None:
                self._by_class[type(event)] = [entry]
            else:
                of_class.append(entry)

    def of(self, *classes: type[E]) -> list[Entry[E]]:
        """List the events of some classes, in order."""
        found = [self._by_class[cls] for cls in classes if cls in self._by_class]
        if not found:
            return []
        if len(found) == 1:
            return found[0]
        return sorted((entry for entries in found for entry in entries), key=_position)


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
