"""Layer: domain. Dispatches commands: what each must load, and what each decides."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

from domain.decisions import (
    activities,
    forms,
    identifiers,
    links,
    marks,
    records,
    segments,
    settings,
    suppressions,
    sync,
    workflows,
)
from domain.decisions.context import Deciding, nothing_more, record_needs
from domain.language import commands as c
from domain.language import events as e
from domain.language import streams
from domain.language.refusals import Refusal, UnmergeNotSupported
from domain.merge import merging
from domain.state.folds import Recorded
from domain.state.needs import Need
from domain.state.view import View

_C = TypeVar("_C", bound=c.Command)
_WORKAROUNDS = {"contacts": "H52", "companies": "H53"}


class Handler(NamedTuple):
    """What one type of command must load, and what it decides.

    Not generic, so that handlers of all commands fit in one table; `on` checks the types.
    """

    command: type[c.Command]
    needs: Callable[[Any, View], Iterable[Need]]
    decide: Callable[[Deciding, Any], None]


def on(
    command: type[_C], needs: Callable[[_C, View], Iterable[Need]], decide: Callable[[Deciding, _C], None]
) -> Handler:
    """Handle a type of command; both functions must accept that type."""
    return Handler(command, needs, decide)


def _refuse_unmerge(_: Deciding, command: c.UnmergeRecords) -> None:
    raise UnmergeNotSupported(command.object_type, _WORKAROUNDS.get(command.object_type))


def _by_command(*handlers: Handler) -> Mapping[type[c.Command], Handler]:
    return MappingProxyType({handler.command: handler for handler in handlers})


HANDLERS: Final = _by_command(
    on(c.ConfigureAccount, nothing_more, settings.configure_account),
    on(c.DefineObjectType, nothing_more, settings.define_object_type),
    on(c.CreateRecord, records.create_needs, records.create_record),
    on(c.UpdateRecord, records.update_needs, records.update_record),
    on(c.ArchiveRecord, record_needs, records.archive_record),
    on(c.RestoreRecord, record_needs, records.restore_record),
    on(c.RecreateRecord, records.recreate_needs, records.recreate_record),
    on(c.Associate, links.link_needs, links.associate),
    on(c.Dissociate, links.link_needs, links.dissociate),
    on(c.LogActivity, activities.activity_needs, activities.log_activity),
    on(c.LogPlaybook, record_needs, activities.log_playbook),
    on(c.StartCall, record_needs, activities.start_call),
    on(c.EndCall, record_needs, activities.end_call),
    on(c.DefineSegment, segments.definition_needs, segments.define_segment),
    on(c.AddToSegment, segments.member_needs, segments.add_to_segment),
    on(c.RemoveFromSegment, segments.member_needs, segments.remove_from_segment),
    on(c.DefineWorkflow, workflows.definition_needs, workflows.define_workflow),
    on(c.Enroll, workflows.enrollment_needs, workflows.enroll),
    on(c.Unenroll, workflows.enrollment_needs, workflows.unenroll),
    on(c.SubmitForm, forms.form_needs, forms.submit_form),
    on(c.AddIdentifier, identifiers.additional_needs, identifiers.add_identifier),
    on(c.RemoveIdentifier, identifiers.additional_needs, identifiers.remove_identifier),
    on(c.SetPrimaryIdentifier, identifiers.additional_needs, identifiers.set_primary_identifier),
    on(c.LinkSync, sync.link_needs, sync.link_sync),
    on(c.UnlinkSync, record_needs, sync.unlink_sync),
    on(c.Suppress, record_needs, suppressions.suppress),
    on(c.LiftSuppression, suppressions.lift_needs, suppressions.lift_suppression),
    on(c.MarkNotDuplicates, marks.mark_needs, marks.mark_not_duplicates),
    on(c.UnmarkNotDuplicates, marks.mark_needs, marks.unmark_not_duplicates),
    on(c.MergeRecords, merging.merge_needs, merging.merge),
    on(c.UnmergeRecords, nothing_more, _refuse_unmerge),
)


def needs(envelope: c.Envelope, view: View) -> Iterator[Need]:
    """Yield everything that deciding this command reads, as far as what is loaded shows it.

    Load what `view.unmet` reports for each and call again, until nothing is unmet. A need may come
    more than once.
    """
    command = envelope.command
    stream = streams.command(command.account, command.command_id)
    yield stream
    if view.peek(stream) is None:  # A spent id decides nothing more.
        yield streams.settings(command.account)
        yield from HANDLERS[type(command)].needs(command, view)


def decide(envelope: c.Envelope, view: View, now: datetime) -> list[Recorded]:
    """Decide a command: its events in order, the last one its outcome on the command's own stream.

    An exact repeat of a command decides nothing: an empty list. `now` is when it is executed, and
    also when it happened if the command has no time. A refusal is an outcome; none is raised.
    """
    command = envelope.command
    stream = streams.command(command.account, command.command_id)
    body = c.fingerprint(command)
    deciding = Deciding(command, view, now)
    command_type = str(command.__struct_config__.tag)
    spent = view.spent(command.account, command.command_id)
    if spent is not None:
        if body == spent.answer.fingerprint or body in spent.reused:
            return []
        return [(stream, e.CommandIdReused(command_type=command_type, fingerprint=body, **deciding.meta))]
    try:
        HANDLERS[type(command)].decide(deciding, command)
    except Refusal as refusal:
        refused = e.CommandRefused(
            command_type=command_type,
            fingerprint=body,
            code=refusal.code,
            message=refusal.message,
            details=refusal.details,
            ignored_fields=envelope.ignored_fields,
            **deciding.meta,
        )
        return [(stream, refused)]
    about = deciding.about
    applied = e.CommandApplied(
        command_type=command_type,
        fingerprint=body,
        events=len(deciding.recorded),
        object_type=about.object_type if about else None,
        record_id=about.record_id if about else None,
        merge_id=deciding.merge_id,
        followed=deciding.followed,
        ignored_fields=envelope.ignored_fields,
        left_out=deciding.left_out,
        warnings=tuple(deciding.warnings),
        **deciding.meta,
    )
    return [*deciding.recorded, (stream, applied)]


def preview(command: c.MergeRecords, view: View, now: datetime) -> merging.Preview:
    """Decide a merge without recording it. Raises the refusal that the merge would get."""
    return merging.preview(Deciding(command, view, now), command)
