"""Layer: domain. The view that decisions read: the folded state of every stream they need.

Whoever runs decisions fills it (the ledger from its store, a test from given events) with what
`needs` asks for. To look at something that was not loaded is a bug and raises `NotLoaded`; a
stream that does not exist is loaded as absent.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from domain.language import events as e
from domain.language import outcomes, streams
from domain.language.ids import AccountId, RecordId, RecordRef
from domain.language.outcomes import SpentCommand
from domain.state import account as accounts
from domain.state import record
from domain.state.account import Account, Segment, Workflows
from domain.state.claims import CLAIMING, ClaimChange, ClaimKey, claim_changes
from domain.state.record import Record


class NotLoaded(LookupError):  # noqa: N818  names what is missing
    """A decision looked at something that its `needs` did not ask for."""


class Lineage(NamedTuple):
    """A need: which record the one of this stream is today, and with `members` all ids folded into that."""

    stream: str
    members: bool = False


class HeldBy(NamedTuple):
    """A need: every claim of one kind that the record of this stream, or an id folded into it, holds."""

    stream: str
    kind: str


Need: TypeAlias = str | ClaimKey | Lineage | HeldBy  # A plain text is a stream's name.
Recorded: TypeAlias = tuple[str, e.Event]  # The stream, and what is appended to it.


# Raised with every change of a fold that gives another state for the same events: older snapshots are void then.
FOLD_VERSION: Final = 2
_STATE_TYPES: Final[dict[str, type]] = {
    streams.RECORDS: Record,
    streams.SETTINGS: Account,
    streams.SEGMENTS: Segment,
    streams.WORKFLOWS: Workflows,
}


def state_type(stream: str) -> type | None:
    """Tell the type of a stream's state, where it is worth keeping; None for streams that stay short."""
    return _STATE_TYPES.get(stream.split("/", 2)[1])


class Exists(NamedTuple):
    """The state of a stream that decisions only need to know exists (an activity, an association)."""


def evolve(stream: str, state: Any, event: e.Event) -> Any:  # noqa: ANN401  each kind of stream has its own state
    """Fold one fact into the state of its stream, whatever kind of stream it is."""
    name = streams.parse(stream)
    if name.kind == streams.RECORDS:
        return record.evolve(state, event, name.key.split("/", 1)[1])
    if name.kind == streams.COMMANDS:
        return outcomes.evolve_command(state, event)
    if name.kind == streams.SETTINGS:
        return accounts.evolve(state, event)
    if name.kind == streams.SEGMENTS:
        return accounts.evolve_segment(state, event)
    if name.kind == streams.WORKFLOWS:
        return accounts.evolve_workflows(state, (event,))
    return Exists()


def fold(stream: str, state: Any, events: Iterable[e.Event]) -> Any:  # noqa: ANN401  as `evolve`
    """Fold facts into the state of their stream, in order."""
    if streams.parse(stream).kind == streams.WORKFLOWS:  # One state of many parts, which each event would copy.
        return accounts.evolve_workflows(state, events)
    for event in events:
        state = evolve(stream, state, event)
    return state


def claims_changed(stream: str, event: e.Event) -> Iterable[ClaimChange]:
    """Tell what an event changes about claims, whatever stream it is on."""
    if event.__class__ not in CLAIMING:
        return ()
    name = streams.parse(stream)
    if name.kind == streams.RECORDS:
        object_type, record_id = name.key.split("/", 1)
        return claim_changes(name.account, object_type, record_id, event)
    if isinstance(event, e.WorkflowDefined):
        key = ClaimKey(name.account, "workflow", event.workflow_id)
        return (ClaimChange(key, RecordRef(name.key, event.workflow_id), held=True),)
    return ()


class View:
    """States, versions, claims and lineages that were loaded, kept up to date by `apply`."""

    def __init__(self) -> None:
        """Begin with nothing loaded."""
        self._states: dict[str, Any] = {}
        self._versions: dict[str, int] = {}
        self._unfolded: dict[str, list[e.Event]] = {}  # Applied, and folded in when somebody looks.
        self._claims: dict[ClaimKey, tuple[RecordRef, ...]] = {}
        self._held: dict[HeldBy, dict[str, tuple[RecordRef, ...]]] = {}  # Values with their holders.
        self._current: dict[str, str] = {}  # Record stream to record stream, a step or more.
        self._members: dict[str, tuple[RecordId, ...]] = {}
        self._begun: set[str] = set()  # Records that did not exist: whatever they have, decisions gave them.
        # What `apply` changed, so that what is loaded later from before it can be brought up to date.
        self._sides: dict[str, tuple[str, str]] = {}
        self._claimed: dict[ClaimKey, list[ClaimChange]] = {}
        self._claimed_on: dict[str, list[ClaimChange]] = {}  # By the stream of the event: a record changes its own.

    # -- loading

    def unmet(self, need: Need) -> Iterator[Need]:
        """Tell what must be loaded for this need; nothing where it is here already."""
        if isinstance(need, str):
            if need not in self._states:
                yield need
        elif isinstance(need, ClaimKey):
            if need not in self._claims:
                yield need
        elif isinstance(need, Lineage) and not need.members:
            if need.stream not in self._current:
                yield need
        elif need.stream in self._sides:  # Made by an earlier decision: what it has is what its sides had.
            for side in self._sides[need.stream]:
                yield from self.unmet(need._replace(stream=side))
        elif need.stream not in self._begun and (
            need not in self._held if isinstance(need, HeldBy) else need.stream not in self._members
        ):
            yield need

    def missing(self, needs: Iterable[Need]) -> list[Need]:
        """Tell what must be loaded for these needs."""
        states = self._states
        wanted: list[Need] = []
        for need in needs:
            if need.__class__ is not str:
                wanted.extend(self.unmet(need))
            elif need not in states:
                wanted.append(need)
        return wanted

    def put(self, stream: str, state: Any, version: int) -> None:  # noqa: ANN401
        """Load a stream's state and how many events it has; None and 0 for one that does not exist."""
        self._states[stream] = state
        self._versions[stream] = version
        if not version and streams.parse(stream).kind == streams.RECORDS:
            self._begun.add(stream)
            self._current.setdefault(stream, stream)

    def put_claim(self, key: ClaimKey, holders: Iterable[RecordRef]) -> None:
        """Load who claims this."""
        self._claims[key] = _changed(tuple(holders), self._claimed.get(key, ()))

    def put_lineage(self, stream: str, current: str, members: tuple[RecordId, ...] | None = None) -> None:
        """Load which record a record is today (itself, where it never merged), and maybe all ids folded into it."""
        self._current.setdefault(stream, current)
        if members is not None:
            self._members[stream] = members

    def put_held(self, need: HeldBy, values: dict[str, tuple[RecordRef, ...]]) -> None:
        """Load all that a record claims of one kind, with the ids that it is claimed under."""
        self._held[need] = values

    # -- reading

    def peek(self, stream: str) -> Any:  # noqa: ANN401
        """Look up a stream's state as far as it is loaded; None where it is not, or does not exist."""
        if stream in self._unfolded:
            self._states[stream] = fold(stream, self._states[stream], self._unfolded.pop(stream))
        return self._states.get(stream)

    def has(self, need: Need) -> bool:
        """Whether this need is met."""
        return next(self.unmet(need), None) is None

    def state(self, stream: str) -> Any:  # noqa: ANN401
        """Look up a stream's state; None where it does not exist."""
        if stream not in self._states:
            raise NotLoaded(stream)
        return self.peek(stream)

    def version(self, stream: str) -> int:
        """Count the events of a loaded stream; its last event has this version."""
        try:
            return self._versions[stream]
        except KeyError:
            raise NotLoaded(stream) from None

    def account(self, account: AccountId) -> Account:
        """Look up the account's settings."""
        found: Account | None = self.state(streams.settings(account))
        return accounts.DEFAULT_SETTINGS if found is None else found

    def record(self, account: AccountId, ref: RecordRef) -> Record | None:
        """Look up a record."""
        found: Record | None = self.state(streams.record(account, *ref))
        return found

    def segment(self, account: AccountId, segment_id: str) -> Segment | None:
        """Look up a segment."""
        found: Segment | None = self.state(streams.segment(account, segment_id))
        return found

    def workflows(self, account: AccountId, object_type: str) -> Workflows:
        """Look up the workflows of a type."""
        found: Workflows | None = self.state(streams.workflows(account, object_type))
        return Workflows() if found is None else found

    def spent(self, account: AccountId, command_id: str) -> SpentCommand | None:
        """Look up what a command id was spent on."""
        found: SpentCommand | None = self.state(streams.command(account, command_id))
        return found

    def holders(self, key: ClaimKey) -> tuple[RecordRef, ...]:
        """Look up who claims this, by the ids they claimed it under."""
        try:
            return self._claims[key]
        except KeyError:
            raise NotLoaded(key) from None

    def current_stream(self, stream: str) -> str:
        """Follow a record's stream to that of the record it is today."""
        at = stream
        while (step := self._current.get(at, at)) != at:
            at = step
        if at != stream:  # Shortened, so that a long batch of merges on one lineage stays fast.
            self._current[stream] = at
        elif stream not in self._current:
            found = self.peek(stream)
            if not isinstance(found, Record) or found.status == "merged_away":
                raise NotLoaded(Lineage(stream))
        return at

    def current_id(self, account: AccountId, ref: RecordRef) -> RecordId:
        """Name the record that this one is today."""
        return self.current_stream(streams.record(account, *ref)).rsplit("/", 1)[1]

    def members(self, stream: str) -> tuple[RecordId, ...]:
        """List every id folded into the record of this stream, earliest merge first, without its own."""
        if stream in self._sides:
            return tuple(
                member for side in self._sides[stream] for member in (*self.members(side), side.rsplit("/", 1)[1])
            )
        if stream in self._begun:
            return ()
        try:
            return self._members[stream]
        except KeyError:
            raise NotLoaded(Lineage(stream, members=True)) from None

    def held(self, stream: str, kind: str) -> set[str]:
        """List the values of one kind that the record of this stream claims, under any id folded into it."""
        values: dict[str, set[RecordRef]] = {}
        for one in self._made_of(stream):
            if (need := HeldBy(one, kind)) not in self._held and one not in self._begun and one not in self._sides:
                raise NotLoaded(need)
            for value, holders in self._held.get(need, {}).items():
                values.setdefault(value, set()).update(holders)
            for change in self._claimed_on.get(one, ()):
                if change.key.kind == kind:
                    (set.add if change.held else set.discard)(values.setdefault(change.key.value, set()), change.holder)
        return {value for value, holders in values.items() if holders}

    def _made_of(self, stream: str) -> Iterator[str]:
        """Go through a record and those that earlier decisions made it of, what was before what it became."""
        for side in self._sides.get(stream, ()):
            yield from self._made_of(side)
        yield stream

    # -- following what is decided

    def apply(self, stream: str, event: e.Event) -> list[ClaimChange]:
        """Fold a new event in, so that the next decision sees it; returns what it changes about claims."""
        self._states.setdefault(stream, None)
        self._unfolded.setdefault(stream, []).append(event)  # Most records are not looked at again in a batch.
        self._versions[stream] = self._versions.get(stream, 0) + 1
        changed = [*claims_changed(stream, event)]
        if changed:
            self._claimed_on.setdefault(stream, []).extend(changed)
        for change in changed:
            self._claimed.setdefault(change.key, []).append(change)
            if change.key in self._claims:
                self._claims[change.key] = _changed(self._claims[change.key], (change,))
        if isinstance(event, e.RecordsMerged):
            prefix = stream.rsplit("/", 1)[0]
            sides = f"{prefix}/{event.primary_id}", f"{prefix}/{event.secondary_id}"
            self._sides[stream] = sides
            self._current.update({stream: stream, sides[0]: stream, sides[1]: stream})
        return changed


def _changed(holders: tuple[RecordRef, ...], changes: Iterable[ClaimChange]) -> tuple[RecordRef, ...]:
    for change in changes:
        holders = tuple(holder for holder in holders if holder != change.holder)
        if change.held:
            holders = (*holders, change.holder)
    return holders
