"""Layer: domain. Suppressions: who is not to be contacted, and how that follows an address (H52)."""

from collections.abc import Iterator

from domain.decisions.context import Deciding, claim_needs, record_needs
from domain.language import events as e
from domain.language.commands import LiftSuppression, Suppress
from domain.language.ids import RecordRef
from domain.language.values import Value
from domain.state.addresses import normal_address
from domain.state.claims import SUPPRESSION, ClaimKey
from domain.state.needs import Need
from domain.state.record import Suppression
from domain.state.view import View


def lift_needs(command: LiftSuppression, view: View) -> Iterator[Need]:
    """The record as it is today, and every record with a suppression for the same address."""
    yield from record_needs(command, view)
    if command.address is not None:
        yield from claim_needs(view, ClaimKey(command.account, SUPPRESSION, normal_address(command.address)))


def suppress(deciding: Deciding, command: Suppress) -> None:
    """Suppress contact with a record, or with one address of it; an existing suppression keeps its time."""
    ref = deciding.subject(command)
    address = None if command.address is None else normal_address(command.address)
    if (command.kind, command.topic, address) in {each.key for each in deciding.record(ref).suppressions}:
        return
    named = _address(deciding, address)
    deciding.emit_on(ref, e.Suppressed(kind=command.kind, topic=command.topic, **deciding.fields(ref, named)))


def lift_suppression(deciding: Deciding, command: LiftSuppression) -> None:
    """Lift a suppression; one for an address ends on every record with that address."""
    ref = deciding.subject(command)
    address = None if command.address is None else normal_address(command.address)
    refs = [ref]
    if address is not None:
        key = ClaimKey(deciding.account_id, SUPPRESSION, address)
        refs += [
            RecordRef(holder.object_type, deciding.view.current_id(deciding.account_id, holder))
            for holder in deciding.view.holders(key)
        ]
    lifted = command.kind, command.topic, address
    for holder in dict.fromkeys(refs):
        if lifted in {suppression.key for suppression in deciding.record(holder).suppressions}:
            named = _address(deciding, address)
            deciding.emit_on(
                holder, e.SuppressionLifted(kind=command.kind, topic=command.topic, **deciding.fields(holder, named))
            )


def follow_suppressions(deciding: Deciding, ref: RecordRef, address: str) -> None:
    """Give a record the suppressions of its new address: they follow the address (H52)."""
    key = ClaimKey(deciding.account_id, SUPPRESSION, address)
    mine = {each.key for each in deciding.record(ref).suppressions}
    for holder in deciding.view.holders(key):
        current = RecordRef(holder.object_type, deciding.view.current_id(deciding.account_id, holder))
        other = deciding.view.record(deciding.account_id, current)
        for each in other.suppressions if other is not None and current != ref else ():
            if each.address == address and each.key not in mine:
                mine.add(each.key)
                carry_over(deciding, ref, each)


def carry_over(deciding: Deciding, ref: RecordRef, suppression: Suppression) -> None:
    """Give a record the suppression of another, with the time and the record that it began with."""
    deciding.emit_on(
        ref,
        e.Suppressed(
            kind=suppression.kind,
            topic=suppression.topic,
            since=suppression.at,
            first_record_id=suppression.source_record_id,
            **deciding.fields(ref, _address(deciding, suppression.address)),
        ),
    )


def _address(deciding: Deciding, address: str | None) -> dict[str, Value]:
    return {} if address is None else {e.ADDRESS: deciding.value(address)}
