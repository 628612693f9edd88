"""Layer: domain. Activities on timelines, calls and playbooks."""

from collections.abc import Iterator

from domain.decisions.context import Deciding, follow_needs
from domain.language import events as e
from domain.language import streams
from domain.language.commands import EndCall, LogActivity, LogPlaybook, StartCall
from domain.language.refusals import AlreadyExists
from domain.state.needs import Need
from domain.state.view import View

# -- activities --------------------------------------------------------------------------------------------------------


def activity_needs(command: LogActivity, view: View) -> Iterator[Need]:
    """Whether the activity is known, and the records it is logged on."""
    yield streams.activity(command.account, command.activity_id)
    for target in command.records:
        yield from follow_needs(view, command.account, target.ref)


def log_activity(deciding: Deciding, command: LogActivity) -> None:
    """Log an activity on the timelines of the records that these ids are today."""
    stream = streams.activity(deciding.account_id, command.activity_id)
    records = tuple(dict.fromkeys(deciding.current(target.ref) for target in command.records))
    if deciding.view.exists(stream):
        raise AlreadyExists("activity", command.activity_id)
    deciding.about = records[0]
    named = {
        name: deciding.value(v) for name, v in ((e.SUBJECT, command.subject), (e.BODY, command.body)) if v is not None
    }
    deciding.emit(
        stream,
        e.ActivityLogged(
            activity_type=command.activity_type,
            records=records,
            **deciding.fields(records[0], named),
        ),
    )


# -- calls -------------------------------------------------------------------------------------------------------------


def start_call(deciding: Deciding, command: StartCall) -> None:
    """Start a call; it replaces one that was never ended."""
    ref = deciding.subject(command)
    if deciding.record(ref).active_call != command.call_id:
        deciding.emit_on(ref, e.CallStarted(call_id=command.call_id, **deciding.fields(ref)))


def end_call(deciding: Deciding, command: EndCall) -> None:
    """End this call; another call of the record goes on."""
    ref = deciding.subject(command)
    if deciding.record(ref).active_call == command.call_id:
        deciding.emit_on(ref, e.CallEnded(call_id=command.call_id, **deciding.fields(ref)))


# -- playbooks ---------------------------------------------------------------------------------------------------------


def log_playbook(deciding: Deciding, command: LogPlaybook) -> None:
    """Store a playbook as a draft, or log it; logging ends its draft."""
    ref = deciding.subject(command)
    deciding.emit_on(
        ref, e.PlaybookLogged(playbook_id=command.playbook_id, state=command.state, **deciding.fields(ref))
    )
