"""Layer: tests. A real ledger and its read side in a folder: commands go in, readers tell what is seen.

Reads of the rules are tested here, without a command line: what `show`, `history`, `search` and the
rest answer comes from the same reader.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from domain.language.commands import DEFAULT_ACCOUNT, AnyCommand, Envelope
from domain.language.filters import FilterGroup
from domain.language.ids import RecordRef
from domain.language.outcomes import Outcome
from ledger.ledger import Ledger
from ledger.store.sqlite.store import SqliteStore
from projections.models.catalogue import READ_MODEL
from projections.reading import shapes
from projections.reading.paging import PageAsked
from projections.reading.reader import Reader, open_reader
from projections.running.runner import Projector
from projections.store.port import ReadStore
from projections.store.sqlite import SqliteReadStore
from tests.specification import START, STEP


class Readable:
    """A ledger with its projections. `now` is when the next batch is executed; every batch takes a minute."""

    def __init__(self, folder: Path) -> None:
        """Begin with an empty ledger in this folder."""
        self.now = START
        path = folder / "ledger.db"
        self.ledger = Ledger(SqliteStore(path, create=True, clock=lambda: self.now), clock=lambda: self.now)
        self.store: ReadStore = SqliteReadStore(path, READ_MODEL)
        self.projector = Projector(self.ledger, self.store, clock=lambda: self.now)

    def close(self) -> None:
        """Let go of the files."""
        self.store.close()
        self.ledger.close()

    # -- writing

    def execute(self, *batch: AnyCommand, step: timedelta = STEP) -> list[Outcome]:
        """Execute one batch."""
        outcomes = self.ledger.execute([Envelope(one) for one in batch])
        self.now += step
        return outcomes

    def given(self, *commands: AnyCommand) -> Self:
        """Execute commands, each a batch of its own; all must be applied."""
        for command in commands:
            self.told(command)
        return self

    def told(self, command: AnyCommand) -> Outcome:
        """Execute one command, which must be applied, and give its outcome."""
        (outcome,) = self.execute(command)
        assert outcome.status == "applied", f"{outcome.code}: {outcome.message}"
        return outcome

    # -- reading

    @contextmanager
    def reading(self, account: str = DEFAULT_ACCOUNT) -> Iterator[Reader]:
        """Bring the projections up to date and read."""
        self.projector.catch_up()
        with open_reader(self.store, self.ledger, account) as reader:
            yield reader

    def show(self, record: RecordRef, as_of: int | None = None) -> shapes.Record:
        """Show the record that this one is today, or was at a position."""
        with self.reading() as reader:
            shown = reader.record(*record, as_of=as_of)
        assert isinstance(shown, shapes.Record)
        return shown

    def tombstone(self, record: RecordRef) -> shapes.Tombstone:
        """Show a record that was merged away, without following."""
        with self.reading() as reader:
            shown = reader.record(*record, follow=False)
        assert isinstance(shown, shapes.Tombstone)
        return shown

    def history(self, record: RecordRef, name: str) -> list[shapes.HistoryEntry]:
        """List what a property was set to over the lineage."""
        return self._listed(lambda reader: reader.history(*record, property_name=name))

    def timeline(self, record: RecordRef) -> list[str]:
        """List the activities of the lineage, newest first, by id."""
        return [one.activity_id for one in self._listed(lambda reader: reader.timeline(*record, PageAsked(10_000)))]

    def found(self, object_type: str, groups: list[FilterGroup] | None = None, *, merged: bool = False) -> list[str]:
        """Search, and list the ids."""
        return [one.id for one in self._listed(lambda reader: reader.search(object_type, groups or [], merged=merged))]

    def merge(self, merge_id: str | None) -> shapes.Merge:
        """Show a merge."""
        assert merge_id is not None
        with self.reading() as reader:
            shown = reader.merge(merge_id)
        assert shown is not None
        return shown

    def _listed(self, read: "Callable[[Reader], shapes.Listing[shapes.T] | None]") -> list[shapes.T]:
        with self.reading() as reader:
            listing = read(reader)
        assert listing is not None
        return listing.results


def links(shown: shapes.Record) -> dict[RecordRef, list[str]]:
    """List a record's links with their labels."""
    return {RecordRef(one.object_type, one.id): [label.label for label in one.labels] for one in shown.associations}


def instant(at: datetime) -> str:
    """Write an instant as values are written."""
    return at.isoformat().replace("+00:00", "Z")
