"""Layer: projections. Applies a page of whole commands to every projection, in order."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from domain.language import events as e
from domain.language.events import OUTCOME_TYPES
from ledger.store.port import StoredEvent
from projections.folding.page import Decoded, Page
from projections.models.catalogue import PROJECTIONS
from projections.store.tables import Rows


class Log(Protocol):
    """What the projections read of the ledger."""

    def head(self) -> int:
        """Return the last position."""
        ...

    def read(self, after: int, limit: int) -> list[StoredEvent]:
        """Read a page in order."""
        ...

    def decode(self, stored: StoredEvent) -> e.Event:
        """Read an event from what is stored."""
        ...


def apply(decoded: Sequence[Decoded], rows: Rows) -> None:
    """Fold events through every projection. The definition of a segment goes alone: it may look at all records."""
    begin = 0
    for at in [at for at, (_, event) in enumerate(decoded) if type(event) is e.SegmentDefined]:
        _apply_all(decoded[begin:at], rows)
        _apply_all(decoded[at : at + 1], rows)
        begin = at + 1
    _apply_all(decoded[begin:], rows)


def _apply_all(decoded: Sequence[Decoded], rows: Rows) -> None:
    if decoded:
        page = Page(decoded)
        for projection in PROJECTIONS:
            projection.apply(page, rows)


def commands(stored: Sequence[StoredEvent]) -> Iterator[list[StoredEvent]]:
    """Take events apart into commands; each ends with its outcome."""
    command: list[StoredEvent] = []
    for one in stored:
        command.append(one)
        if one.type in OUTCOME_TYPES:
            yield command
            command = []
