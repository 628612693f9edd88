"""Layer: projections. Lists: merges, segments, workflows, outcomes and events, a page at a time."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from domain.language import streams
from domain.language.filters import FilterGroup
from domain.language.ids import RecordId
from domain.language.outcomes import Outcome
from ledger.store.port import StoredEvent
from projections.models.outcomes import OUTCOMES
from projections.models.segment_membership import ACTIVE_SEGMENT_REMOVALS, STATIC_SEGMENT_REMOVALS
from projections.models.workflow_enrollment import WORKFLOW_UNENROLLMENTS
from projections.reading import shapes
from projections.reading.as_of import Moment, lineages
from projections.reading.merges import SELECT_MERGES, read_merges
from projections.reading.paging import PageAsked, listing, read_cursor
from projections.reading.settings import known_types
from projections.store.tables import RecordKey, Table, read_time, sql_time

_EVENTS_AT_ONCE: Final = 1_000
_read_filters: Final = msgspec.json.Decoder(list[FilterGroup]).decode
_read_outcome: Final = msgspec.json.Decoder(Outcome).decode

SELECT_SEGMENTS: Final = (
    "SELECT segment_id, name, object_type, kind, filter_groups FROM segments"
    " WHERE account = :account AND segment_id > :after ORDER BY segment_id LIMIT :limit"
)
SELECT_MEMBERS: Final = (
    "SELECT m.segment_id, m.record_id FROM segment_memberships m JOIN current_records r"
    " ON r.account = m.account AND r.object_type = m.object_type AND r.record_id = m.record_id"
    " WHERE m.account = :account AND m.segment_id IN :ids AND m.to_position IS NULL AND r.status = 'active'"
    " ORDER BY m.segment_id, m.from_position, m.record_id"
)
SELECT_WORKFLOWS: Final = (
    "SELECT workflow_id, name, object_type, filter_groups, allow_enrollment_from_merge FROM workflows"
    " WHERE account = :account AND workflow_id > :after ORDER BY workflow_id LIMIT :limit"
)
SELECT_ENROLLED: Final = (
    "SELECT m.workflow_id, m.record_id, m.cause, m.at FROM workflow_enrollments m JOIN current_records r"
    " ON r.account = m.account AND r.object_type = m.object_type AND r.record_id = m.record_id"
    " WHERE m.account = :account AND m.workflow_id IN :ids AND m.to_position IS NULL AND r.status = 'active'"
    " ORDER BY m.workflow_id, m.from_position, m.record_id"
)


class MergesAsked(Struct, frozen=True, kw_only=True):
    """Which merges to list: of a type, of an id's lineage, recorded from `since` to `until`, by an actor."""

    object_type: str | None = None
    record_id: RecordId | None = None
    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None


ALL_MERGES: Final = MergesAsked()


def list_merges(moment: Moment, asked: MergesAsked, page: PageAsked) -> shapes.Listing[shapes.Merge]:
    """List merges, the earliest first."""
    params: dict[str, Any] = {"account": moment.account, "limit": page.limit + 1}
    conditions = []
    if asked.object_type is not None:
        conditions.append("object_type = :object_type")
        params["object_type"] = asked.object_type
    if asked.record_id is not None:
        conditions.append("position IN :positions")
        params["positions"] = _merges_of(moment, asked.object_type, asked.record_id)
    if asked.since is not None:
        conditions.append("recorded_at >= :since")
        params["since"] = sql_time(asked.since)
    if asked.until is not None:
        conditions.append("recorded_at < :until")
        params["until"] = sql_time(asked.until)
    if asked.actor is not None:
        conditions.append("actor = :actor")
        params["actor"] = asked.actor
    place = read_cursor(page.after, (int,))
    if place is not None:
        conditions.append("position > :after")
        params["after"] = place[0]
    sql = " AND ".join([SELECT_MERGES, *conditions]) + " ORDER BY position LIMIT :limit"
    rows = moment.rows.select(sql, **params)
    shown = rows[: page.limit]
    return listing(read_merges(moment, shown), shown[-1][:1] if shown else None, has_more=len(rows) > page.limit)


def _merges_of(moment: Moment, object_type: str | None, record_id: RecordId) -> list[int]:
    """Tell where the merges of an id's whole lineage are; without a type, of every type that has the id."""
    keys = [(moment.account, one, record_id) for one in ([object_type] if object_type else known_types(moment))]
    of = lineages(moment, keys)
    members = {member for key in keys for member in of.tree(of.current(key))}
    merged_at = {of.members[member].merged_position for member in members if member in of.members}
    return sorted(position for position in merged_at if position is not None)


# -- segments and workflows


def list_segments(moment: Moment, page: PageAsked) -> shapes.Listing[shapes.Segment]:
    """List segments by id, each with its members and removals."""
    place = read_cursor(page.after, (str,))
    rows = moment.rows.select(
        SELECT_SEGMENTS, account=moment.account, after=place[0] if place else "", limit=page.limit + 1
    )
    shown = rows[: page.limit]
    return listing(_segments(moment, shown), shown[-1][:1] if shown else None, has_more=len(rows) > page.limit)


def read_segment(moment: Moment, segment_id: str) -> shapes.Segment | None:
    """Show one segment; None where there is none of this id."""
    rows = moment.rows.select(
        SELECT_SEGMENTS.replace("segment_id > :after", "segment_id = :after"),
        account=moment.account,
        after=segment_id,
        limit=1,
    )
    return _segments(moment, rows)[0] if rows else None


def _segments(moment: Moment, rows: Sequence[tuple[Any, ...]]) -> list[shapes.Segment]:
    ids = [row[0] for row in rows]
    members: dict[str, list[str]] = {one: [] for one in ids}
    for segment_id, record_id in moment.rows.select(SELECT_MEMBERS, account=moment.account, ids=ids):
        members[segment_id].append(record_id)
    removals = {
        **_ended(moment, STATIC_SEGMENT_REMOVALS, "segment_id", [row[0] for row in rows if row[3] == "static"]),
        **_ended(moment, ACTIVE_SEGMENT_REMOVALS, "segment_id", [row[0] for row in rows if row[3] == "active"]),
    }
    return [
        shapes.Segment(
            segment_id=segment_id,
            name=name,
            object_type=object_type,
            kind=kind,
            filter_groups=_read_filters(filters) if kind == "active" else msgspec.UNSET,
            members=members[segment_id],
            removals=removals[segment_id],
        )
        for segment_id, name, object_type, kind, filters in rows
    ]


def _ended(moment: Moment, table: Table, of: str, ids: Sequence[str]) -> dict[str, list[shapes.Ended]]:
    found: dict[str, list[shapes.Ended]] = {one: [] for one in ids}
    rows = moment.rows.by_keys(
        table,
        (of, "position", "record_id", "cause", "reason", "at"),
        ("account", of),
        [(moment.account, i) for i in ids],
    )
    for one, _, record_id, cause, reason, at in sorted(rows, key=lambda row: row[:3]):
        found[one].append(shapes.Ended(record_id, cause, reason, read_time(at)))
    return found


def list_workflows(moment: Moment, page: PageAsked) -> shapes.Listing[shapes.Workflow]:
    """List workflows by id, each with who is enrolled and who was unenrolled."""
    place = read_cursor(page.after, (str,))
    rows = moment.rows.select(
        SELECT_WORKFLOWS, account=moment.account, after=place[0] if place else "", limit=page.limit + 1
    )
    shown = rows[: page.limit]
    return listing(_workflows(moment, shown), shown[-1][:1] if shown else None, has_more=len(rows) > page.limit)


def read_workflow(moment: Moment, workflow_id: str) -> shapes.Workflow | None:
    """Show one workflow; None where there is none of this id."""
    rows = moment.rows.select(
        SELECT_WORKFLOWS.replace("workflow_id > :after", "workflow_id = :after"),
        account=moment.account,
        after=workflow_id,
        limit=1,
    )
    return _workflows(moment, rows)[0] if rows else None


def _workflows(moment: Moment, rows: Sequence[tuple[Any, ...]]) -> list[shapes.Workflow]:
    ids = [row[0] for row in rows]
    enrolled: dict[str, list[shapes.Enrolled]] = {one: [] for one in ids}
    for workflow_id, record_id, cause, at in moment.rows.select(SELECT_ENROLLED, account=moment.account, ids=ids):
        enrolled[workflow_id].append(shapes.Enrolled(record_id, cause, read_time(at)))
    unenrolled = _ended(moment, WORKFLOW_UNENROLLMENTS, "workflow_id", ids)
    return [
        shapes.Workflow(
            workflow_id=workflow_id,
            name=name,
            object_type=object_type,
            filter_groups=_read_filters(filters) or msgspec.UNSET,
            allow_enrollment_from_merge=bool(allows),
            enrolled=enrolled[workflow_id],
            unenrollments=unenrolled[workflow_id],
        )
        for workflow_id, name, object_type, filters, allows in rows
    ]


# -- outcomes and events


class OutcomesAsked(Struct, frozen=True, kw_only=True):
    """Which outcomes to list: of a status, with a code, recorded from `since` on."""

    status: str | None = None
    code: str | None = None
    since: datetime | None = None


ALL_OUTCOMES: Final = OutcomesAsked()


def list_outcomes(moment: Moment, asked: OutcomesAsked, page: PageAsked) -> shapes.Listing[Outcome]:
    """List outcomes in the order of the ledger."""
    sql = "SELECT position, outcome FROM outcomes WHERE account = :account"
    params: dict[str, Any] = {"account": moment.account, "limit": page.limit + 1}
    for name, value in (("status", asked.status), ("code", asked.code)):
        if value is not None:
            sql += f" AND {name} = :{name}"
            params[name] = value
    if asked.code is not None or asked.status not in {None, "applied"}:
        sql += " AND status <> 'applied'"  # Few, and in an index of their own.
    if asked.since is not None:
        sql += " AND recorded_at >= :since"
        params["since"] = sql_time(asked.since)
    place = read_cursor(page.after, (int,))
    if place is not None:
        sql += " AND position > :after"
        params["after"] = place[0]
    rows = moment.rows.select(sql + " ORDER BY position LIMIT :limit", **params)
    shown = rows[: page.limit]
    results = [_read_outcome(outcome) for _, outcome in shown]
    return listing(results, shown[-1][:1] if shown else None, has_more=len(rows) > page.limit)


def read_outcomes(moment: Moment, command_id: str) -> list[Outcome]:
    """Show what became of a command: its answer, then a refusal each time its id was sent with another body."""
    rows = moment.rows.by_keys(
        OUTCOMES, ("position", "outcome"), ("account", "command_id"), [(moment.account, command_id)]
    )
    return [_read_outcome(outcome) for _, outcome in sorted(rows)]


def list_events(
    moment: Moment, record: RecordKey | None, event_type: str | None, page: PageAsked
) -> shapes.Listing[shapes.EventShown]:
    """List events as they are stored, in order; of a record these are its whole lineage's."""
    place = read_cursor(page.after, (int,))
    begin = place[0] if place else 0
    found: list[StoredEvent] = []
    for stored in _of_record(moment, record, begin) if record is not None else _of_account(moment, begin):
        if event_type in (None, stored.type):
            found.append(stored)
            if len(found) > page.limit:
                break
    shown = found[: page.limit]
    results = [
        shapes.EventShown(
            position=one.position,
            stream=one.stream,
            version=one.version,
            type=one.type,
            recorded_at=one.recorded_at,
            data=Raw(one.data),
        )
        for one in shown
    ]
    return listing(results, (shown[-1].position,) if shown else None, has_more=len(found) > page.limit)


def _of_record(moment: Moment, record: RecordKey, after: int) -> list[StoredEvent]:
    of = lineages(moment, [record])
    stored = [
        one
        for key in of.tree(of.current(record))
        for one in moment.ledger.stream(streams.record(*key), moment.at)
        if one.position > after
    ]
    return sorted(stored, key=lambda one: one.position)


def _of_account(moment: Moment, after: int) -> Iterable[StoredEvent]:
    prefix = f"{moment.account}/"
    while stored := moment.ledger.read(after, _EVENTS_AT_ONCE):
        after = stored[-1].position
        for one in stored:
            if one.position > moment.at:
                return
            if one.stream.startswith(prefix):
                yield one
