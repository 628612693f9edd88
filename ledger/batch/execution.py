"""Layer: ledger. One execution of a batch inside a unit of work: decides in order, and appends what was decided."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, cast

from domain import decide as decisions
from domain.intake.reading import Unreadable
from domain.language import streams
from domain.language.commands import AnyCommand, Envelope, fingerprint
from domain.language.events import CommandIdReused, CommandUnreadable, Event
from domain.language.outcomes import Outcome, SpentCommand, outcome_of, repeated_outcome
from domain.state.folds import FOLD_VERSION, Recorded
from domain.state.needs import Need
from domain.state.view import View
from ledger.batch.loading import Loader
from ledger.batch.state_cache import SNAPSHOT_EVENTS, StateCache, write_state
from ledger.indexes.changes import Changes
from ledger.store.codec import encode
from ledger.store.port import MICROSECOND, EventRow, Snapshot, Unit


class Answer(NamedTuple):
    """Where a command's outcome stands: a position, or an offset in the append that is under way."""

    event: Event
    at: int
    is_offset: bool
    repeated: bool


class Execution:
    """A batch that is being carried out.

    What `decided_here` names is no repetition when it is found done: it is ours, of an earlier try.
    """

    def __init__(self, unit: Unit, cache: StateCache, decided_here: set[int], now: datetime, *, alone: bool) -> None:
        """Begin with nothing decided; the first command is executed a microsecond after `now`."""
        self._unit = unit
        self._view = View()
        self._loader = Loader(unit, self._view, cache)
        self._decided_here = decided_here
        self._now = now
        self._alone = alone
        self._changes = Changes()
        self._answers: list[Answer] = []
        self._answered: dict[str, int] = {}  # Offsets of outcomes of this append, by the command's stream.
        self._unreadable: Counter[str] = Counter()
        self._touched: set[Need] = set()  # By the decisions so far: a command that needs one of these is asked again.
        self.rows: list[EventRow] = []

    @property
    def streams(self) -> Collection[str]:
        """The streams that the append changes."""
        return {row[0] for row in self.rows}

    def decide(self, batch: Sequence[Envelope | Unreadable]) -> None:
        """Decide every command, each on what the ones before it left."""
        self._count_unreadable([one for one in batch if isinstance(one, Unreadable)])
        needed = iter(self._loader.load_for([one for one in batch if isinstance(one, Envelope)]))
        for nth, one in enumerate(batch):
            self._now += MICROSECOND
            if isinstance(one, Unreadable):
                self._note(one)
                continue
            if not self._touched.isdisjoint(next(needed)):
                self._loader.load_more_for(one)
            decided = decisions.decide(one, self._view, self._now)
            while self._alone and self._loader.load_streams_of(decided):  # An id that the ledger made was taken.
                decided = decisions.decide(one, self._view, self._now)
            if decided:
                self._take(decided)
            else:
                answer = repeated(one.command, self._view, self._loader.positions, self._answered)
                self._answers.append(answer._replace(repeated=nth not in self._decided_here))
        self._decided_here.update(nth for nth, answer in enumerate(self._answers) if not answer.repeated)

    def _take(self, decided: Sequence[Recorded]) -> None:
        """Fold what was decided into the view, and make it rows; the last event is the command's outcome."""
        view, rows, touched = self._view, self.rows, self._touched
        for stream, event in decided:
            claimed = view.apply(stream, event)
            self._changes.add(stream, event, len(rows), claimed)
            touched.add(stream)
            if claimed:
                touched.update(change.key for change in claimed)
            version = view.version(stream)
            rows.append((stream, version, event.EVENT_TYPE, encode(event)))
            if version % SNAPSHOT_EVENTS == 0:
                self._loader.grown_long(stream)
        stream, event = decided[-1]
        self._answered.setdefault(stream, len(rows) - 1)
        self._answers.append(Answer(event, len(rows) - 1, is_offset=True, repeated=False))

    def _note(self, found: Unreadable) -> None:
        """Tell for ever that something could not be read."""
        stream, event = _unread(found, self._now)
        self._answers.append(Answer(event, len(self.rows), is_offset=True, repeated=False))
        self._unreadable[stream] += 1
        self.rows.append((stream, self._unreadable[stream], event.EVENT_TYPE, encode(event)))

    def _count_unreadable(self, found: Sequence[Unreadable]) -> None:
        """Count what was told of these places before: a topic that is made anew begins with the same offsets."""
        names = {streams.unreadable(one.account, one.source, one.offset) for one in found}
        if names:
            self._unreadable.update(row[0] for row in self._unit.load_streams(names))

    def append(self) -> int:
        """Append it all, with snapshots of streams that were long to fold; returns the position of the first event.

        Where there is nothing to append, the position is the one that comes next. Raises Conflict.
        """
        if not self.rows:
            return self._unit.head() + 1
        first = self._unit.append(
            self._changes.append(self.rows, self._unit)._replace(not_before=self._now), self._loader.read
        )
        if self._loader.long:
            view = self._view
            states = [(name, view.version(name), write_state(view.state(name))) for name in self._loader.long]
            self._unit.put_snapshots(states, FOLD_VERSION)
        return first

    def outcomes(self, batch: Sequence[Envelope | Unreadable], first: int) -> list[Outcome]:
        """Tell what became of each command."""
        told = zip(batch, self._answers, strict=True)
        return [outcome_at(_command_id(one), answer, first, self._unit) for one, answer in told]


def repeated(command: AnyCommand, view: View, positions: dict[str, list[int]], answered: dict[str, int]) -> Answer:
    """Find the answer that a command was given before."""
    stream = streams.command(command.account, command.command_id)
    spent = cast("SpentCommand", view.state(stream))  # A repeated command was answered before.
    if fingerprint(command) != spent.answer.fingerprint:
        reused = CommandIdReused(
            command_id=command.command_id,
            occurred_at=spent.answer.occurred_at,
            command_type=spent.answer.command_type,
            fingerprint=spent.answer.fingerprint,
        )
        return Answer(reused, 0, is_offset=False, repeated=True)
    if stream in positions:
        return Answer(spent.answer, positions[stream][0], is_offset=False, repeated=True)
    return Answer(spent.answer, answered[stream], is_offset=True, repeated=True)


def _unread(found: Unreadable, now: datetime) -> tuple[str, CommandUnreadable]:
    """Tell for ever that something could not be read, on a stream of its own."""
    event = CommandUnreadable(
        command_id=found.command_id or "",
        occurred_at=now,
        source=found.source,
        offset=found.offset,
        code=found.code,
        message=found.message,
    )
    return streams.unreadable(found.account, found.source, found.offset), event


def _command_id(one: Envelope | Unreadable) -> str:
    return one.command.command_id if isinstance(one, Envelope) else one.command_id or ""


def outcome_at(command_id: str, answer: Answer, first: int, snapshot: Snapshot) -> Outcome:
    """Tell an outcome from where it is, with the append's first position."""
    position = first + answer.at if answer.is_offset else answer.at
    outcome = outcome_of(answer.event, position, command_id)
    return repeated_outcome(outcome, snapshot.recorded_at(position)) if answer.repeated else outcome
