"""Layer: domain. Links to records of other systems, for synchronization (H31)."""

from collections.abc import Iterator

from domain.decisions.context import Deciding, claim_needs, record_needs
from domain.language import events as e
from domain.language.commands import LinkSync, UnlinkSync
from domain.language.ids import RecordRef
from domain.language.refusals import IdentifierInUse
from domain.state.claims import ClaimKey, sync_kind
from domain.state.needs import Need
from domain.state.record import SyncLink
from domain.state.view import View


def link_needs(command: LinkSync, view: View) -> Iterator[Need]:
    """The record as it is today, and the records that have this id in the other system."""
    yield from record_needs(command, view)
    yield from claim_needs(view, ClaimKey(command.account, sync_kind(command.system), command.external_id))


def link_sync(deciding: Deciding, command: LinkSync) -> None:
    """Link a record to one of another system. Its current link there is replaced; links from merges stay."""
    ref = deciding.subject(command)
    key = ClaimKey(deciding.account_id, sync_kind(command.system), command.external_id)
    for holder in deciding.view.holders(key):
        current_id = deciding.view.current_id(deciding.account_id, holder)
        if RecordRef(holder.object_type, current_id) != ref:
            raise IdentifierInUse(key.kind, current_id, is_archived=deciding.is_archived(holder))
    links = deciding.record(ref).sync.get(command.system, ())
    if links and links[0].external_id == command.external_id:
        return
    for link in links:
        if link is links[0] or link.external_id == command.external_id:
            _unlinked(deciding, ref, command.system, link)
    named = {e.SYNC + command.system: deciding.value(command.external_id)}
    deciding.emit_on(ref, e.SyncLinked(system=command.system, **deciding.fields(ref, named)))


def unlink_sync(deciding: Deciding, command: UnlinkSync) -> None:
    """End the link to one record of another system, or all links to that system; not an error if there is none."""
    ref = deciding.subject(command)
    for link in deciding.record(ref).sync.get(command.system, ()):
        if command.external_id in (None, link.external_id):
            _unlinked(deciding, ref, command.system, link)


def _unlinked(deciding: Deciding, ref: RecordRef, system: str, link: SyncLink) -> None:
    named = {e.SYNC + system: deciding.value(link.external_id)}
    deciding.emit_on(ref, e.SyncUnlinked(system=system, holder=link.source_record_id, **deciding.fields(ref, named)))
