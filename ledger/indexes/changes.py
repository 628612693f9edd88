"""Layer: ledger. What events change in the two indexes beside the log: claims and lineages.

Both are written in the append's own transaction and follow from the log alone, so they can be made
again from it at any time.
"""

from collections.abc import Iterable

from domain.language import events as e
from domain.language.ids import RecordRef
from domain.state.claims import ClaimChange, ClaimKey
from domain.state.folds import Recorded, claims_changed
from ledger.indexes import lineage
from ledger.store.codec import decode
from ledger.store.port import Append, EventRow, Snapshot, Store

PAGE_EVENTS = 5_000


class Changes:
    """Collects, event by event, what an append changes in the indexes."""

    def __init__(self) -> None:
        """Begin with nothing changed."""
        self._claims: dict[tuple[ClaimKey, RecordRef], int | None] = {}  # Offset where it is held, None where not.
        self._merges: list[lineage.Merge] = []

    def add(self, stream: str, event: e.Event, offset: int, claimed: Iterable[ClaimChange]) -> None:
        """Take in the event that stands at this offset of the append, and what it changes about claims."""
        for change in claimed:
            self._claims[change.key, change.holder] = offset if change.held else None
        if isinstance(event, e.RecordsMerged):
            self._merges.append(lineage.merge_of(stream, event, offset))

    def append(self, events: list[EventRow], snapshot: Snapshot) -> Append:
        """Put together what is appended; looks up the lineages that earlier appends began."""
        sides = lineage.sides_in_lineages(self._merges)
        labels = {stream: label for stream, label, _ in snapshot.load_lineages(sides)} if sides else {}
        return Append(
            events,
            [change for change, offset in self._claims.items() if offset is None],
            [(key, holder, offset) for (key, holder), offset in self._claims.items() if offset is not None],
            lineage.changes(self._merges, labels),
        )


def changes_of(recorded: Iterable[Recorded]) -> Changes:
    """Collect what these events change in the indexes."""
    collected = Changes()
    for offset, (stream, event) in enumerate(recorded):
        collected.add(stream, event, offset, claims_changed(stream, event))
    return collected


def rebuild_indexes(store: Store) -> int:
    """Make claims and lineages again from the log, in one unit of work; returns how many events were read."""
    with store.writing(alone=True) as unit:
        unit.clear_indexes()
        position = 0
        while page := unit.page(position, PAGE_EVENTS):
            collected = changes_of(
                (stored.stream, decode(stored.type, stored.data, stored.position)) for stored in page
            )
            unit.index(collected.append([], unit), page[0].position)
            position = page[-1].position
        return position
