"""Layer: cli. Reads what happened: merges, segments, workflows, outcomes, events, and the account's settings."""

from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from cli.arguments import LIMIT, After, AsOf, Here, Limit, moment, page_limit, time_or_none
from cli.opening import position_of, reading, there
from cli.output import Answer, drawn_by
from cli.paging import page_of

Since: TypeAlias = Annotated[str | None, Parameter(help="Recorded at or after this date or time.")]


def merges_list(  # noqa: PLR0913  one a filter
    *,
    type_: Annotated[str | None, Parameter("--type", help="Only merges of this object type.")] = None,
    record: Annotated[str | None, Parameter(help="Only merges in the lineage of this id.")] = None,
    since: Since = None,
    until: Annotated[str | None, Parameter(help="Recorded before this date or time.")] = None,
    actor: Annotated[str | None, Parameter(help="Only merges that this actor asked for.")] = None,
    limit: Limit = LIMIT,
    after: After = None,
    session: Here,
) -> Answer:
    """List merges, the earliest first."""
    begin, end, limit = time_or_none(since, "--since"), time_or_none(until, "--until"), page_limit(limit)
    with reading(session) as reader:
        found = reader.merges(
            object_type=type_, record_id=record, since=begin, until=end, actor=actor, limit=limit, after=after
        )
    return page_of(found, drawn_by("tables:merges"))


def merges_show(merge_id: Annotated[str, Parameter(help="A merge's id.")], /, *, session: Here) -> Answer:
    """Show a merge: both sides, the result, and why."""
    with reading(session) as reader:
        found = reader.merge(merge_id)
    return Answer(there(found, f"merge {merge_id}", session), drawn_by("pages:merge_page"))


def segments_list(*, limit: Limit = LIMIT, after: After = None, session: Here) -> Answer:
    """List segments."""
    limit = page_limit(limit)
    with reading(session) as reader:
        found = reader.segments(limit=limit, after=after)
    return page_of(found, drawn_by("tables:segments"))


def segments_show(segment_id: Annotated[str, Parameter(help="A segment's id.")], /, *, session: Here) -> Answer:
    """Show a segment with its members, and who was removed and why."""
    with reading(session) as reader:
        found = reader.segment(segment_id)
    return Answer(there(found, f"segment {segment_id}", session), drawn_by("states:segment_page"))


def workflows_list(*, limit: Limit = LIMIT, after: After = None, session: Here) -> Answer:
    """List workflows."""
    limit = page_limit(limit)
    with reading(session) as reader:
        found = reader.workflows(limit=limit, after=after)
    return page_of(found, drawn_by("tables:workflows"))


def workflows_show(workflow_id: Annotated[str, Parameter(help="A workflow's id.")], /, *, session: Here) -> Answer:
    """Show a workflow with who is enrolled, and who was unenrolled and why."""
    with reading(session) as reader:
        found = reader.workflow(workflow_id)
    return Answer(there(found, f"workflow {workflow_id}", session), drawn_by("states:workflow_page"))


def outcomes_list(  # noqa: PLR0913  one a filter
    *,
    status: Annotated[Literal["applied", "refused", "unreadable"] | None, Parameter(help="Only this status.")] = None,
    code: Annotated[str | None, Parameter(help="Only this code, such as ALREADY_MERGED.")] = None,
    since: Since = None,
    limit: Limit = LIMIT,
    after: After = None,
    session: Here,
) -> Answer:
    """List what became of commands, in the order of the ledger."""
    begin, limit = time_or_none(since, "--since"), page_limit(limit)
    with reading(session) as reader:
        found = reader.outcomes(status=status, code=code, since=begin, limit=limit, after=after)
    return page_of(found, drawn_by("tables:outcomes"))


def outcomes_show(command_id: Annotated[str, Parameter(help="A command's id.")], /, *, session: Here) -> Answer:
    """Show what became of a command: its answer; other bodies sent with its id since are told on stderr."""
    with reading(session) as reader:
        found = reader.outcome(command_id)
    answer, *reused = there(found or None, f"command {command_id}", session)
    again = f"this id was sent with {len(reused)} other bodies since, which changed nothing (COMMAND_ID_REUSED)"
    return Answer(answer, drawn_by("states:outcome_page"), notes=(again,) if reused else ())


def events_list(
    *,
    record: Annotated[tuple[str, str] | None, Parameter(help="Only events of the lineage of TYPE ID.")] = None,
    type_: Annotated[str | None, Parameter("--type", help="Only this event type, such as record.merged.v1.")] = None,
    limit: Limit = LIMIT,
    after: After = None,
    session: Here,
) -> Answer:
    """List events, in order of position."""
    limit = page_limit(limit)
    object_type, record_id = record or (None, None)
    with reading(session) as reader:
        found = reader.events(object_type=object_type, record_id=record_id, event_type=type_, limit=limit, after=after)
    return page_of(found, drawn_by("tables:events"))


def account_show(*, as_of: AsOf = None, session: Here) -> Answer:
    """Show the account's effective settings, each with its origin."""
    asked = moment(as_of)
    with reading(session) as reader:
        found = reader.settings(as_of=position_of(reader, asked))
    return Answer(found, drawn_by("states:settings_page"))
