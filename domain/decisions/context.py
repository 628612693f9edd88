"""Layer: domain. A decision while it is made: its command, the view it reads, and the events so far."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from functools import cached_property
from typing import TypedDict

from domain.language import events as e
from domain.language import streams
from domain.language.commands import AnyCommand, Command, RecordCommand
from domain.language.ids import RecordId, RecordRef, record_id_for
from domain.language.refusals import AlreadyMerged, NotFound, ObjectTypeNotActivated, RecordArchived, UnknownObjectType
from domain.language.values import PersonalValues, Value, utc
from domain.language.warned import Warned
from domain.state.account import Account
from domain.state.claims import ClaimKey
from domain.state.computed import ADDITIONAL, MERGED_IDS
from domain.state.folds import Recorded
from domain.state.needs import HeldBy, Lineage, Need
from domain.state.record import Record, evolve
from domain.state.view import View


class Meta(TypedDict):
    """The fields that every event of a decision has."""

    command_id: str
    occurred_at: datetime
    actor: str | None


class Fields(Meta):
    """The fields of every event with personal values."""

    values: PersonalValues


class Deciding:
    """A command, the view it is decided on, and the events decided so far. Nothing here changes the view."""

    def __init__(self, command: AnyCommand, view: View, now: datetime) -> None:
        self.command = command
        self.view = view
        self.now = now
        self.account_id = command.account
        self.at = now if command.occurred_at is None else utc(command.occurred_at)
        self.meta: Meta = {"command_id": command.command_id, "occurred_at": self.at, "actor": command.actor}
        self.recorded: list[Recorded] = []
        self.followed: dict[RecordId, RecordId] = {}
        self.left_out: tuple[str, ...] = ()
        self.warnings: list[Warned] = []
        self.about: RecordRef | None = None  # The record that the outcome names.
        self.merge_id: str | None = None
        self.made: set[str] = set()  # Streams that begin with this decision.

    @cached_property
    def account(self) -> Account:
        """The account's settings."""
        return self.view.account(self.account_id)

    @property
    def cause(self) -> str:
        """The cause that is recorded with a change the command itself makes."""
        return f"command:{self.command.command_id}"

    def stream(self, ref: RecordRef) -> str:
        """Name a record's stream."""
        return streams.record(self.account_id, *ref)

    def emit(self, stream: str, event: e.Event) -> None:
        """Add an event to the decision."""
        self.recorded.append((stream, event))

    def emit_on(self, ref: RecordRef, event: e.Event) -> None:
        """Add an event of a record to the decision."""
        self.emit(self.stream(ref), event)

    def warn(self, warning: Warned) -> None:
        """Add a warning to the outcome, once; a refused command has none."""
        if warning not in self.warnings:
            self.warnings.append(warning)

    def value(self, v: str) -> Value:
        """Make a personal value that is no property."""
        return Value(v, self.at)

    def values(self, record_id: RecordId, named: dict[str, Value] | None = None) -> PersonalValues:
        """Gather an event's personal values, with the command's reason among them."""
        own = {} if named is None else named
        if self.command.reason is not None:
            own = {**own, e.REASON: self.value(self.command.reason)}
        return {record_id: {**own}} if own else {}

    def fields(self, ref: RecordRef | None = None, named: dict[str, Value] | None = None) -> Fields:
        """Return the fields that every event has, with personal values of this record; None for an account's event."""
        return {
            "command_id": self.command.command_id,
            "occurred_at": self.at,
            "actor": self.command.actor,
            "values": self.values("" if ref is None else ref.record_id, named),
        }

    # -- the records it is about

    def known_type(self, object_type: str, *, active: bool = False) -> None:
        """Refuse an object type that is unknown, or with `active` one that is not activated."""
        if not self.account.knows_type(object_type):
            raise UnknownObjectType(object_type, self.account.type_meant(object_type))
        if active and not self.account.is_active(object_type):
            raise ObjectTypeNotActivated(object_type)

    def standing(self, ref: RecordRef, other: RecordRef) -> Record:
        """Return a record that can be merged with another; an old id is refused, naming the current one."""
        record = self.view.record(self.account_id, ref)
        if record is None:
            raise NotFound(ref)
        if record.status == "merged_away":
            current = self.today(ref)
            is_other = self.view.record(self.account_id, other) is not None and self.today(other) == current
            is_archived = self.is_archived(current)
            raise AlreadyMerged(*ref, current.record_id, is_archived=is_archived, is_other=is_other)
        if record.status == "archived":
            raise RecordArchived(ref.object_type, ref.record_id)
        return record

    def current(self, ref: RecordRef, *, archived: bool = False) -> RecordRef:
        """Follow an id to the record it is today, and note that it was followed."""
        self.known_type(ref.object_type)
        record = self.view.record(self.account_id, ref)
        if record is None:
            raise NotFound(ref)
        if record.status == "merged_away":
            current_id = self.view.current_id(self.account_id, ref)
            self.followed[ref.record_id] = current_id
            ref = RecordRef(ref.object_type, current_id)
            record = self.view.record(self.account_id, ref)
        if record is not None and record.status == "archived" and not archived:
            raise RecordArchived(ref.object_type, ref.record_id)
        return ref

    def subject(self, command: RecordCommand, *, archived: bool = False) -> RecordRef:
        """Follow a command's id to the record it is today, and name that in the outcome."""
        self.about = ref = self.current(command.ref, archived=archived)
        return ref

    def today(self, ref: RecordRef) -> RecordRef:
        """Return the record that an id is today."""
        return RecordRef(ref.object_type, self.view.current_id(self.account_id, ref))

    def is_archived(self, ref: RecordRef) -> bool:
        """Whether the record that an id is today is archived."""
        return self.record(self.today(ref)).status == "archived"

    def record(self, ref: RecordRef) -> Record:
        """Return a record that is known to exist, with the events decided so far folded in."""
        stream = self.stream(ref)
        state = None if stream in self.made else self.view.record(self.account_id, ref)
        for other, event in self.recorded:
            if other == stream:
                state = evolve(state, event, ref.record_id)
        if state is None:
            raise NotFound(ref)
        return state

    def is_today(self, object_type: str, record_id: RecordId, today: RecordId) -> bool:
        """Whether an id leads to this current record."""
        return record_id == today or self.view.current_id(self.account_id, RecordRef(object_type, record_id)) == today

    def own_holders(self, ref: RecordRef, key: ClaimKey) -> tuple[RecordId, ...]:
        """List the ids under which this record, or one merged into it, holds a claim."""
        return tuple(
            holder.record_id
            for holder in self.view.holders(key)
            if holder.object_type == ref.object_type and self.is_today(*holder, ref.record_id)
        )

    def new_ref(self, object_type: str, record_id: RecordId | None) -> RecordRef:
        """Return a reference for a record that does not exist yet; the ledger refuses to append to one that does."""
        ref = self._unused_ref(object_type) if record_id is None else RecordRef(object_type, record_id)
        self.made.add(self.stream(ref))
        return ref

    def _unused_ref(self, object_type: str) -> RecordRef:
        attempt = 0
        while True:
            ref = RecordRef(object_type, record_id_for(self.command.command_id, self.now, attempt))
            if self.view.peek_record(self.account_id, ref) is None:
                return ref
            attempt += 1


# -- needs that many decisions share


def nothing_more(_: Command, __: View) -> Iterable[Need]:
    """Need nothing beyond the account's settings, which every command needs."""
    return ()


def record_needs(command: RecordCommand, view: View) -> Iterator[Need]:
    """The record that a command is about, as it is today."""
    return follow_needs(view, command.account, command.ref)


def follow_needs(view: View, account_id: str, ref: RecordRef) -> Iterator[Need]:
    """A record and, if it was merged away, the record that it is today."""
    stream = streams.record(account_id, *ref)
    yield stream
    record = view.peek_record(account_id, ref)
    if record is not None and record.status == "merged_away":
        yield Lineage(stream)
        if view.has(Lineage(stream)):
            yield view.current_stream(stream)


def current_ref(view: View, account_id: str, ref: RecordRef) -> RecordRef | None:
    """Return the record that an id is today; None if that is not loaded."""
    record = view.peek_record(account_id, ref)
    if record is None:
        return None
    if record.status != "merged_away":
        return ref
    stream = streams.record(account_id, *ref)
    if not view.has(Lineage(stream)):
        return None
    return streams.record_ref(view.current_stream(stream))


def current_needs(view: View, account_id: str, ref: RecordRef) -> Iterator[Need]:
    """The record that an id is today, for decisions that do not read the id's own record."""
    lineage = Lineage(streams.record(account_id, *ref))
    yield lineage
    if view.has(lineage):
        yield view.current_stream(lineage.stream)


def lineage_needs(account_id: str, object_type: str, record_ids: tuple[RecordId, ...]) -> Iterator[Need]:
    """Which record each of these ids is today."""
    for record_id in record_ids:
        yield Lineage(streams.record(account_id, object_type, record_id))


def claim_needs(view: View, key: ClaimKey) -> Iterator[Need]:
    """The records that claim a value, by the ids they claimed it under, and as they are today."""
    yield key
    if view.has(key):
        for holder in view.holders(key):
            yield Lineage(streams.record(key.account, *holder))
            yield from follow_needs(view, key.account, holder)


def held_needs(stream: str, names: Collection[str]) -> Iterator[Need]:
    """What filters on these properties need besides the record."""
    if MERGED_IDS in names:
        yield Lineage(stream, members=True)
    for name, kind in ADDITIONAL.items():
        if name in names:
            yield HeldBy(stream, kind)
