"""Layer: domain. Whom an identifier leads to: additional addresses and domains (H52, H53), forms (H20 to H23)."""

from collections.abc import Iterator

from domain import events as e
from domain import streams
from domain.claiming import (
    follow_suppressions,
    identifier_needs,
    read_properties,
    refuse_create_date,
    refuse_if_claimed,
    value_needs,
)
from domain.claims import EMAIL, PRIMARY_IDENTIFIERS, USERTOKEN, ClaimKey
from domain.commands import AddIdentifier, IdentifierCommand, RemoveIdentifier, SetPrimaryIdentifier, SubmitForm
from domain.deciding import Deciding, claim_needs, current_ref, follow_needs
from domain.editing import change, changed_needs, make, restore
from domain.enrolling import enroll_triggered, trigger_needs
from domain.identifiers import normal_domain, normal_email
from domain.ids import RecordRef
from domain.record import Record
from domain.refusals import AlreadyExists, InvalidProperty, NotAdditional, SumOutOfRange, TypeMismatch
from domain.values import Dressed, Value, exact_sum
from domain.view import Need, View

CONTACTS = "contacts"
COUNT, UNIQUE_COUNT = "num_conversion_events", "num_unique_conversion_events"


# -- additional addresses and domains ---------------------------------------------------------------------------------


def identifier_value(command: IdentifierCommand) -> str:
    """Read the address or domain of a command as it is stored. Raises InvalidProperty."""
    try:
        return normal_email(command.value) if command.kind == "email" else normal_domain(command.value)
    except ValueError as error:
        raise InvalidProperty(command.kind, str(error)) from None


def additional_needs(command: IdentifierCommand, view: View) -> Iterator[Need]:
    """The record, who has the address or domain, and what triggers look at."""
    ref = RecordRef(command.object_type, command.record_id)
    yield from follow_needs(view, command.account, ref)
    if PRIMARY_IDENTIFIERS.get(command.object_type) == command.kind:
        try:
            v = identifier_value(command)
        except InvalidProperty:
            return
        yield from value_needs(view, command.account, command.object_type, command.kind, v)
    current = current_ref(view, command.account, ref)
    if current is not None:
        yield from trigger_needs(view, command.account, current)


def _subject(deciding: Deciding, command: IdentifierCommand) -> tuple[RecordRef, str, bool]:
    """The current record, the value as stored, and whether the record has it."""
    deciding.known_type(command.object_type)
    if PRIMARY_IDENTIFIERS.get(command.object_type) != command.kind:
        expected = next(one for one, name in PRIMARY_IDENTIFIERS.items() if name == command.kind)
        raise TypeMismatch(expected, command.object_type, f"a record with {command.kind}s")
    deciding.about = ref = deciding.current(RecordRef(command.object_type, command.record_id))
    v = identifier_value(command)
    mine = deciding.own_holders(ref, ClaimKey(deciding.account_id, command.kind, v))
    return ref, v, bool(mine)


def _is_primary(deciding: Deciding, ref: RecordRef, kind: str, v: str) -> bool:
    primary = deciding.record(ref).value(kind)
    return primary is not None and primary.v == v


def add_identifier(deciding: Deciding, command: AddIdentifier) -> None:
    """Give the record one more address or domain; one that it has already stays as it is."""
    ref, v, is_mine = _subject(deciding, command)
    if is_mine:
        return
    before = deciding.record(ref)
    refuse_if_claimed(deciding, ref, command.kind, deciding.value(v))
    named = {e.IDENTIFIER: deciding.value(v)}
    deciding.emit_on(
        ref, e.IdentifierAdded(kind=command.kind, values=deciding.values(ref.record_id, named), **deciding.meta)
    )
    if command.kind == EMAIL:
        follow_suppressions(deciding, ref, v)
    enroll_triggered(deciding, ref, before)


def remove_identifier(deciding: Deciding, command: RemoveIdentifier) -> None:
    """Take an additional address or domain away, under every id it is claimed by; old ids still lead here."""
    ref, v, is_mine = _subject(deciding, command)
    if not is_mine or _is_primary(deciding, ref, command.kind, v):
        raise NotAdditional(command.kind, ref.record_id)
    before = deciding.record(ref)
    key = ClaimKey(deciding.account_id, command.kind, v)
    deciding.emit_on(
        ref,
        e.IdentifierRemoved(
            kind=command.kind,
            holders=deciding.own_holders(ref, key),
            values=deciding.values(ref.record_id, {e.IDENTIFIER: deciding.value(v)}),
            **deciding.meta,
        ),
    )
    enroll_triggered(deciding, ref, before)


def set_primary_identifier(deciding: Deciding, command: SetPrimaryIdentifier) -> None:
    """Make an additional address or domain the primary one; the primary one stays as it is."""
    ref, v, is_mine = _subject(deciding, command)
    if not is_mine:
        raise NotAdditional(command.kind, ref.record_id)
    if _is_primary(deciding, ref, command.kind, v):
        return
    before = deciding.record(ref)
    named: dict[str, Value] = {command.kind: deciding.value(v)}
    deciding.emit_on(
        ref, e.PrimaryIdentifierSet(kind=command.kind, values=deciding.values(ref.record_id, named), **deciding.meta)
    )
    enroll_triggered(deciding, ref, before)


# -- forms ------------------------------------------------------------------------------------------------------------


def _form_email(command: SubmitForm) -> str | None:
    """Read the address of a submission: the field's, or else the property's. Raises InvalidProperty."""
    sent = command.email if command.email is not None else command.properties.get(EMAIL)
    if isinstance(sent, Dressed):
        sent = sent.value
    if not isinstance(sent, str) or not sent.strip():
        return None
    try:
        return normal_email(sent)
    except ValueError as error:
        raise InvalidProperty(EMAIL, str(error)) from None


def form_needs(command: SubmitForm, view: View) -> Iterator[Need]:
    """Who has the token and the address, whether the submission is known, and what triggers look at."""
    account_id = command.account
    yield streams.activity(account_id, command.submission_id)
    keys = []
    if command.usertoken is not None:
        keys.append(ClaimKey(account_id, USERTOKEN, command.usertoken))
        yield from claim_needs(view, keys[0])
    try:
        email = _form_email(command)
    except InvalidProperty:
        return
    if email is not None:
        keys.append(ClaimKey(account_id, EMAIL, email))
        yield from value_needs(view, account_id, CONTACTS, EMAIL, email)
    yield from identifier_needs(view, account_id, CONTACTS, command.properties)
    yield streams.workflows(account_id, CONTACTS)
    for key in keys:
        for holder in view.holders(key) if view.has(key) else ():
            current = current_ref(view, account_id, holder)
            if current is not None:
                yield from changed_needs(view, account_id, current, (*command.properties, EMAIL))


def submit_form(deciding: Deciding, command: SubmitForm) -> None:
    """Find the contact by its token, then by its address, else make it; count the submission and log it.

    An archived contact is back: whoever writes to us is there.
    """
    stream = streams.activity(deciding.account_id, command.submission_id)
    if deciding.view.state(stream) is not None:
        raise AlreadyExists("activity", command.submission_id)
    refuse_create_date(command.properties)
    email = _form_email(command)
    sent = {name: v for name, v in command.properties.items() if name != EMAIL}
    values = read_properties(deciding, CONTACTS, sent, "form")
    found = _holder(deciding, USERTOKEN, command.usertoken) or _holder(deciding, EMAIL, email)
    cause = f"form:{command.form_id}"
    if found is None:
        ref = deciding.new_ref(CONTACTS, None)
        if email is not None:
            values[EMAIL] = Value(email, deciding.at, "form")
        values |= {name: Value(1, deciding.at, "form") for name in (COUNT, UNIQUE_COUNT)}
        make(deciding, ref, values, cause=cause)
        stays = None
    else:
        ref = deciding.current(found, archived=True)
        restore(deciding, ref, cause=f"form:{command.submission_id}")
        contact = deciding.record(ref)
        known = contact.value(EMAIL)
        stays = email
        if email is not None and (known is None or known.v == email) and _holder(deciding, EMAIL, email) in (None, ref):
            stays = None
            if known is None:
                values[EMAIL] = Value(email, deciding.at, "form")
        for name in (COUNT, UNIQUE_COUNT) if command.form_id not in contact.forms else (COUNT,):
            values[name] = Value(_counted(contact, name), deciding.at, "form")
        change(deciding, ref, values, cause=cause)
    _logged(deciding, command, ref, stays)


def _counted(contact: Record, name: str) -> int | float:
    """Count one more. Raises SumOutOfRange."""
    before = contact.value(name)
    count = before.v if before is not None and isinstance(before.v, int | float) else 0
    try:
        return exact_sum((count, 1))
    except OverflowError:
        raise SumOutOfRange([name]) from None


def _holder(deciding: Deciding, kind: str, v: str | None) -> RecordRef | None:
    """Name the contact that a token or address leads to today."""
    if v is None:
        return None
    for holder in deciding.view.holders(ClaimKey(deciding.account_id, kind, v)):
        return RecordRef(CONTACTS, deciding.view.current_id(deciding.account_id, holder))
    return None


def _logged(deciding: Deciding, command: SubmitForm, ref: RecordRef, stays: str | None) -> None:
    """Note the token, the submission and the activity, which keeps an address that is not the contact's."""
    deciding.about = ref
    if command.usertoken is not None and _holder(deciding, USERTOKEN, command.usertoken) is None:
        named = {e.IDENTIFIER: deciding.value(command.usertoken)}
        deciding.emit_on(
            ref, e.IdentifierAdded(kind="usertoken", values=deciding.values(ref.record_id, named), **deciding.meta)
        )
    deciding.emit_on(
        ref,
        e.FormSubmitted(
            form_id=command.form_id,
            submission_id=command.submission_id,
            values=deciding.values(ref.record_id),
            **deciding.meta,
        ),
    )
    kept = {} if stays is None else {e.FORM_EMAIL: deciding.value(stays)}
    deciding.emit(
        streams.activity(deciding.account_id, command.submission_id),
        e.ActivityLogged(
            activity_type="form_submission",
            records=(ref,),
            values=deciding.values(ref.record_id, kept),
            **deciding.meta,
        ),
    )
