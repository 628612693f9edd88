"""Layer: domain. Form submissions, which find their contact by token or address (H20 to H23)."""

from collections.abc import Iterator

from domain.decisions.context import Deciding, claim_needs, current_ref
from domain.decisions.properties import identifier_needs, read_properties, refuse_create_date, value_needs
from domain.decisions.records import change, changed_needs, make, restore
from domain.language import events as e
from domain.language import streams
from domain.language.commands import SubmitForm
from domain.language.ids import RecordRef
from domain.language.refusals import AlreadyExists, InvalidProperty, SumOutOfRange
from domain.language.values import Dressed, Value, exact_sum
from domain.state.addresses import normal_email
from domain.state.claims import EMAIL, USERTOKEN, ClaimKey
from domain.state.needs import Need
from domain.state.record import Record
from domain.state.view import View

CONTACTS = "contacts"
COUNT, UNIQUE_COUNT = "num_conversion_events", "num_unique_conversion_events"


def form_needs(command: SubmitForm, view: View) -> Iterator[Need]:
    """The contacts with the token or the address, whether the submission is known, and what triggers read."""
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


def submit_form(deciding: Deciding, command: SubmitForm) -> None:
    """Find the contact by its token, then by its address, else make it; count the submission and log it.

    An archived contact is restored: whoever sends a form is active.
    """
    stream = streams.activity(deciding.account_id, command.submission_id)
    if deciding.view.exists(stream):
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
        kept_email = None
    else:
        ref = deciding.current(found, archived=True)
        restore(deciding, ref, cause=f"form:{command.submission_id}")
        contact = deciding.record(ref)
        known = contact.value(EMAIL)
        kept_email = email
        if email is not None and (known is None or known.v == email) and _holder(deciding, EMAIL, email) in (None, ref):
            kept_email = None
            if known is None:
                values[EMAIL] = Value(email, deciding.at, "form")
        for name in (COUNT, UNIQUE_COUNT) if command.form_id not in contact.forms else (COUNT,):
            values[name] = Value(_counted(contact, name), deciding.at, "form")
        change(deciding, ref, values, cause=cause)
    _logged(deciding, command, ref, kept_email)


def _counted(contact: Record, name: str) -> int | float:
    """Count one more. Raises SumOutOfRange."""
    before = contact.value(name)
    count = before.v if before is not None and isinstance(before.v, int | float) else 0
    try:
        return exact_sum((count, 1))
    except OverflowError:
        raise SumOutOfRange([name]) from None


def _holder(deciding: Deciding, kind: str, v: str | None) -> RecordRef | None:
    """Return the contact that a token or address leads to today."""
    if v is None:
        return None
    for holder in deciding.view.holders(ClaimKey(deciding.account_id, kind, v)):
        return RecordRef(CONTACTS, deciding.view.current_id(deciding.account_id, holder))
    return None


def _logged(deciding: Deciding, command: SubmitForm, ref: RecordRef, kept_email: str | None) -> None:
    """Record the token, the submission and the activity, which stores an address that is not the contact's."""
    deciding.about = ref
    if command.usertoken is not None and _holder(deciding, USERTOKEN, command.usertoken) is None:
        named = {e.IDENTIFIER: deciding.value(command.usertoken)}
        deciding.emit_on(ref, e.IdentifierAdded(kind="usertoken", **deciding.fields(ref, named)))
    deciding.emit_on(
        ref, e.FormSubmitted(form_id=command.form_id, submission_id=command.submission_id, **deciding.fields(ref))
    )
    kept = {} if kept_email is None else {e.FORM_EMAIL: deciding.value(kept_email)}
    deciding.emit(
        streams.activity(deciding.account_id, command.submission_id),
        e.ActivityLogged(activity_type="form_submission", records=(ref,), **deciding.fields(ref, kept)),
    )
