"""Layer: domain. Workflows: their definitions, enrolling by hand and by triggers (H25 to H27).

A trigger fires when a change makes it true that was false. An enrollment is a fact that other
systems act on, so it is decided with the change and recorded, never derived later.
"""

from collections.abc import Callable, Iterable, Iterator

from domain.decisions.context import Deciding, held_needs, record_needs
from domain.language import events as e
from domain.language import streams
from domain.language.commands import DefineWorkflow, Enroll, Unenroll
from domain.language.filters import Lookup, matches
from domain.language.ids import RecordRef
from domain.language.refusals import AlreadyExists, WorkflowNotFound
from domain.state.account import Workflow
from domain.state.claims import WORKFLOW, ClaimKey
from domain.state.computed import ADDITIONAL, COMPUTED, MERGED_IDS, lookup
from domain.state.folds import claims_changed
from domain.state.needs import Need
from domain.state.reading_filters import read_filters
from domain.state.record import Record
from domain.state.view import View

# -- definitions -------------------------------------------------------------------------------------------------------


def definition_needs(command: DefineWorkflow, _: View) -> Iterator[Need]:
    """The workflows of the type, and which other types have a workflow of this id."""
    yield streams.workflows(command.account, command.object_type)
    yield ClaimKey(command.account, WORKFLOW, command.workflow_id)


def define_workflow(deciding: Deciding, command: DefineWorkflow) -> None:
    """Define a workflow, or change its name, trigger or switch; its type stays. Enrolls no record."""
    deciding.known_type(command.object_type)
    for holder in deciding.view.holders(ClaimKey(deciding.account_id, WORKFLOW, command.workflow_id)):
        if holder.object_type != command.object_type:
            what = f"workflow of {holder.object_type}"
            raise AlreadyExists(what, command.workflow_id)
    deciding.emit(
        streams.workflows(deciding.account_id, command.object_type),
        e.WorkflowDefined(
            workflow_id=command.workflow_id,
            name=command.name,
            filter_groups=read_filters(deciding.account, command.object_type, command.filter_groups),
            allow_enrollment_from_merge=command.allow_enrollment_from_merge,
            **deciding.fields(),
        ),
    )


# -- by hand -----------------------------------------------------------------------------------------------------------


def enrollment_needs(command: Enroll | Unenroll, view: View) -> Iterator[Need]:
    """The record as it is today, the workflows of its type, and which other types have a workflow of this id."""
    yield from record_needs(command, view)
    yield streams.workflows(command.account, command.object_type)
    yield ClaimKey(command.account, WORKFLOW, command.workflow_id)


def _workflow(deciding: Deciding, command: Enroll | Unenroll) -> Workflow:
    workflow = deciding.view.workflows(deciding.account_id, command.object_type).by_id.get(command.workflow_id)
    if workflow is None:
        defined = deciding.view.holders(ClaimKey(deciding.account_id, WORKFLOW, command.workflow_id))
        raise WorkflowNotFound(command.workflow_id, command.object_type, [of.object_type for of in defined])
    return workflow


def enroll(deciding: Deciding, command: Enroll) -> None:
    """Enroll by hand, unless the record is enrolled already."""
    ref = deciding.subject(command)
    _workflow(deciding, command)
    if command.workflow_id not in deciding.record(ref).workflows:
        deciding.emit_on(
            ref, e.WorkflowEnrolled(workflow_id=command.workflow_id, cause=deciding.cause, **deciding.fields(ref))
        )


def unenroll(deciding: Deciding, command: Unenroll) -> None:
    """Unenroll by hand, if the record is enrolled."""
    ref = deciding.subject(command)
    _workflow(deciding, command)
    if command.workflow_id in deciding.record(ref).workflows:
        deciding.emit_on(
            ref, e.WorkflowUnenrolled(workflow_id=command.workflow_id, cause=deciding.cause, **deciding.fields(ref))
        )


# -- by triggers -------------------------------------------------------------------------------------------------------


def trigger_needs(view: View, account_id: str, ref: RecordRef, *also: RecordRef) -> Iterator[Need]:
    """The workflows of a type, and what their triggers read besides these records."""
    yield streams.workflows(account_id, ref.object_type)
    workflows = view.peek_workflows(account_id, ref.object_type)
    if workflows is not None:
        for each in (ref, *also):
            yield from held_needs(streams.record(account_id, *each), workflows.triggers.names)


def enroll_triggered(deciding: Deciding, ref: RecordRef, before: Record | None) -> None:
    """Enroll a record in the workflows whose trigger the events decided so far made true."""
    triggers = deciding.view.workflows(deciding.account_id, ref.object_type).triggers
    if not triggers:
        return
    after = deciding.record(ref)
    stream = deciding.stream(ref)

    def held(kind: str) -> set[str]:
        values = set() if before is None else deciding.view.held(stream, kind)
        for other, event in deciding.recorded:
            for change in claims_changed(other, event):
                if other != stream or change.key.kind != kind:
                    continue
                if change.held:
                    values.add(change.key.value)
                else:
                    values.discard(change.key.value)
        return values

    was = None if before is None else _lookup(deciding, before, ref, lambda kind: deciding.view.held(stream, kind))
    now = _lookup(deciding, after, ref, held, () if before is None else None)
    later = after.merge_count == 0 or deciding.account.later_enrollment == "always"
    if before is None:
        concerned = triggers.of_a_new_record({*after.properties, *COMPUTED})
    else:
        concerned = triggers.looking_at({*_names_changed(before, after), *ADDITIONAL})
    enrolled = {*after.workflows}
    entered = [
        workflow.workflow_id
        for workflow in concerned
        if (later or workflow.allow_enrollment_from_merge)
        and workflow.workflow_id not in enrolled
        and matches(workflow.filter_groups, now)
        and not (was and matches(workflow.filter_groups, was))
    ]
    if entered:
        deciding.emit_on(
            ref,
            e.EnrolledByTriggers(
                workflow_ids=tuple(entered), cause=f"trigger:{deciding.command.command_id}", **deciding.fields(ref)
            ),
        )


def _names_changed(before: Record, after: Record) -> Iterator[str]:
    """Yield the names of properties whose value changed; true and 1 are different values."""
    for name in {*before.properties, *after.properties}:
        one, other = before.value(name), after.value(name)
        if one is None or other is None or one.v.__class__ is not other.v.__class__ or one.v != other.v:
            yield name


def enrolled_by_merge(
    deciding: Deciding, primary: RecordRef, secondary: RecordRef, result: Callable[[], Record]
) -> tuple[str, ...]:
    """List the workflows that enroll the merged record: allowed, false for the primary and true for the result."""
    triggers = deciding.view.workflows(deciding.account_id, primary.object_type).triggers_of_merges
    if not triggers:
        return ()
    view, sides = deciding.view, (deciding.stream(primary), deciding.stream(secondary))
    before = deciding.view.record(deciding.account_id, primary)
    if before is None:
        return ()
    merged = result()
    was = _lookup(deciding, before, primary, lambda kind: view.held(sides[0], kind))
    merged_ids = (
        (*view.members(sides[0]), primary.record_id, *view.members(sides[1]), secondary.record_id)
        if MERGED_IDS in triggers.names
        else ()
    )
    now = _lookup(
        deciding,
        merged,
        RecordRef(primary.object_type, merged.record_id),
        lambda kind: view.held(sides[0], kind) | view.held(sides[1], kind),
        merged_ids,
    )
    concerned = triggers.looking_at({*_names_changed(before, merged), *COMPUTED})
    return tuple(
        one.workflow_id for one in concerned if matches(one.filter_groups, now) and not matches(one.filter_groups, was)
    )


def _lookup(
    deciding: Deciding,
    record: Record,
    ref: RecordRef,
    held: Callable[[str], set[str]],
    merged_ids: tuple[str, ...] | None = None,
) -> Lookup:
    def merged() -> Iterable[str]:
        return deciding.view.members(deciding.stream(ref)) if merged_ids is None else merged_ids

    return lookup(ref.object_type, record.record_id, record.plain, merged, held)
