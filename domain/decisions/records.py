"""Layer: domain. Creates, updates, archives, restores and recreates records."""

from collections.abc import Iterable, Iterator

from domain.decisions.context import Deciding, claim_needs, current_ref, record_needs
from domain.decisions.properties import (
    claimable,
    identifier_needs,
    read_properties,
    refuse_create_date,
    refuse_if_claimed,
    warn_of_unknown_stage,
)
from domain.decisions.suppressions import carry_over, follow_suppressions
from domain.decisions.workflows import enroll_triggered, trigger_needs
from domain.language import events as e
from domain.language import streams
from domain.language.commands import ArchiveRecord, CreateRecord, RecreateRecord, RestoreRecord, UpdateRecord
from domain.language.ids import RecordRef
from domain.language.refusals import AlreadyExists, IdentifierInUse, NotFound, NotMergedAway
from domain.language.values import Value, is_empty, write_instant
from domain.state.claims import EMAIL, property_claim
from domain.state.needs import Need
from domain.state.view import View
from domain.survivorship.rulesets import CREATE_DATE

# -- create, recreate -------------------------------------------------------------------------------------------------


def create_needs(command: CreateRecord, view: View) -> Iterator[Need]:
    """Whether the id is unused, which records have its identifiers, and the workflows of the type."""
    if command.record_id is not None:
        yield streams.record(command.account, command.object_type, command.record_id)
    yield from identifier_needs(view, command.account, command.object_type, command.properties)
    yield from trigger_needs_of_new(command.account, command.object_type)


def trigger_needs_of_new(account_id: str, object_type: str) -> Iterator[Need]:
    """The workflows of a type; a record that does not exist yet has nothing else to look at."""
    yield streams.workflows(account_id, object_type)


def create_record(deciding: Deciding, command: CreateRecord) -> None:
    """Create a record."""
    deciding.known_type(command.object_type, active=True)
    ref = deciding.new_ref(command.object_type, command.record_id)
    if command.record_id is not None and deciding.view.exists(deciding.stream(ref)):
        raise AlreadyExists("record", ref.record_id)
    values = read_properties(deciding, command.object_type, command.properties)
    make(deciding, ref, values, cause=deciding.cause)


def make(deciding: Deciding, ref: RecordRef, values: dict[str, Value], *, cause: str) -> None:
    """Create a record with these values and a create date, and enroll it by its triggers."""
    if CREATE_DATE not in values:
        values = {**values, CREATE_DATE: Value(write_instant(deciding.at), deciding.at)}
    begin(deciding, ref, values, cause=cause)
    enroll_triggered(deciding, ref, None)


def begin(
    deciding: Deciding, ref: RecordRef, values: dict[str, Value], *, cause: str, recreated_from: str | None = None
) -> None:
    """Decide the first event of a record, its claims, and the suppressions that follow its address."""
    deciding.about = ref
    warn_of_unknown_stage(deciding, ref, values)
    claimed = []
    for name in claimable(deciding.account, ref.object_type):
        value = values.get(name)
        if value is not None and not is_empty(value.v):
            refuse_if_claimed(deciding, ref, name, value)
            claimed.append(name)
    deciding.emit_on(
        ref,
        e.RecordCreated(
            cause=cause, claimed=tuple(claimed), recreated_from=recreated_from, **deciding.fields(ref, values)
        ),
    )
    if EMAIL in claimed:
        follow_suppressions(deciding, ref, str(values[EMAIL].v))


def recreate_needs(command: RecreateRecord, view: View) -> Iterator[Need]:
    """The merged-away record, whether the new id is unused, and which records have its identifiers now."""
    account_id, object_type = command.account, command.object_type
    yield streams.record(account_id, *command.ref)
    if command.new_record_id is not None:
        yield streams.record(account_id, object_type, command.new_record_id)
    old = view.peek_record(account_id, command.ref)
    if old is not None:
        sent = {name: value.v for name, value in old.properties.items()}
        yield from identifier_needs(view, account_id, object_type, sent)
    yield from trigger_needs_of_new(account_id, object_type)


def recreate_record(deciding: Deciding, command: RecreateRecord) -> None:
    """Make a new record with the values of a merged-away one and its suppressions; taken identifiers stay (H54)."""
    deciding.known_type(command.object_type, active=True)
    old_ref = command.ref
    old = deciding.view.record(deciding.account_id, old_ref)
    if old is None:
        raise NotFound(old_ref)
    if old.status != "merged_away":
        raise NotMergedAway(*old_ref)
    ref = deciding.new_ref(command.object_type, command.new_record_id)
    if command.new_record_id is not None and deciding.view.exists(deciding.stream(ref)):
        raise AlreadyExists("record", ref.record_id)
    values = dict(old.properties)
    left_out = []
    for name in claimable(deciding.account, command.object_type):
        if name in values:
            try:
                refuse_if_claimed(deciding, ref, name, values[name])
            except IdentifierInUse:
                left_out.append(name)
                del values[name]
    deciding.left_out = tuple(left_out)
    begin(deciding, ref, values, cause=f"recreate:{command.record_id}", recreated_from=command.record_id)
    suppressed = {each.key for each in deciding.record(ref).suppressions}
    for each in old.suppressions:
        if each.key not in suppressed:
            carry_over(deciding, ref, each)
    enroll_triggered(deciding, ref, None)


# -- update, archive, restore -----------------------------------------------------------------------------------------


def update_needs(command: UpdateRecord, view: View) -> Iterator[Need]:
    """The record as it is today, which records have its old and new identifiers, and the workflows of the type."""
    yield from record_needs(command, view)
    yield from identifier_needs(view, command.account, command.object_type, command.properties)
    current = current_ref(view, command.account, command.ref)
    if current is not None:
        yield from changed_needs(view, command.account, current, command.properties)


def changed_needs(view: View, account_id: str, ref: RecordRef, names: Iterable[str]) -> Iterator[Need]:
    """The records that claim a record's values of these properties, and what triggers read."""
    record, account = view.peek_record(account_id, ref), view.peek_account(account_id)
    if record is not None and account is not None:
        for name in claimable(account, ref.object_type):
            old = record.value(name)
            if name in names and old is not None:
                yield from claim_needs(view, property_claim(account_id, ref.object_type, name, old.v))
    yield from trigger_needs(view, account_id, ref)


def update_record(deciding: Deciding, command: UpdateRecord) -> None:
    """Set properties of the record that this id leads to today."""
    ref = deciding.current(command.ref)
    refuse_create_date(command.properties)
    values = read_properties(deciding, command.object_type, command.properties)
    change(deciding, ref, values, cause=deciding.cause)


def change(deciding: Deciding, ref: RecordRef, values: dict[str, Value], *, cause: str) -> None:
    """Decide a change of values: what it claims and releases, and the workflows that it enrolls in."""
    deciding.about = ref
    if not values:
        return
    warn_of_unknown_stage(deciding, ref, values)
    before = deciding.record(ref)
    own = dict(values)
    claimed, released = [], {}
    for name in claimable(deciding.account, ref.object_type):
        new, old = values.get(name), before.value(name)
        if new is None:
            continue
        is_mine = not is_empty(new.v) and refuse_if_claimed(deciding, ref, name, new)
        if not is_empty(new.v) and not is_mine:  # Also of a value set before its property was defined unique.
            claimed.append(name)
        if old is not None and new.v != old.v and not is_mine:  # To an own one, the old one becomes additional.
            key = property_claim(deciding.account_id, ref.object_type, name, old.v)
            released[name] = deciding.own_holders(ref, key)
            own[e.RELEASED + name] = old
    deciding.emit_on(
        ref, e.RecordUpdated(cause=cause, claimed=tuple(claimed), released=released, **deciding.fields(ref, own))
    )
    if EMAIL in claimed:
        follow_suppressions(deciding, ref, str(values[EMAIL].v))
    enroll_triggered(deciding, ref, before)


def archive_record(deciding: Deciding, command: ArchiveRecord) -> None:
    """Archive a record, which leaves search, segments and workflows."""
    ref = deciding.subject(command)
    deciding.emit_on(ref, e.RecordArchived(**deciding.fields(ref)))


def restore_record(deciding: Deciding, command: RestoreRecord) -> None:
    """Restore an archived record; an active one stays active."""
    ref = deciding.subject(command, archived=True)
    restore(deciding, ref, cause=deciding.cause)


def restore(deciding: Deciding, ref: RecordRef, *, cause: str) -> None:
    """Restore a record if it is archived."""
    if deciding.record(ref).status == "archived":
        deciding.emit_on(ref, e.RecordRestored(cause=cause, **deciding.fields(ref)))
