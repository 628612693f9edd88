"""Layer: domain. The view that decisions read: the folded state of every stream they need.

Whoever runs decisions fills it (the ledger from its store, a test from given events) with what
`needs` asks for. Reading something that was not loaded is a bug and raises `NotLoaded`; a stream
that does not exist is loaded as absent.
"""

from collections.abc import Iterable, Iterator

from domain.language import events as e
from domain.language import streams
from domain.language.ids import AccountId, RecordId, RecordRef
from domain.language.outcomes import SpentCommand
from domain.state.account import DEFAULT_SETTINGS, Account, Segment, Workflows
from domain.state.claims import ClaimChange, ClaimKey
from domain.state.folds import State, claims_changed, fold
from domain.state.needs import HeldBy, Lineage, Need, NotLoaded
from domain.state.record import Record


class View:
    """States, versions, claims and lineages that were loaded, kept up to date by `apply`."""

    def __init__(self) -> None:
        """Begin with nothing loaded."""
        self._states: dict[str, State | None] = {}
        self._versions: dict[str, int] = {}
        self._unfolded: dict[str, list[e.Event]] = {}  # Applied, and folded in when the state is read.
        self._claims: dict[ClaimKey, tuple[RecordRef, ...]] = {}
        self._held: dict[HeldBy, dict[str, tuple[RecordRef, ...]]] = {}  # Values with their holders.
        self._current: dict[str, str] = {}  # Record stream to a later one of its lineage.
        self._members: dict[str, tuple[RecordId, ...]] = {}
        self._begun: set[str] = set()  # Records that did not exist when loaded.
        # What `apply` changed: it is applied again to older facts that are loaded later.
        self._sides: dict[str, tuple[str, str]] = {}
        self._claimed: dict[ClaimKey, list[ClaimChange]] = {}
        self._claimed_on: dict[str, list[ClaimChange]] = {}  # By the stream of the event.

    # -- loading

    def unmet(self, need: Need) -> Iterator[Need]:
        """Yield what must be loaded for this need; nothing if it is loaded already."""
        if isinstance(need, str):
            if need not in self._states:
                yield need
        elif isinstance(need, ClaimKey):
            if need not in self._claims:
                yield need
        elif isinstance(need, Lineage) and not need.members:
            if need.stream not in self._current:
                yield need
        elif need.stream in self._sides:  # Merged by an earlier decision: it has what its sides had.
            for side in self._sides[need.stream]:
                yield from self.unmet(need._replace(stream=side))
        elif need.stream not in self._begun and (
            need not in self._held if isinstance(need, HeldBy) else need.stream not in self._members
        ):
            yield need

    def missing(self, needs: Iterable[Need]) -> list[Need]:
        """List what must be loaded for these needs."""
        states = self._states
        wanted: list[Need] = []
        for need in needs:
            if need.__class__ is not str:
                wanted.extend(self.unmet(need))
            elif need not in states:
                wanted.append(need)
        return wanted

    def put(self, stream: str, state: State | None, version: int) -> None:
        """Load a stream's state and how many events it has; None and 0 if it does not exist."""
        self._states[stream] = state
        self._versions[stream] = version
        if not version and streams.kind_of(stream) == streams.RECORDS:
            self._begun.add(stream)
            self._current.setdefault(stream, stream)

    def put_claim(self, key: ClaimKey, holders: Iterable[RecordRef]) -> None:
        """Load who claims this."""
        self._claims[key] = _changed(tuple(holders), self._claimed.get(key, ()))

    def put_lineage(self, stream: str, current: str, members: tuple[RecordId, ...] | None = None) -> None:
        """Load which record a record is today (itself if it never merged), and optionally all ids merged into it."""
        self._current.setdefault(stream, current)
        if members is not None:
            self._members[stream] = members

    def put_held(self, need: HeldBy, values: dict[str, tuple[RecordRef, ...]]) -> None:
        """Load every value of one kind that a record claims, with the ids that claim it."""
        self._held[need] = values

    # -- reading

    def peek(self, stream: str) -> State | None:
        """Return a stream's state; None if it is not loaded or does not exist."""
        if stream in self._unfolded:
            self._states[stream] = fold(stream, self._states[stream], self._unfolded.pop(stream))
        return self._states.get(stream)

    def peek_record(self, account: AccountId, ref: RecordRef) -> Record | None:
        """Return a record; None if it is not loaded or does not exist."""
        state = self.peek(streams.record(account, *ref))
        return state if isinstance(state, Record) else None

    def peek_account(self, account: AccountId) -> Account | None:
        """Return the account's settings; None if they are not loaded."""
        stream = streams.settings(account)
        if stream not in self._states:
            return None
        state = self.peek(stream)
        return state if isinstance(state, Account) else DEFAULT_SETTINGS

    def peek_workflows(self, account: AccountId, object_type: str) -> Workflows | None:
        """Return the workflows of a type; None if they are not loaded or none is defined."""
        state = self.peek(streams.workflows(account, object_type))
        return state if isinstance(state, Workflows) else None

    def has(self, need: Need) -> bool:
        """Whether this need is met."""
        return next(self.unmet(need), None) is None

    def state(self, stream: str) -> State | None:
        """Return a stream's state; None if it does not exist."""
        if stream not in self._states:
            raise NotLoaded(stream)
        return self.peek(stream)

    def exists(self, stream: str) -> bool:
        """Whether a stream has events."""
        return self.state(stream) is not None

    def version(self, stream: str) -> int:
        """Count the events of a loaded stream; its last event has this version."""
        try:
            return self._versions[stream]
        except KeyError:
            raise NotLoaded(stream) from None

    def account(self, account: AccountId) -> Account:
        """Return the account's settings."""
        state = self.state(streams.settings(account))
        return state if isinstance(state, Account) else DEFAULT_SETTINGS

    def record(self, account: AccountId, ref: RecordRef) -> Record | None:
        """Return a record; None if it does not exist."""
        state = self.state(streams.record(account, *ref))
        return state if isinstance(state, Record) else None

    def segment(self, account: AccountId, segment_id: str) -> Segment | None:
        """Return the definition of a segment; None if it does not exist."""
        state = self.state(streams.segment(account, segment_id))
        return state if isinstance(state, Segment) else None

    def workflows(self, account: AccountId, object_type: str) -> Workflows:
        """Return the workflows of a type."""
        state = self.state(streams.workflows(account, object_type))
        return state if isinstance(state, Workflows) else Workflows()

    def spent(self, account: AccountId, command_id: str) -> SpentCommand | None:
        """Return what a command id was spent on; None if it was not spent."""
        state = self.state(streams.command(account, command_id))
        return state if isinstance(state, SpentCommand) else None

    def holders(self, key: ClaimKey) -> tuple[RecordRef, ...]:
        """List the ids that claim this, as they claimed it."""
        try:
            return self._claims[key]
        except KeyError:
            raise NotLoaded(key) from None

    def current_stream(self, stream: str) -> str:
        """Follow a record's stream to that of the record it is today."""
        at = stream
        while (step := self._current.get(at, at)) != at:
            at = step
        if at != stream:  # Keeps a long batch of merges on one lineage fast.
            self._current[stream] = at
        elif stream not in self._current:
            state = self.peek(stream)
            if not isinstance(state, Record) or state.status == "merged_away":
                raise NotLoaded(Lineage(stream))
        return at

    def current_id(self, account: AccountId, ref: RecordRef) -> RecordId:
        """Return the id of the record that this one is today."""
        return streams.record_id_of(self.current_stream(streams.record(account, *ref)))

    def members(self, stream: str) -> tuple[RecordId, ...]:
        """List every id merged into the record of this stream, earliest merge first, without its own."""
        if stream in self._sides:
            primary, secondary = self._sides[stream]
            return (
                *self.members(primary),
                streams.record_id_of(primary),
                *self.members(secondary),
                streams.record_id_of(secondary),
            )
        if stream in self._begun:
            return ()
        try:
            return self._members[stream]
        except KeyError:
            raise NotLoaded(Lineage(stream, members=True)) from None

    def held(self, stream: str, kind: str) -> set[str]:
        """List the values of one kind that the record of this stream claims, under any id merged into it."""
        values: dict[str, set[RecordRef]] = {}
        for member in self._merged_in_batch(stream):
            need = HeldBy(member, kind)
            if need not in self._held and member not in self._begun and member not in self._sides:
                raise NotLoaded(need)
            for value, holders in self._held.get(need, {}).items():
                values.setdefault(value, set()).update(holders)
            for change in self._claimed_on.get(member, ()):
                if change.key.kind != kind:
                    continue
                holding = values.setdefault(change.key.value, set())
                if change.held:
                    holding.add(change.holder)
                else:
                    holding.discard(change.holder)
        return {value for value, holders in values.items() if holders}

    def _merged_in_batch(self, stream: str) -> Iterator[str]:
        """Yield the records merged into this one by earlier decisions, oldest first, then itself."""
        for side in self._sides.get(stream, ()):
            yield from self._merged_in_batch(side)
        yield stream

    # -- applying what is decided

    def apply(self, stream: str, event: e.Event) -> list[ClaimChange]:
        """Add a decided event, so that the next decision sees it; return the changes of claims that it makes."""
        self._states.setdefault(stream, None)
        self._unfolded.setdefault(stream, []).append(event)  # Most are not read again.
        self._versions[stream] = self._versions.get(stream, 0) + 1
        changed = [*claims_changed(stream, event)]
        if changed:
            self._claimed_on.setdefault(stream, []).extend(changed)
        for change in changed:
            self._claimed.setdefault(change.key, []).append(change)
            if change.key in self._claims:
                self._claims[change.key] = _changed(self._claims[change.key], (change,))
        if isinstance(event, e.RecordsMerged):
            sides = streams.sides(stream, event.primary_id, event.secondary_id)
            self._sides[stream] = sides
            self._current.update(dict.fromkeys((stream, *sides), stream))
        return changed


def _changed(holders: tuple[RecordRef, ...], changes: Iterable[ClaimChange]) -> tuple[RecordRef, ...]:
    for change in changes:
        holders = tuple(holder for holder in holders if holder != change.holder)
        if change.held:
            holders = (*holders, change.holder)
    return holders
