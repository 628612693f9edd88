"""Layer: domain. Additional addresses, domains and unique values, which lead to their record (H52, H53)."""

from collections.abc import Iterator
from typing import NamedTuple

from domain.decisions.context import Deciding, current_ref, record_needs
from domain.decisions.properties import refuse_if_claimed, value_needs
from domain.decisions.suppressions import follow_suppressions
from domain.decisions.workflows import enroll_triggered, trigger_needs
from domain.language import events as e
from domain.language.commands import AddIdentifier, IdentifierCommand, RemoveIdentifier, SetPrimaryIdentifier
from domain.language.ids import RecordId, RecordRef
from domain.language.refusals import InvalidProperty, NotAdditional, TypeMismatch
from domain.language.values import Plain, Value, is_empty
from domain.state.account import Account
from domain.state.addresses import normal_domain, normal_email
from domain.state.claims import EMAIL, PRIMARY_IDENTIFIERS, PROPERTY, ClaimKey, claimed_text, property_claim
from domain.state.needs import Need
from domain.state.typed_values import read_plain
from domain.state.view import View


def additional_needs(command: IdentifierCommand, view: View) -> Iterator[Need]:
    """The record, which records have the value, and what triggers read."""
    yield from record_needs(command, view)
    account = view.peek_account(command.account)
    if account is None:
        return
    try:
        _refuse_kind(account, command)
        v = _value(account, command)
    except (TypeMismatch, InvalidProperty):
        return
    yield from value_needs(view, command.account, command.object_type, _name(command), claimed_text(v))
    current = current_ref(view, command.account, command.ref)
    if current is not None:
        yield from trigger_needs(view, command.account, current)


def _name(command: IdentifierCommand) -> str:
    """Return the name of the property that holds the primary value."""
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


class _Subject(NamedTuple):
    """The current record, the value as stored, the claim on it, and the ids of the record that hold the claim."""

    ref: RecordRef
    value: Plain
    key: ClaimKey
    holders: tuple[RecordId, ...]


def _subject(deciding: Deciding, command: IdentifierCommand) -> _Subject:
    deciding.known_type(command.object_type)
    _refuse_kind(deciding.account, command)
    ref = deciding.subject(command)
    v = _value(deciding.account, command)
    key = property_claim(deciding.account_id, command.object_type, _name(command), v)
    return _Subject(ref, v, key, deciding.own_holders(ref, key))


def _is_primary(deciding: Deciding, subject: _Subject, name: str) -> bool:
    primary = deciding.record(subject.ref).value(name)
    return primary is not None and claimed_text(primary.v) == subject.key.value


def add_identifier(deciding: Deciding, command: AddIdentifier) -> None:
    """Add a value that leads to the record; a value that it has already stays as it is."""
    subject = _subject(deciding, command)
    if subject.holders:
        return
    ref, v = subject.ref, subject.key.value
    before = deciding.record(ref)
    refuse_if_claimed(deciding, ref, _name(command), deciding.value(v))
    named = {e.IDENTIFIER: deciding.value(v)}
    deciding.emit_on(ref, e.IdentifierAdded(kind=command.kind, **deciding.fields(ref, named)))
    if command.kind == EMAIL:
        follow_suppressions(deciding, ref, v)
    enroll_triggered(deciding, ref, before)


def remove_identifier(deciding: Deciding, command: RemoveIdentifier) -> None:
    """Remove an additional value, under every id that claims it; old ids still lead here."""
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
            **deciding.fields(ref, {e.IDENTIFIER: deciding.value(subject.key.value)}),
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
    deciding.emit_on(ref, e.PrimaryIdentifierSet(kind=command.kind, **deciding.fields(ref, named)))
    enroll_triggered(deciding, ref, before)
