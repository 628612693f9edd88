"""Layer: projections. Runs the projections: page after page, rows and position in one transaction; and rebuilds them.

Nothing happens twice and nothing is skipped: a page begins where the one before it ended, and its
transaction keeps other runners out. An event that cannot be read or folded stops the read side
there, loudly; all before it stays readable. All that a merge changes is readable at one position (H48).
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, NoReturn, TypeAlias

from msgspec import Struct

from ledger.batch.gc_pause import no_garbage_collection
from ledger.positions import read_commands
from ledger.store.port import StoredEvent, StoreUnusable
from ledger.store.watching import DamagedLog, whole_commands
from projections.reading.shapes import ProjectionStatus
from projections.running.apply import Log, apply, commands
from projections.running.status import status
from projections.store.owner import is_made_from
from projections.store.port import (
    Generation,
    Mark,
    Numbers,
    ReadStore,
    Stale,
    UnusableProjections,
    WritableRows,
)
from projections.store.tables import sql_time

PAGE_EVENTS: Final = 5_000
IDLE_S: Final = 0.2
BACKOFF_S: Final = 1.0

log: Final = logging.getLogger("merge_ledger.project")


class Progress(Struct, frozen=True):
    """How far a run is. `rate` is events a second, `eta_s` the seconds left; None before either is known."""

    done: int
    total: int
    rate: float | None
    eta_s: float | None


OnProgress: TypeAlias = Callable[[Progress], None]


class ProjectionFailed(StoreUnusable):
    """The read side stopped at an event that cannot be folded; all before it stands."""

    def __init__(self, stored: StoredEvent, why: BaseException) -> None:
        super().__init__(
            f"the projections stopped at position {stored.position}, a {stored.type} of {stored.stream}:"
            f" {type(why).__name__}; see the details, then run `merge-ledger projections run` again"
        )
        self.position, self.stream, self.event_type = stored.position, stored.stream, stored.type


class Projector:
    """Keeps the read side in step with a ledger."""

    def __init__(
        self,
        ledger: Log,
        store: ReadStore,
        *,
        page_events: int = PAGE_EVENTS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Follow this ledger into this store."""
        self._ledger = ledger
        self._store = store
        self._page_events = page_events
        self._clock = clock

    def run(
        self,
        keep_running: Callable[[], bool],
        on_position: Callable[[int, int], None],
        wait: Callable[[float], object] = time.sleep,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep the read side up to date until asked to stop. Raises StoreUnusable when waiting does not help.

        `on_position` gets the position reached and the head; `wait` waits for more events, at most that long.
        """
        while keep_running():
            try:
                on_position(self.catch_up(), self._ledger.head())
                wait(IDLE_S)
            except StoreUnusable as error:
                if not error.is_transient:
                    raise
                log.warning("projecting waits", extra={"why": str(error)})
                sleep(BACKOFF_S)

    def catch_up(self, on_progress: OnProgress | None = None) -> int:
        """Project all that the ledger has; returns the position reached.

        Begins a read model where there is none, and anew where the tables are another version's or the
        ledger is another one. Raises ProjectionFailed, StoreUnusable.
        """
        while True:
            seen = self._store.numbers()
            generation = self._store.live()
            try:
                if generation is not None and self._is_usable(generation):
                    return self._run(generation, on_progress)
                return self._make(seen, on_progress)
            except Stale:
                continue

    def rebuild(self, on_progress: OnProgress | None = None) -> int:
        """Make a new generation from the first event on, beside the live one, then let it go live.

        One that was left half-made by the same version goes on where it stopped.
        """
        first = seen = self._store.numbers()
        while True:
            try:
                return self._make(seen, on_progress)
            except Stale:  # Another runner began a generation, or made one live.
                seen = self._store.numbers()
                if seen.live != first.live:
                    return self.catch_up(on_progress)

    def _make(self, seen: Numbers, on_progress: OnProgress | None) -> int:
        """Complete the generation that is being built, or begin one, and make it live. Raises Stale.

        A runner that finds another's generation joins it. Were it to begin its own in its place, runners
        that start together would go on replacing each other's and none would be completed.
        """
        generation = self._left_behind()
        if generation is None or not self._is_usable(generation):
            generation = self._store.begin(seen)
        self._run(generation, on_progress)
        return self._go_live(generation)

    def _left_behind(self) -> Generation | None:
        """Find the generation that a rebuild left half-made, if it can be used."""
        try:
            return self._store.building()
        except UnusableProjections:
            return None

    def _go_live(self, generation: Generation) -> int:
        """Switch while nobody writes the live one, and not to a moment before the one that readers see."""
        old: Generation | None = None
        while True:
            try:
                old = self._store.live()
                if old is None or old.number == generation.number:
                    self._store.go_live(generation)
                    break
                with self._store.page(old):
                    self._run(generation, None)
                    self._store.go_live(generation)
                break
            except Stale:
                if self._store.live() == old:
                    raise
            except UnusableProjections:
                if self._is_readable():  # Busy, then: readers must not be taken back to an earlier moment.
                    raise
                self._store.go_live(generation)
                break
        self._store.drop_old()
        return self._run(generation, None)

    def _is_readable(self) -> bool:
        try:
            with self._store.snapshot() as snapshot:
                return snapshot.mark().position >= 0
        except StoreUnusable:
            return False

    def _is_usable(self, generation: Generation) -> bool:
        """Whether it has this version's tables, and was made from this ledger and not from an earlier one here."""
        if generation.tables_version != self._store.model.version:
            return False
        try:
            with self._store.page(generation) as rows:
                mark = rows.mark()
        except Stale:
            return False
        return is_made_from(self._ledger, mark)

    def _run(self, generation: Generation, on_progress: OnProgress | None) -> int:
        began = time.monotonic()
        first: int | None = None
        total = self._ledger.head()
        while True:
            try:
                with no_garbage_collection(), self._store.page(generation) as rows:
                    start = rows.mark().position
                    position = self._project_page(rows, start)
            except _Unfoldable as failed:
                self._stop(generation, failed)
            if first is None:
                first = start
            if position == start:
                return position
            if on_progress is not None:
                total = max(total, position)
                spent = time.monotonic() - began
                rate = (position - first) / spent if spent > 0 else None
                on_progress(Progress(position, total, rate, (total - position) / rate if rate else None))

    def _project_page(self, rows: WritableRows, start: int) -> int:
        stored = read_commands(self._ledger, start, self._page_events)
        if stored:
            self._fold(stored, rows)
            return stored[-1].position
        return start

    def _fold(self, stored: Sequence[StoredEvent], rows: WritableRows) -> None:
        """Decode and fold events, and move the position behind them. Raises _Unfoldable."""
        decode = self._ledger.decode
        try:
            decoded = [(one, decode(one)) for one in stored]
            whole_commands(decoded)
            apply(decoded, rows)
        except (UnusableProjections, DamagedLog):
            raise
        except Exception as error:
            raise _Unfoldable(stored, error) from error
        last = stored[-1]
        rows.move(Mark(last.position, last.stream, sql_time(last.recorded_at)))

    def _stop(self, generation: Generation, failed: "_Unfoldable") -> NoReturn:
        """Project the page command by command up to the one that fails, and stop there."""
        for command in commands(failed.stored):
            try:
                with self._store.page(generation) as rows:
                    if rows.mark().position < command[-1].position:
                        self._fold(command, rows)
            except _Unfoldable as error:
                raise ProjectionFailed(self._culprit(generation, command), error.why) from error.why
        raise failed.why

    def _culprit(self, generation: Generation, command: Sequence[StoredEvent]) -> StoredEvent:
        """Find the first event of a command that cannot be folded; nothing of the search is kept."""
        for at in range(1, len(command)):
            try:
                with self._store.page(generation) as rows:
                    self._fold(command[:at], rows)
                    raise _Undone  # noqa: TRY301  it ends the transaction
            except _Undone:
                pass
            except _Unfoldable:
                return command[at - 1]
        return command[-1]

    def status(self, *, digests: bool = False) -> list[ProjectionStatus]:
        """Return how far each projection is behind the ledger, and with `digests` a digest of what it holds."""
        return status(self._ledger, self._store, self._clock(), digests=digests)


class _Undone(Exception):  # noqa: N818  ends a transaction that is not to be kept
    pass


class _Unfoldable(Exception):  # noqa: N818  says what the events are
    def __init__(self, stored: Sequence[StoredEvent], why: Exception) -> None:
        super().__init__(str(why))
        self.stored, self.why = stored, why
