"""Layer: ledger. Finds positions (where the log stood at a time, where a command ends), and reads whole commands."""

from datetime import datetime
from typing import Protocol

from domain.language.events import OUTCOME_TYPES
from ledger.store.port import Snapshot, StoredEvent


class Pages(Protocol):
    """A log that is read page after page."""

    def read(self, after: int, limit: int) -> list[StoredEvent]:
        """Read a page in order."""
        ...


def read_commands(log: Pages, after: int, limit: int) -> list[StoredEvent]:
    """Read about so many events, whole commands alone: it ends with an outcome, and holds one if there is any."""
    while True:
        page = log.read(after, limit)
        end = len(page)
        while end and page[end - 1].type not in OUTCOME_TYPES:
            end -= 1
        if end or len(page) < limit:
            return page[:end]
        limit *= 2


def position_at(snapshot: Snapshot, time: datetime) -> int:
    """Find the last event recorded at or before a time; 0 where there is none.

    Positions have no gaps and are never recorded earlier than the one before, so halving finds it.
    """
    low, high = 0, snapshot.head()
    while low < high:
        middle = (low + high + 1) // 2
        recorded_at = snapshot.recorded_at(middle)
        if recorded_at is not None and recorded_at <= time:
            low = middle
        else:
            high = middle - 1
    return low


def end_of_command(snapshot: Snapshot, position: int) -> int:
    """Find where the command that wrote this position ends: its outcome. The head, for positions beyond it."""
    if position <= 0:
        return 0
    found = snapshot.next_of_types(position, OUTCOME_TYPES)
    return snapshot.head() if found is None else found
