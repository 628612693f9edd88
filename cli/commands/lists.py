"""Layer: cli. Reads what happened: merges, segments, workflows, outcomes, events, and the account's settings."""

from typing import Annotated, Final, Literal, TypeAlias

from cyclopts import Parameter

from cli.drawing import late
from cli.drawing.output import Answer
from cli.drawing.paging import Shown, write_pages
from cli.session.arguments import LIMIT, After, AsOf, Here, Limit, moment, page_asked, time_or_none
from cli.session.opening import position_of, reading, there
from domain.language.outcomes import Outcome
from projections.reading import shapes
from projections.reading.lists import MergesAsked, OutcomesAsked

_WITH_MEMBERS: Final = 20  # Segments or workflows in memory at once, each with all its members.

Since: TypeAlias = Annotated[str | None, Parameter(help="Recorded at or after this date or time.")]


def merges_list(  # noqa: PLR0913  one per filter
    *,
    type_: Annotated[str | None, Parameter("--type", help="Only merges of this object type.")] = None,
    record: Annotated[str | None, Parameter(help="Only merges in the lineage of this id.")] = None,
    since: Since = None,
    until: Annotated[str | None, Parameter(help="Recorded before this date or time.")] = None,
    actor: Annotated[str | None, Parameter(help="Only merges that this actor asked for.")] = None,
    limit: Limit = LIMIT,
    after: After = None,
    session: Here,
) -> int:
    """List merges, the earliest first."""
    begin, end, page = time_or_none(since, "--since"), time_or_none(until, "--until"), page_asked(limit, after)
    asked = MergesAsked(object_type=type_, record_id=record, since=begin, until=end, actor=actor)
    with reading(session, type_) as reader:
        return write_pages(lambda page: reader.merges(asked, page), page, Shown(shapes.Merge, late.merges), session)


def merges_show(merge_id: Annotated[str, Parameter(help="A merge's id.")], /, *, session: Here) -> Answer:
    """Show a merge: both sides, the result, and why."""
    with reading(session) as reader:
        found = reader.merge(merge_id)
    return Answer(there(found, f"merge {merge_id}", session), late.merge_page)


def segments_list(*, limit: Limit = LIMIT, after: After = None, session: Here) -> int:
    """List segments."""
    page = page_asked(limit, after)
    with reading(session) as reader:
        shown = Shown(shapes.Segment, late.segments)
        return write_pages(reader.segments, page, shown, session, chunk=_WITH_MEMBERS)


def segments_show(segment_id: Annotated[str, Parameter(help="A segment's id.")], /, *, session: Here) -> Answer:
    """Show a segment with its members, and who was removed and why."""
    with reading(session) as reader:
        found = reader.segment(segment_id)
    return Answer(there(found, f"segment {segment_id}", session), late.segment_page)


def workflows_list(*, limit: Limit = LIMIT, after: After = None, session: Here) -> int:
    """List workflows."""
    page = page_asked(limit, after)
    with reading(session) as reader:
        shown = Shown(shapes.Workflow, late.workflows)
        return write_pages(reader.workflows, page, shown, session, chunk=_WITH_MEMBERS)


def workflows_show(workflow_id: Annotated[str, Parameter(help="A workflow's id.")], /, *, session: Here) -> Answer:
    """Show a workflow with who is enrolled, and who was unenrolled and why."""
    with reading(session) as reader:
        found = reader.workflow(workflow_id)
    return Answer(there(found, f"workflow {workflow_id}", session), late.workflow_page)


def outcomes_list(  # noqa: PLR0913  one per filter
    *,
    status: Annotated[Literal["applied", "refused", "unreadable"] | None, Parameter(help="Only this status.")] = None,
    code: Annotated[str | None, Parameter(help="Only this code, such as ALREADY_MERGED.")] = None,
    since: Since = None,
    limit: Limit = LIMIT,
    after: After = None,
    session: Here,
) -> int:
    """List the outcomes of commands, in ledger order."""
    asked, page = (
        OutcomesAsked(status=status, code=code, since=time_or_none(since, "--since")),
        page_asked(limit, after),
    )
    with reading(session) as reader:
        return write_pages(
            lambda page: reader.outcomes(asked, page),
            page,
            Shown(Outcome, late.outcomes, without={"line"}),
            session,
        )


def outcomes_show(command_id: Annotated[str, Parameter(help="A command's id.")], /, *, session: Here) -> Answer:
    """Show a command's outcome; stderr reports how many other bodies were sent with its id."""
    with reading(session) as reader:
        found = reader.outcome(command_id)
    answer, *reused = there(found or None, f"command {command_id}", session)
    again = f"this id was sent with {len(reused)} other bodies since, which changed nothing (COMMAND_ID_REUSED)"
    return Answer(answer, late.outcome_page, notes=(again,) if reused else ())


def events_list(
    *,
    record: Annotated[tuple[str, str] | None, Parameter(help="Only events of the lineage of TYPE ID.")] = None,
    type_: Annotated[str | None, Parameter("--type", help="Only this event type, such as record.merged.v1.")] = None,
    limit: Limit = LIMIT,
    after: After = None,
    session: Here,
) -> int:
    """List events, in order of position."""
    page = page_asked(limit, after)
    with reading(session, record[0] if record else None) as reader:
        return write_pages(
            lambda page: reader.events(record, type_, page),
            page,
            Shown(shapes.EventShown, late.events),
            session,
        )


def account_show(*, as_of: AsOf = None, session: Here) -> Answer:
    """Show the account's effective settings, each with its origin."""
    asked = moment(as_of)
    with reading(session) as reader:
        found = reader.settings(as_of=position_of(reader, asked))
    return Answer(found, late.settings_page)
