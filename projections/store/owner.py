"""Layer: projections. Whose read model it is: made from this ledger, or from another that was here before.

A read model names the event that it ends with: its stream, and the microsecond it was recorded at. A ledger
that has this event at this position has all before it as well, for a log only grows; so a copy of the ledger, or
one that was moved, goes on with the read model, and any other ledger of the same name does not.
"""

from typing import Protocol

from ledger.store.port import StoredEvent, StoreUnusable
from projections.store.port import Mark, Snapshot
from projections.store.tables import sql_time


class Pages(Protocol):
    """A log that is read page after page."""

    def read(self, after: int, limit: int) -> list[StoredEvent]:
        """Read a page in order."""
        ...


class OtherLedger(StoreUnusable):
    """The read model was made from another ledger, so its answers are about other records."""

    def __init__(self, location: str) -> None:
        super().__init__(
            f"the read model at {location} was made from another ledger; run `merge-ledger projections run`"
        )


def is_made_from(log: Pages, mark: Mark) -> bool:
    """Whether a read model that ends with this event was made from this log."""
    if mark.position == 0:
        return True
    there = log.read(mark.position - 1, 1)
    return bool(there) and (there[0].stream, sql_time(there[0].recorded_at)) == (mark.stream, mark.recorded_at)


def make_sure_of_owner(log: Pages, snapshot: Snapshot, location: str) -> None:
    """Make sure that a snapshot is of this ledger. Raises OtherLedger."""
    if not is_made_from(log, snapshot.mark()):
        raise OtherLedger(location)
