"""Layer: domain. Making and changing records: create, update, archive, restore, recreate; and the values they read."""

from collections.abc import Iterable, Iterator, Mapping

from domain import events as e
from domain import streams
from domain.account import READ_ONLY, Account
from domain.claims import EMAIL, PRIMARY_IDENTIFIERS, SUPPRESSION, ClaimKey, property_claim
from domain.commands import ArchiveRecord, CreateRecord, RecreateRecord, RestoreRecord, UpdateRecord
from domain.deciding import Deciding, claim_needs, current_ref, follow_needs
from domain.enrolling import enroll_triggered, trigger_needs
from domain.identifiers import normalised
from domain.ids import RecordRef
from domain.record import Record
from domain.refusals import AlreadyExists, IdentifierInUse, InvalidProperty, NotFound, NotMergedAway, ReadOnlyProperty
from domain.rulesets import CREATE_DATE
from domain.values import Dressed, Plain, Sent, Source, Value, is_empty, read_typed, utc, write_instant
from domain.view import Need, View

# -- reading what was sent --------------------------------------------------------------------------------------------


def read_plain(account: Account, object_type: str, name: str, sent: Sent) -> Plain:
    """Read one sent value by its property's type, addresses and domains normalised. Raises InvalidProperty."""
    v = sent.value if isinstance(sent, Dressed) else sent
    kind = account.property_type(object_type, name)
    try:
        return normalised(object_type, name, v if kind is None else read_typed(kind, v))
    except ValueError as error:
        said = str(error)
        raise InvalidProperty(name, said if said.startswith("expected") else f"expected {kind}") from None


def read_properties(
    deciding: Deciding, object_type: str, sent: Mapping[str, Sent], source: Source = "integration"
) -> dict[str, Value]:
    """Read sent properties. Raises ReadOnlyProperty, which names all of them, or InvalidProperty."""
    if refused := [name for name in sent if name in READ_ONLY]:
        raise ReadOnlyProperty(refused)
    values: dict[str, Value] = {}
    for name, each in sent.items():
        at, of = deciding.at, source
        if isinstance(each, Dressed):
            at, of = (at if each.at is None else utc(each.at)), each.source
        values[name] = Value(read_plain(deciding.account, object_type, name, each), at, of)
    return values


def refuse_create_date(sent: Iterable[str]) -> None:
    """Only `create_record` sets the create date."""
    if CREATE_DATE in sent:
        raise ReadOnlyProperty([CREATE_DATE])


# -- claims -----------------------------------------------------------------------------------------------------------


def claimable(account: Account, object_type: str) -> tuple[str, ...]:
    """List the properties whose values lead to their record: the primary identifier and unique ones."""
    primary = PRIMARY_IDENTIFIERS.get(object_type)
    unique = account.unique_properties(object_type)
    return (primary, *unique) if primary else unique


def identifier_needs(view: View, account_id: str, object_type: str, sent: Mapping[str, Sent]) -> Iterator[Need]:
    """Who claims the values that are about to be claimed, and what is suppressed for an address."""
    settings = streams.settings(account_id)
    yield settings
    if not view.has(settings):
        return
    account = view.account(account_id)
    for name in claimable(account, object_type):
        if name in sent:
            try:
                v = read_plain(account, object_type, name, sent[name])
            except InvalidProperty:
                continue
            if not is_empty(v):
                yield from value_needs(view, account_id, object_type, name, str(v).strip())


def value_needs(view: View, account_id: str, object_type: str, name: str, v: str) -> Iterator[Need]:
    """Who claims one value, and for an address what is suppressed for it."""
    key = property_claim(account_id, object_type, name, v)
    yield from claim_needs(view, key)
    if key.kind == EMAIL:
        yield from claim_needs(view, ClaimKey(account_id, SUPPRESSION, v))


def refuse_if_claimed(deciding: Deciding, ref: RecordRef, name: str, value: Value) -> bool:
    """Refuse a value that another record has. Returns whether this record has it already."""
    key = property_claim(deciding.account_id, ref.object_type, name, value.v)
    holders = deciding.view.holders(key)
    if not holders:
        return False
    mine = deciding.own_holders(ref, key)
    if len(mine) < len(holders) and not key.is_shared:
        other = next(holder for holder in holders if holder.record_id not in mine)
        raise IdentifierInUse(name, deciding.view.current_id(deciding.account_id, other))
    return bool(mine)


def follow_suppressions(deciding: Deciding, ref: RecordRef, address: str) -> None:
    """A suppression for an address follows it to whoever has it next (H52)."""
    key = ClaimKey(deciding.account_id, SUPPRESSION, address)
    mine = {each.key for each in deciding.record(ref).suppressions}
    for holder in deciding.view.holders(key):
        current = RecordRef(holder.object_type, deciding.view.current_id(deciding.account_id, holder))
        there: Record | None = deciding.view.record(deciding.account_id, current)
        for each in there.suppressions if there is not None and current != ref else ():
            if each.address == address and each.key not in mine:
                mine.add(each.key)
                deciding.emit_on(
                    ref,
                    e.Suppressed(
                        kind=each.kind,
                        topic=each.topic,
                        since=each.at,
                        first_record_id=each.source_record_id,
                        values=deciding.values(ref.record_id, {e.ADDRESS: deciding.value(address)}),
                        **deciding.meta,
                    ),
                )


# -- create, recreate -------------------------------------------------------------------------------------------------


def create_needs(command: CreateRecord, view: View) -> Iterator[Need]:
    """Whether the id is free, who has its identifiers, and the workflows of the type."""
    if command.record_id is not None:
        yield streams.record(command.account, command.object_type, command.record_id)
    yield from identifier_needs(view, command.account, command.object_type, command.properties)
    yield from trigger_needs_of_new(view, command.account, command.object_type)


def trigger_needs_of_new(view: View, account_id: str, object_type: str) -> Iterator[Need]:
    """The workflows of a type; a record that does not exist yet has nothing else to look at."""
    del view
    yield streams.workflows(account_id, object_type)


def create_record(deciding: Deciding, command: CreateRecord) -> None:
    """Make a record."""
    deciding.known_type(command.object_type, active=True)
    ref = deciding.new_ref(command.object_type, command.record_id)
    if command.record_id is not None and deciding.view.state(deciding.stream(ref)) is not None:
        raise AlreadyExists("record", ref.record_id)
    values = read_properties(deciding, command.object_type, command.properties)
    make(deciding, ref, values, cause=deciding.cause)


def make(deciding: Deciding, ref: RecordRef, values: dict[str, Value], *, cause: str) -> None:
    """Begin a record with these values, its create date among them, and all that follows from that."""
    if CREATE_DATE not in values:
        values = {**values, CREATE_DATE: Value(write_instant(deciding.at), deciding.at)}
    begin(deciding, ref, values, cause=cause)
    enroll_triggered(deciding, ref, None)


def begin(
    deciding: Deciding, ref: RecordRef, values: dict[str, Value], *, cause: str, recreated_from: str | None = None
) -> None:
    """Decide the first event of a record, its claims, and the suppressions that follow its address."""
    deciding.about = ref
    claimed = []
    for name in claimable(deciding.account, ref.object_type):
        value = values.get(name)
        if value is not None and not is_empty(value.v):
            refuse_if_claimed(deciding, ref, name, value)
            claimed.append(name)
    deciding.emit_on(
        ref,
        e.RecordCreated(
            cause=cause,
            claimed=tuple(claimed),
            recreated_from=recreated_from,
            values=deciding.values(ref.record_id, values),
            **deciding.meta,
        ),
    )
    if EMAIL in claimed:
        follow_suppressions(deciding, ref, str(values[EMAIL].v))


def recreate_needs(command: RecreateRecord, view: View) -> Iterator[Need]:
    """The merged-away record, whether the new id is free, and who has its identifiers now."""
    account_id, object_type = command.account, command.object_type
    stream = streams.record(account_id, object_type, command.record_id)
    yield stream
    if command.new_record_id is not None:
        yield streams.record(account_id, object_type, command.new_record_id)
    old = view.peek(stream)
    if isinstance(old, Record):
        sent = {name: value.v for name, value in old.properties.items()}
        yield from identifier_needs(view, account_id, object_type, sent)
    yield from trigger_needs_of_new(view, account_id, object_type)


def recreate_record(deciding: Deciding, command: RecreateRecord) -> None:
    """Make a new record with the values a merged-away one had; its suppressions come too, taken identifiers do not."""
    deciding.known_type(command.object_type, active=True)
    old_ref = RecordRef(command.object_type, command.record_id)
    old = deciding.view.record(deciding.account_id, old_ref)
    if old is None:
        raise NotFound(old_ref)
    if old.status != "merged_away":
        raise NotMergedAway(*old_ref)
    ref = deciding.new_ref(command.object_type, command.new_record_id)
    if command.new_record_id is not None and deciding.view.state(deciding.stream(ref)) is not None:
        raise AlreadyExists("record", ref.record_id)
    values = {name: value for name, value in old.properties.items() if not is_empty(value.v)}
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
    there = {each.key for each in deciding.record(ref).suppressions}
    for each in old.suppressions:
        if each.key not in there:
            address = {} if each.address is None else {e.ADDRESS: deciding.value(each.address)}
            deciding.emit_on(
                ref,
                e.Suppressed(
                    kind=each.kind,
                    topic=each.topic,
                    since=each.at,
                    first_record_id=each.source_record_id,
                    values=deciding.values(ref.record_id, address),
                    **deciding.meta,
                ),
            )
    enroll_triggered(deciding, ref, None)


# -- update, archive, restore -----------------------------------------------------------------------------------------


def update_needs(command: UpdateRecord, view: View) -> Iterator[Need]:
    """The record as it is today, who has the identifiers it had and gets, and the workflows of the type."""
    ref = RecordRef(command.object_type, command.record_id)
    yield from follow_needs(view, command.account, ref)
    yield from identifier_needs(view, command.account, command.object_type, command.properties)
    current = current_ref(view, command.account, ref)
    if current is not None:
        yield from changed_needs(view, command.account, current, command.properties)


def changed_needs(view: View, account_id: str, ref: RecordRef, names: Iterable[str]) -> Iterator[Need]:
    """Who claims the values that these properties of a record have, and what triggers look at."""
    record = view.peek(streams.record(account_id, *ref))
    settings = streams.settings(account_id)
    if isinstance(record, Record) and view.has(settings):
        for name in claimable(view.account(account_id), ref.object_type):
            old = record.value(name)
            if name in names and old is not None:
                yield from claim_needs(view, property_claim(account_id, ref.object_type, name, old.v))
    yield from trigger_needs(view, account_id, ref)


def update_record(deciding: Deciding, command: UpdateRecord) -> None:
    """Set properties of the record that this id leads to today."""
    ref = deciding.current(RecordRef(command.object_type, command.record_id))
    refuse_create_date(command.properties)
    values = read_properties(deciding, command.object_type, command.properties)
    change(deciding, ref, values, cause=deciding.cause)


def change(deciding: Deciding, ref: RecordRef, values: dict[str, Value], *, cause: str) -> None:
    """Decide a change of values: what it claims and frees, and whom it enrolls."""
    deciding.about = ref
    if not values:
        return
    before = deciding.record(ref)
    own = dict(values)
    claimed, released = [], {}
    for name in claimable(deciding.account, ref.object_type):
        new, old = values.get(name), before.value(name)
        if new is None or (old is not None and new.v == old.v):
            continue
        is_mine = not is_empty(new.v) and refuse_if_claimed(deciding, ref, name, new)
        if not is_empty(new.v) and not is_mine:
            claimed.append(name)
        if old is not None and not (is_mine and name == PRIMARY_IDENTIFIERS.get(ref.object_type)):
            key = property_claim(deciding.account_id, ref.object_type, name, old.v)
            released[name] = deciding.own_holders(ref, key)
            own[e.RELEASED + name] = old
    deciding.emit_on(
        ref,
        e.RecordUpdated(
            cause=cause,
            claimed=tuple(claimed),
            released=released,
            values=deciding.values(ref.record_id, own),
            **deciding.meta,
        ),
    )
    if EMAIL in claimed:
        follow_suppressions(deciding, ref, str(values[EMAIL].v))
    enroll_triggered(deciding, ref, before)


def archive_record(deciding: Deciding, command: ArchiveRecord) -> None:
    """Take a record out of search, segments and workflows."""
    deciding.about = ref = deciding.current(RecordRef(command.object_type, command.record_id))
    deciding.emit_on(ref, e.RecordArchived(values=deciding.values(ref.record_id), **deciding.meta))


def restore_record(deciding: Deciding, command: RestoreRecord) -> None:
    """Bring an archived record back; one that is active stays so."""
    ref = RecordRef(command.object_type, command.record_id)
    deciding.about = ref = deciding.current(ref, archived=True)
    if deciding.record(ref).status == "archived":
        deciding.emit_on(ref, e.RecordRestored(values=deciding.values(ref.record_id), **deciding.meta))
