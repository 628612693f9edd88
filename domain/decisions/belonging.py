"""Layer: domain. What a record belongs to: segments, workflows, playbooks, sync, calls, suppressions."""

from collections.abc import Iterator

from domain.decisions.context import Deciding, claim_needs, record_needs
from domain.language import events as e
from domain.language import streams
from domain.language.commands import (
    AddToSegment,
    EndCall,
    Enroll,
    LiftSuppression,
    LinkSync,
    LogPlaybook,
    RecordCommand,
    RemoveFromSegment,
    StartCall,
    Suppress,
    Unenroll,
    UnlinkSync,
)
from domain.language.ids import RecordRef
from domain.language.refusals import IdentifierInUse, SegmentIsActive, SegmentNotFound, TypeMismatch, WorkflowNotFound
from domain.state.account import Segment, Workflow
from domain.state.addresses import normal_address
from domain.state.claims import SUPPRESSION, WORKFLOW, ClaimKey, sync_kind
from domain.state.record import SyncLink
from domain.state.view import Need, View


def member_needs(command: AddToSegment | RemoveFromSegment, view: View) -> Iterator[Need]:
    """The record as it is today, and the segment."""
    yield from record_needs(command, view)
    yield streams.segment(command.account, command.segment_id)


def enrollment_needs(command: Enroll | Unenroll, view: View) -> Iterator[Need]:
    """The record as it is today, the workflows of its type, and which other types have a workflow of this id."""
    yield from record_needs(command, view)
    yield streams.workflows(command.account, command.object_type)
    yield ClaimKey(command.account, WORKFLOW, command.workflow_id)


def sync_needs(command: LinkSync, view: View) -> Iterator[Need]:
    """The record as it is today, and the records that have this id in the other system."""
    yield from record_needs(command, view)
    yield from claim_needs(view, ClaimKey(command.account, sync_kind(command.system), command.external_id))


def lift_needs(command: LiftSuppression, view: View) -> Iterator[Need]:
    """The record as it is today, and every record with a suppression for the same address."""
    yield from record_needs(command, view)
    if command.address is not None:
        yield from claim_needs(view, ClaimKey(command.account, SUPPRESSION, normal_address(command.address)))


def _about(deciding: Deciding, command: RecordCommand) -> RecordRef:
    deciding.about = ref = deciding.current(command.ref)
    return ref


# -- segments ---------------------------------------------------------------------------------------------------------


def _static_segment(deciding: Deciding, command: AddToSegment | RemoveFromSegment) -> Segment:
    segment = deciding.view.segment(deciding.account_id, command.segment_id)
    if segment is None:
        raise SegmentNotFound(command.segment_id)
    if segment.object_type != command.object_type:
        raise TypeMismatch(segment.object_type, command.object_type, f"the record for segment {command.segment_id}")
    if segment.kind == "active":
        raise SegmentIsActive(command.segment_id)
    return segment


def add_to_segment(deciding: Deciding, command: AddToSegment) -> None:
    """Put a record on a static segment; one that is on it stays."""
    ref = _about(deciding, command)
    _static_segment(deciding, command)
    if command.segment_id not in deciding.record(ref).segments:
        values = deciding.values(ref.record_id)
        deciding.emit_on(ref, e.AddedToSegment(segment_id=command.segment_id, values=values, **deciding.meta))


def remove_from_segment(deciding: Deciding, command: RemoveFromSegment) -> None:
    """Take a record off a static segment; one that is not on it stays off."""
    ref = _about(deciding, command)
    _static_segment(deciding, command)
    if command.segment_id in deciding.record(ref).segments:
        values = deciding.values(ref.record_id)
        deciding.emit_on(ref, e.RemovedFromSegment(segment_id=command.segment_id, values=values, **deciding.meta))


# -- workflows --------------------------------------------------------------------------------------------------------


def _workflow(deciding: Deciding, command: Enroll | Unenroll) -> Workflow:
    workflow = deciding.view.workflows(deciding.account_id, command.object_type).by_id.get(command.workflow_id)
    if workflow is None:
        defined = deciding.view.holders(ClaimKey(deciding.account_id, WORKFLOW, command.workflow_id))
        raise WorkflowNotFound(command.workflow_id, command.object_type, [of.object_type for of in defined])
    return workflow


def enroll(deciding: Deciding, command: Enroll) -> None:
    """Enroll by hand; one that is enrolled stays so."""
    ref = _about(deciding, command)
    _workflow(deciding, command)
    if command.workflow_id not in deciding.record(ref).workflows:
        deciding.emit_on(
            ref,
            e.WorkflowEnrolled(
                workflow_id=command.workflow_id,
                cause=deciding.cause,
                values=deciding.values(ref.record_id),
                **deciding.meta,
            ),
        )


def unenroll(deciding: Deciding, command: Unenroll) -> None:
    """Unenroll by hand; one that is not enrolled stays so."""
    ref = _about(deciding, command)
    _workflow(deciding, command)
    if command.workflow_id in deciding.record(ref).workflows:
        deciding.emit_on(
            ref,
            e.WorkflowUnenrolled(
                workflow_id=command.workflow_id,
                cause=deciding.cause,
                values=deciding.values(ref.record_id),
                **deciding.meta,
            ),
        )


# -- playbooks, sync, calls -------------------------------------------------------------------------------------------


def log_playbook(deciding: Deciding, command: LogPlaybook) -> None:
    """Keep a playbook as a draft, or log it; a draft that is logged is a draft no more."""
    ref = _about(deciding, command)
    deciding.emit_on(
        ref,
        e.PlaybookLogged(
            playbook_id=command.playbook_id,
            state=command.state,
            values=deciding.values(ref.record_id),
            **deciding.meta,
        ),
    )


def link_sync(deciding: Deciding, command: LinkSync) -> None:
    """Keep a record in step with another system's; the link that it shows there is replaced, those from merges stay."""
    ref = _about(deciding, command)
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
    deciding.emit_on(
        ref, e.SyncLinked(system=command.system, values=deciding.values(ref.record_id, named), **deciding.meta)
    )


def unlink_sync(deciding: Deciding, command: UnlinkSync) -> None:
    """Stop keeping a record in step, with one other record or all of a system; a link that is not there stays away."""
    ref = _about(deciding, command)
    for link in deciding.record(ref).sync.get(command.system, ()):
        if command.external_id in (None, link.external_id):
            _unlinked(deciding, ref, command.system, link)


def _unlinked(deciding: Deciding, ref: RecordRef, system: str, link: SyncLink) -> None:
    named = {e.SYNC + system: deciding.value(link.external_id)}
    deciding.emit_on(
        ref,
        e.SyncUnlinked(
            system=system,
            holder=link.source_record_id,
            values=deciding.values(ref.record_id, named),
            **deciding.meta,
        ),
    )


def start_call(deciding: Deciding, command: StartCall) -> None:
    """Note the call; it takes the place of one that was never ended."""
    ref = _about(deciding, command)
    if deciding.record(ref).active_call != command.call_id:
        values = deciding.values(ref.record_id)
        deciding.emit_on(ref, e.CallStarted(call_id=command.call_id, values=values, **deciding.meta))


def end_call(deciding: Deciding, command: EndCall) -> None:
    """Note that the call is over; another call goes on."""
    ref = _about(deciding, command)
    if deciding.record(ref).active_call == command.call_id:
        values = deciding.values(ref.record_id)
        deciding.emit_on(ref, e.CallEnded(call_id=command.call_id, values=values, **deciding.meta))


# -- suppressions -----------------------------------------------------------------------------------------------------


def suppress(deciding: Deciding, command: Suppress) -> None:
    """Note that a record, or one address of it, is not to be contacted; one that stands keeps its time."""
    ref = _about(deciding, command)
    address = None if command.address is None else normal_address(command.address)
    if (command.kind, command.topic, address) in {each.key for each in deciding.record(ref).suppressions}:
        return
    named = {} if address is None else {e.ADDRESS: deciding.value(address)}
    deciding.emit_on(
        ref,
        e.Suppressed(
            kind=command.kind, topic=command.topic, values=deciding.values(ref.record_id, named), **deciding.meta
        ),
    )


def lift_suppression(deciding: Deciding, command: LiftSuppression) -> None:
    """Lift a suppression; one for an address ends on every record that has it, since it follows the address."""
    ref = _about(deciding, command)
    address = None if command.address is None else normal_address(command.address)
    refs = [ref]
    if address is not None:
        key = ClaimKey(deciding.account_id, SUPPRESSION, address)
        refs += [
            RecordRef(holder.object_type, deciding.view.current_id(deciding.account_id, holder))
            for holder in deciding.view.holders(key)
        ]
    for each in dict.fromkeys(refs):
        if (command.kind, command.topic, address) in {one.key for one in deciding.record(each).suppressions}:
            named = {} if address is None else {e.ADDRESS: deciding.value(address)}
            deciding.emit_on(
                each,
                e.SuppressionLifted(
                    kind=command.kind,
                    topic=command.topic,
                    values=deciding.values(each.record_id, named),
                    **deciding.meta,
                ),
            )
