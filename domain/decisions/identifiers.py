"""Layer: domain. Whom an identifier leads to: additional values that lead to it (H52, H53), forms (H20 to H23)."""

from collections.abc import Iterator
from typing import NamedTuple

from domain.decisions.context import Deciding, claim_needs, current_ref, record_needs
from domain.decisions.properties import (
    follow_suppressions,
    identifier_needs,
    read_properties,
    refuse_create_date,
    refuse_if_claimed,
    value_needs,
)
from domain.decisions.records import change, changed_needs, make, restore
from domain.decisions.workflows import enroll_triggered, trigger_needs
from domain.language import events as e
from domain.language import streams
from domain.language.commands import (
    AddIdentifier,
    IdentifierCommand,
    RemoveIdentifier,
    SetPrimaryIdentifier,
    SubmitForm,
)
from domain.language.ids import RecordId, RecordRef
from domain.language.refusals import AlreadyExists, InvalidProperty, NotAdditional, SumOutOfRange, TypeMismatch
from domain.language.values import Dressed, Plain, Value, exact_sum, is_empty
from domain.state.account import Account
from domain.state.addresses import normal_domain, normal_email
from domain.state.claims import EMAIL, PRIMARY_IDENTIFIERS, PROPERTY, USERTOKEN, ClaimKey, claimed_text, property_claim
from domain.state.record import Record
from domain.state.typed_values import read_plain
from domain.state.view import Need, View

CONTACTS = "contacts"
COUNT, UNIQUE_COUNT = "num_conversion_events", "num_unique_conversion_events"


# -- additional addresses, domains and unique values ------------------------------------------------------------------


def _name(command: IdentifierCommand) -> str:
    """Name the property that holds the primary one."""
    return command.kind.removeprefix(PROPERTY)


def _value(account: Account, command: IdentifierCommand) -> Plain:
    """Read the value of a command as it is stored. Raises InvalidProperty."""
    name = _name(command)
    if name != command.kind:
        v = read_plain(account, command.object_type, name, command.value)
        if is_empty(v):
            raise InvalidProperty(name, "expected a value")
        return v
    try:
        return normal_email(command.value) if command.kind == "email" else normal_domain(command.value)
    except ValueError as error:
        raise InvalidProperty(command.kind, str(error)) from None


def _refuse_kind(account: Account, command: IdentifierCommand) -> None:
    """Refuse a kind of identifier that records of this type do not have."""
    name = _name(command)
    if name == command.kind:
        if PRIMARY_IDENTIFIERS.get(command.object_type) != name:
            expected = next(one for one, of in PRIMARY_IDENTIFIERS.items() if of == name)
            raise TypeMismatch(expected, command.object_type, f"a record with {name}s")
    elif name not in account.unique_properties(command.object_type):
        said = f"is no unique property of {command.object_type}; only a unique property has additional values"
        raise InvalidProperty(name, said)


def additional_needs(command: IdentifierCommand, view: View) -> Iterator[Need]:
    """The record, who has the value, and what triggers look at."""
    yield from record_needs(command, view)
    if not view.has(streams.settings(command.account)):
        return
    account = view.account(command.account)
    try:
        _refuse_kind(account, command)
        v = _value(account, command)
    except (TypeMismatch, InvalidProperty):
        return
    yield from value_needs(view, command.account, command.object_type, _name(command), claimed_text(v))
    current = current_ref(view, command.account, command.ref)
    if current is not None:
        yield from trigger_needs(view, command.account, current)


class _Subject(NamedTuple):
    """The current record, the value as stored, the claim on it, and the ids of the record that hold the claim."""

    ref: RecordRef
    value: Plain
    key: ClaimKey
    holders: tuple[RecordId, ...]


def _subject(deciding: Deciding, command: IdentifierCommand) -> _Subject:
    deciding.known_type(command.object_type)
    _refuse_kind(deciding.account, command)
    deciding.about = ref = deciding.current(command.ref)
    v = _value(deciding.account, command)
    key = property_claim(deciding.account_id, command.object_type, _name(command), v)
    return _Subject(ref, v, key, deciding.own_holders(ref, key))


def _is_primary(deciding: Deciding, subject: _Subject, name: str) -> bool:
    primary = deciding.record(subject.ref).value(name)
    return primary is not None and claimed_text(primary.v) == subject.key.value


def add_identifier(deciding: Deciding, command: AddIdentifier) -> None:
    """Give the record one more value that leads to it; one that it has already stays as it is."""
    subject = _subject(deciding, command)
    if subject.holders:
        return
    ref, v = subject.ref, subject.key.value
    before = deciding.record(ref)
    refuse_if_claimed(deciding, ref, _name(command), deciding.value(v))
    named = {e.IDENTIFIER: deciding.value(v)}
    deciding.emit_on(
        ref, e.IdentifierAdded(kind=command.kind, values=deciding.values(ref.record_id, named), **deciding.meta)
    )
    if command.kind == EMAIL:
        follow_suppressions(deciding, ref, v)
    enroll_triggered(deciding, ref, before)


def remove_identifier(deciding: Deciding, command: RemoveIdentifier) -> None:
    """Take an additional value away, under every id it is claimed by; old ids still lead here."""
    subject = _subject(deciding, command)
    ref = subject.ref
    if not subject.holders or _is_primary(deciding, subject, _name(command)):
        raise NotAdditional(command.kind, ref.record_id, is_primary=bool(subject.holders))
    before = deciding.record(ref)
    deciding.emit_on(
        ref,
        e.IdentifierRemoved(
            kind=command.kind,
            holders=subject.holders,
            values=deciding.values(ref.record_id, {e.IDENTIFIER: deciding.value(subject.key.value)}),
            **deciding.meta,
        ),
    )
    enroll_triggered(deciding, ref, before)


def set_primary_identifier(deciding: Deciding, command: SetPrimaryIdentifier) -> None:
    """Make an additional value the primary one; the primary one stays as it is."""
    subject = _subject(deciding, command)
    ref, name = subject.ref, _name(command)
    if not subject.holders:
        raise NotAdditional(command.kind, ref.record_id, is_primary=False)
    if _is_primary(deciding, subject, name):
        return
    before = deciding.record(ref)
    named = {name: Value(subject.value, deciding.at)}
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
