"""Layer: projections. A moment: an account as of one position, in one snapshot, with what every read begins from."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from domain.language import streams
from domain.language.events import Event
from domain.state.record import Record, evolve
from ledger.store.port import StoredEvent
from projections.folding.forest import Forest, load_members
from projections.models.current_records import CURRENT_RECORDS, read_state
from projections.store.tables import RECORD, RecordKey, Rows, read_time


class Log(Protocol):
    """What readers read of the ledger itself."""

    def read(self, after: int, limit: int) -> list[StoredEvent]:
        """Read a page in order."""
        ...

    def stream(self, name: str, up_to: int | None = None) -> list[StoredEvent]:
        """Read one stream."""
        ...

    def decode(self, stored: StoredEvent) -> Event:
        """Read an event from what is stored."""
        ...

    def position_at(self, time: datetime) -> int:
        """Find the last event recorded at or before a time."""
        ...

    def end_of_command(self, position: int) -> int:
        """Find where the command that wrote this position ends."""
        ...


class Moment(NamedTuple):
    """Where reads look: the rows of a snapshot, the ledger behind them, an account, and a position."""

    rows: Rows
    ledger: Log
    account: str
    at: int
    is_now: bool  # `at` is the snapshot's own position.


class Lineages(Forest):
    """Lineages as they were at a moment."""

    def __init__(self, at: int) -> None:
        """Begin with none."""
        self.at = at
        super().__init__()

    def load(self, moment: Moment, records: Iterable[RecordKey]) -> "Lineages":
        """Load the lineages of more records."""
        new = [key for key in set(records) if key not in self.members]
        if new:
            self.add(load_members(moment.rows, new))
        return self

    def path(self, record: RecordKey) -> list[RecordKey]:
        """List an id and those it was merged into, one after the other, up to its current one."""
        path = [record]
        while True:
            member = self.members.get(path[-1])
            if member is None or member.parent is None or (member.merged_position or 0) > self.at:
                return path
            path.append(member.parent)

    def current(self, record: RecordKey) -> RecordKey:
        """Name the record that an id leads to."""
        return self.path(record)[-1]

    def redirected_via(self, path: list[RecordKey]) -> list[str]:
        """List the merges that a path goes through."""
        return [self.members[key].merge_id or "" for key in path[:-1]]

    def merged_ids(self, *records: RecordKey) -> list[str]:
        """List all ids folded into these records: the earliest merge first, the primary before the secondary (H05)."""
        folded = [self.members[key] for record in records for key in self.tree(record)[1:]]
        folded.sort(key=lambda member: (member.merged_position or 0, member.side or ""))
        return [member.record_id for member in folded]


def lineages(moment: Moment, records: Iterable[RecordKey]) -> Lineages:
    """Load the lineages of some records: two look-ups, however many and however long."""
    return Lineages(moment.at).load(moment, records)


class Stood(Struct):
    """A record as it stood."""

    state: Record
    version: int
    created_at: datetime
    updated_at: datetime


_STOOD = ("account", "object_type", "record_id", "state", "version", "created_at", "updated_at")


def stood(moment: Moment, records: Iterable[RecordKey]) -> dict[RecordKey, Stood]:
    """Look up records by their own id, as they were at the moment; those that did not exist are left out."""
    if not moment.is_now:
        return _stood_before(moment, records)
    return {
        (account, object_type, record_id): Stood(
            read_state(state), version, read_time(created_at), read_time(updated_at)
        )
        for account, object_type, record_id, state, version, created_at, updated_at in moment.rows.by_keys(
            CURRENT_RECORDS, _STOOD, RECORD, set(records)
        )
    }


def _stood_before(moment: Moment, records: Iterable[RecordKey]) -> dict[RecordKey, Stood]:
    found: dict[RecordKey, Stood] = {}
    for key in records:
        stored = moment.ledger.stream(streams.record(*key), moment.at)
        state: Any = None
        for one in stored:
            state = evolve(state, moment.ledger.decode(one), key[2])
        if state is not None:
            found[key] = Stood(state, len(stored), stored[0].recorded_at, stored[-1].recorded_at)
    return found
