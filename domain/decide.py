"""Layer: domain. Decides: one line a command for what it needs to see, one for what it does."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import assert_never

from domain.decisions import belonging, identifiers, links, records, settings
from domain.decisions.context import Deciding, follow_needs
from domain.language import commands as c
from domain.language import events as e
from domain.language import streams
from domain.language.ids import RecordRef
from domain.language.refusals import Refusal, UnmergeNotSupported
from domain.merge import merging
from domain.state.view import Need, Recorded, View

_WORKAROUNDS = {"contacts": "H52", "companies": "H53"}


def needs(envelope: c.Envelope, view: View) -> Iterator[Need]:
    """Tell everything that deciding this command looks at, as far as what is loaded can tell.

    Load what `view.unmet` says of each and ask again, until nothing is unmet. A need may be told
    more than once.
    """
    command = envelope.command
    stream = streams.command(command.account, command.command_id)
    yield stream
    if view.peek(stream) is None:  # A spent id decides nothing more.
        yield streams.settings(command.account)
        yield from _needs(command, view)


def _needs(command: c.AnyCommand, view: View) -> Iterable[Need]:  # noqa: PLR0911  one line a command
    match command:
        case c.MergeRecords():
            return merging.merge_needs(command, view)
        case c.CreateRecord():
            return records.create_needs(command, view)
        case c.UpdateRecord():
            return records.update_needs(command, view)
        case c.Associate() | c.Dissociate():
            return links.link_needs(command, view)
        case c.LogActivity():
            return links.activity_needs(command, view)
        case c.SubmitForm():
            return identifiers.form_needs(command, view)
        case c.IdentifierCommand():
            return identifiers.additional_needs(command, view)
        case c.MarkCommand():
            return links.mark_needs(command, view)
        case c.RecreateRecord():
            return records.recreate_needs(command, view)
        case c.DefineSegment():
            return (streams.segment(command.account, command.segment_id),)
        case c.DefineWorkflow():
            return settings.workflow_needs(command)
        case c.ConfigureAccount() | c.DefineObjectType() | c.UnmergeRecords():
            return ()
        case c.ArchiveRecord() | c.RestoreRecord():
            return follow_needs(view, command.account, RecordRef(command.object_type, command.record_id))
    return belonging.record_needs(command, view)


def decide(envelope: c.Envelope, view: View, now: datetime) -> list[Recorded]:
    """Decide a command: its events in order, the last one its outcome on the command's own stream.

    An exact repeat of a command decides nothing: an empty list. `now` is when it is executed, and
    when it happened where the command does not say. A refusal is an outcome; none is raised.
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
        _carry_out(deciding, command)
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
    """Decide a merge without making it. Raises the refusal that the merge would get."""
    return merging.preview(Deciding(command, view, now), command)


def _carry_out(deciding: Deciding, command: c.AnyCommand) -> None:  # noqa: C901, PLR0912, PLR0915  one line a command
    match command:
        case c.MergeRecords():
            merging.merge(deciding, command)
        case c.UnmergeRecords():
            raise UnmergeNotSupported(command.object_type, _WORKAROUNDS.get(command.object_type))
        case c.RecreateRecord():
            records.recreate_record(deciding, command)
        case c.CreateRecord():
            records.create_record(deciding, command)
        case c.UpdateRecord():
            records.update_record(deciding, command)
        case c.ArchiveRecord():
            records.archive_record(deciding, command)
        case c.RestoreRecord():
            records.restore_record(deciding, command)
        case c.Associate():
            links.associate(deciding, command)
        case c.Dissociate():
            links.dissociate(deciding, command)
        case c.LogActivity():
            links.log_activity(deciding, command)
        case c.MarkNotDuplicates():
            links.mark_not_duplicates(deciding, command)
        case c.UnmarkNotDuplicates():
            links.unmark_not_duplicates(deciding, command)
        case c.SubmitForm():
            identifiers.submit_form(deciding, command)
        case c.AddIdentifier():
            identifiers.add_identifier(deciding, command)
        case c.RemoveIdentifier():
            identifiers.remove_identifier(deciding, command)
        case c.SetPrimaryIdentifier():
            identifiers.set_primary_identifier(deciding, command)
        case c.AddToSegment():
            belonging.add_to_segment(deciding, command)
        case c.RemoveFromSegment():
            belonging.remove_from_segment(deciding, command)
        case c.Enroll():
            belonging.enroll(deciding, command)
        case c.Unenroll():
            belonging.unenroll(deciding, command)
        case c.LogPlaybook():
            belonging.log_playbook(deciding, command)
        case c.LinkSync():
            belonging.link_sync(deciding, command)
        case c.UnlinkSync():
            belonging.unlink_sync(deciding, command)
        case c.StartCall():
            belonging.start_call(deciding, command)
        case c.EndCall():
            belonging.end_call(deciding, command)
        case c.Suppress():
            belonging.suppress(deciding, command)
        case c.LiftSuppression():
            belonging.lift_suppression(deciding, command)
        case c.ConfigureAccount():
            settings.configure_account(deciding, command)
        case c.DefineObjectType():
            settings.define_object_type(deciding, command)
        case c.DefineSegment():
            settings.define_segment(deciding, command)
        case c.DefineWorkflow():
            settings.define_workflow(deciding, command)
        case _:
            assert_never(command)
