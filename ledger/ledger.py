"""Layer: ledger. The one door for writing: executes batches of commands, and reads what they became.

A batch is decided in order, each command seeing what the ones before it did, and appended in one
commit, all of it or nothing. Every command ends with exactly one outcome, for ever: a batch that is
sent again finds itself done and gets the same answers.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from msgspec.structs import astuple

from domain import decide as decisions
from domain.intake.reading import Unreadable
from domain.language.commands import Envelope, MergeRecords
from domain.language.events import Event, RecordsMerged
from domain.language.ids import RecordRef
from domain.language.outcomes import Outcome
from domain.language.refusals import Refusal
from domain.language.warned import Warned
from domain.state.view import View
from ledger import positions
from ledger.batch.execution import Execution, outcome_at, repeated
from ledger.batch.gc_pause import no_garbage_collection
from ledger.batch.loading import Loader
from ledger.batch.state_cache import StateCache
from ledger.batch.valid import Input, valid, valid_command, valid_move
from ledger.store.codec import decode
from ledger.store.damage import ContradictingIndexes
from ledger.store.port import (
    MICROSECOND,
    Bookmark,
    Conflict,
    ConnectionLost,
    LockedDatabase,
    Move,
    Store,
    StoredEvent,
    Taken,
    Unit,
)

BATCH_COMMANDS_MAX: Final = 10_000  # What one commit holds in memory; 1,000 is as fast.
_RECONNECTING_S: Final = 5.0  # A server that is started again is back within this.
_PAUSE_S: Final = 0.2


class Previewed(NamedTuple):
    """A merge as it would be after `head`. Nothing of it is stored; ids and times in it are not final."""

    event: RecordsMerged
    result: RecordRef
    token: str
    head: int
    warnings: tuple[Warned, ...]


class Ledger:
    """A ledger in a store. Safe to use from several threads."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime] | None = None) -> None:
        """Work on this store; `clock` tells when commands are executed, in place of the store's."""
        self.store = store
        self._clock = clock
        self._last_now = datetime.min.replace(tzinfo=UTC)
        self._cache: StateCache | None = None
        self.decided_again = 0  # Batches, because what they had read was changed by another writer.

    def __enter__(self) -> Self:
        """Give the ledger."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the store."""
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    # -- writing

    def execute(self, batch: Sequence[Envelope]) -> list[Outcome]:
        """Carry out commands in order, in one commit; tells the outcome of each, in the same order.

        Refusals are outcomes. Raises StoreUnusable, and then nothing of the batch was done (but of
        ConnectionLost, after which only sending it again tells); ValueError where the batch is longer than
        BATCH_COMMANDS_MAX, and InvalidInput, a ValueError, where it holds what could not be read back.
        """
        _refuse_too_long(batch)
        if not batch:
            return []
        batch = valid(batch)
        decided_here: set[int] = set()
        try:
            return self._execute(batch, decided_here, alone=False)
        except Conflict:  # Another writer came between; once more, with the others kept out.
            self.decided_again += 1
            return self._execute_alone(batch, set())
        except ConnectionLost as lost:
            return self._after(lost, batch, decided_here)

    def take(self, batch: Sequence[Envelope | Unreadable], move: Move) -> list[Outcome]:
        """Carry out what came from a source, in order, and move the source's bookmark, in one commit.

        What is no command gets its outcome too. Raises BookmarkMoved where somebody else read on, and
        StoreUnusable; nothing was done then, but of ConnectionLost, after which the bookmark tells.
        """
        _refuse_too_long(batch)
        batch, move = valid(batch), valid_move(move)
        try:
            return self._execute(batch, set(), alone=False, move=move)
        except Conflict:
            self.decided_again += 1
            return self._execute_alone(batch, set(), move)

    def _after(self, lost: ConnectionLost, batch: Sequence[Input], decided_here: set[int]) -> list[Outcome]:
        """Carry out a batch of which it is not known whether it was stored: what was done is found done."""
        give_up_at = time.monotonic() + _RECONNECTING_S
        while True:
            try:
                return self._execute_alone(batch, decided_here)
            except ConnectionLost as error:
                if time.monotonic() > give_up_at:
                    raise lost from error
            time.sleep(_PAUSE_S)

    def _execute_alone(
        self, batch: Sequence[Envelope | Unreadable], decided_here: set[int], move: Move | None = None
    ) -> list[Outcome]:
        """Carry out a batch with the others kept out: what is taken then, the ledger's own indexes did not know."""
        try:
            return self._execute(batch, decided_here, alone=True, move=move)
        except Taken as taken:
            raise ContradictingIndexes(self.store.location, str(taken)) from taken
        except Conflict as conflict:  # Such as a deadlock with whoever locks its tables by SQL.
            raise LockedDatabase(self.store.location) from conflict

    def _execute(
        self,
        batch: Sequence[Envelope | Unreadable],
        decided_here: set[int],
        *,
        alone: bool,
        move: Move | None = None,
    ) -> list[Outcome]:
        """Carry out a batch once. What `decided_here` names is no repetition when it is found done: it is ours."""
        cache, self._cache = self._cache or StateCache(), None  # Another thread meanwhile begins with an empty one.
        with no_garbage_collection(), self.store.writing(alone=alone) as unit:
            cache.refresh(unit)
            execution = Execution(unit, cache, decided_here, self._now(unit, len(batch)), alone=alone)
            execution.decide(batch)
            first = execution.append()
            outcomes = execution.outcomes(batch, first)
            if move is not None:
                unit.move(move)
        cache.appended(execution.streams, first, first + len(execution.rows) - 1)
        self._cache = cache  # Whatever went wrong would have left none.
        return outcomes

    def _now(self, unit: Unit, commands: int) -> datetime:
        """Return the time of a batch; the times of all commands of this ledger are different, and grow."""
        given = None if self._clock is None else self._clock()
        if given is not None and given.tzinfo is None:
            msg = "the clock tells a time without its zone"
            raise ValueError(msg)
        now = max(unit.now(given), self._last_now)
        self._last_now = now + commands * MICROSECOND
        return now

    def preview(self, command: MergeRecords) -> Previewed | Outcome:
        """Decide a merge as `execute` would, and store nothing; an outcome where it would make no merge."""
        command = valid_command(command)
        with self.store.reading() as snapshot:
            view = View()
            loader = Loader(snapshot, view)
            loader.load_for((Envelope(command),))
            if view.spent(command.account, command.command_id) is not None:
                return outcome_at(command.command_id, repeated(command, view, loader.positions, {}), 0, snapshot)
            try:
                merged, result, token, warnings = astuple(decisions.preview(command, view, (self._clock or _utc_now)()))
            except Refusal as refusal:
                return Outcome(
                    command_id=command.command_id,
                    status="refused",
                    code=refusal.code,
                    message=refusal.message,
                    details=refusal.details,
                )
            return Previewed(merged, result, token, snapshot.head(), warnings)

    # -- reading

    def head(self) -> int:
        """Return the last position; 0 in an empty ledger."""
        with self.store.reading() as snapshot:
            return snapshot.head()

    def read(self, after: int, limit: int) -> list[StoredEvent]:
        """Read a page of the log, in order, from behind a position."""
        with self.store.reading() as snapshot:
            return snapshot.page(after, limit)

    def decode(self, stored: StoredEvent) -> Event:
        """Read an event from what is stored. Raises UnknownEventType, UnreadableEvent."""
        return decode(stored.type, stored.data, stored.position)

    def stream(self, name: str, up_to: int | None = None) -> list[StoredEvent]:
        """Read one stream, up to a position."""
        with self.store.reading() as snapshot:
            return snapshot.events_of(name, up_to)

    def state(self, name: str, up_to: int | None = None) -> Any:  # noqa: ANN401  each kind of stream has its own
        """Fold one stream up to a position; None where it did not exist then."""
        from ledger.library import state_of  # noqa: PLC0415  takes 50 ms, which writing need not wait for

        return state_of(self.store, name, up_to)

    def position_at(self, time: datetime) -> int:
        """Find the last event recorded at or before a time; 0 where there is none."""
        with self.store.reading() as snapshot:
            return positions.position_at(snapshot, time)

    # -- who reads and writes elsewhere, and how far

    def bookmark(self, name: str) -> Bookmark | None:
        """Return how far something was read; None where it never was."""
        with self.store.reading() as snapshot:
            return snapshot.bookmark(name)

    def move(self, move: Move) -> None:
        """Move a bookmark. Raises BookmarkMoved where it stands elsewhere."""
        move = valid_move(move)
        with self.store.writing() as unit:
            unit.move(move)

    def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Hold a lease from now on for some seconds, or longer; false where another holds it."""
        with self.store.writing() as unit:
            return unit.lease(name, holder, seconds)

    def let_go(self, name: str, holder: str) -> None:
        """End a lease, where it is this holder's."""
        with self.store.writing() as unit:
            unit.let_go(name, holder)

    def end_of_command(self, position: int) -> int:
        """Find where the command that wrote this position ends: at its outcome."""
        with self.store.reading() as snapshot:
            return positions.end_of_command(snapshot, position)


def _refuse_too_long(batch: Sequence[object]) -> None:
    if len(batch) > BATCH_COMMANDS_MAX:
        msg = f"a batch of {len(batch)} commands; send at most {BATCH_COMMANDS_MAX} at once"
        raise ValueError(msg)


def _utc_now() -> datetime:
    return datetime.now(UTC)
