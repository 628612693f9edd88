"""Layer: projections. Workflows, who is enrolled in them and why, and every unenrollment with its cause (H24 to H27).

Enrollments are facts that the decisions recorded; nothing is evaluated here.
"""

from typing import Final

from domain.language import events as e
from domain.state.record import text_of
from projections.folding.intervals import Intervals, interval_table
from projections.folding.page import Entry, Page, sides
from projections.store.tables import (
    INTEGER,
    RECORD,
    TEXT,
    TEXT_NULL,
    Index,
    RecordKey,
    Rows,
    Table,
    View,
    as_json,
    sql_time,
)

WORKFLOWS: Final = Table(
    "workflows",
    {
        "account": TEXT,
        "workflow_id": TEXT,
        "name": TEXT,
        "object_type": TEXT,
        "filter_groups": TEXT,
        "allow_enrollment_from_merge": INTEGER,
        "position": INTEGER,
    },
    ("account", "workflow_id"),
)
WORKFLOW_ENROLLMENTS: Final = interval_table(
    "workflow_enrollments",
    {"account": TEXT, "workflow_id": TEXT, "object_type": TEXT, "record_id": TEXT},
    {"cause": TEXT, "at": TEXT},
    (Index(RECORD),),
)
WORKFLOW_UNENROLLMENTS: Final = Table(
    "workflow_unenrollments",
    {
        "account": TEXT,
        "workflow_id": TEXT,
        "position": INTEGER,
        "object_type": TEXT,
        "record_id": TEXT,
        "cause": TEXT,
        "reason": TEXT_NULL,
        "at": TEXT,
    },
    ("account", "workflow_id", "position", "object_type", "record_id"),
    is_log=True,
)


def reason_of(event: e.Event) -> str | None:
    """Tell the reason that came with the command, where one did."""
    for source in event.values:
        reason = text_of(event.values, source, e.REASON)
        if reason is not None:
            return reason
    return None


class WorkflowEnrollment:
    """Follows enrollments."""

    name = "workflow_enrollment"
    tables = (WORKFLOWS, WORKFLOW_ENROLLMENTS, WORKFLOW_UNENROLLMENTS)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Keep definitions; begin and end the enrollments that the page's events change."""
        defined = {(x.account, x.event.workflow_id): _definition(x) for x in page.of(e.WorkflowDefined)}
        if defined:
            rows.write(WORKFLOWS, list(defined.values()))
        entries = [
            x
            for x in page.of(e.WorkflowEnrolled, e.EnrolledByTriggers, e.WorkflowUnenrolled, e.RecordsMerged)
            if not isinstance(x.event, e.RecordsMerged) or _leaving(x.event) or x.event.enrolled
        ]
        if not entries:
            return
        enrolled = Intervals(WORKFLOW_ENROLLMENTS, rows)
        enrolled.load(RECORD, {key for x in entries for key in _concerned(x)})
        of_record: dict[RecordKey, dict[str, None]] = {}
        for account, workflow_id, object_type, record_id in sorted(enrolled.standing()):
            of_record.setdefault((account, object_type, record_id), {})[workflow_id] = None
        ended = []
        for x in entries:
            match x.event:
                case e.WorkflowEnrolled(workflow_id=workflow_id, cause=cause):
                    enrolled.begin(_key(x.record, workflow_id), x.position, cause, sql_time(x.event.occurred_at))
                    of_record.setdefault(x.record, {})[workflow_id] = None
                case e.EnrolledByTriggers(workflow_ids=workflow_ids, cause=cause):
                    for workflow_id in workflow_ids:
                        enrolled.begin(_key(x.record, workflow_id), x.position, cause, sql_time(x.event.occurred_at))
                        of_record.setdefault(x.record, {})[workflow_id] = None
                case e.WorkflowUnenrolled(workflow_id=workflow_id, cause=cause):
                    enrolled.end(_key(x.record, workflow_id), x.position)
                    of_record.get(x.record, {}).pop(workflow_id, None)
                    ended.append(_unenrollment(x, workflow_id, x.record_id, cause))
                case e.RecordsMerged() as merged:
                    # Where the plan leaves workflows out, enrollments end and nobody is unenrolled (H30).
                    cause = f"merge:{merged.merge_id}"
                    for key in sides(x, merged):
                        for workflow_id in of_record.pop(key, {}):
                            enrolled.end(_key(key, workflow_id), x.position)
                    ended.extend(_unenrollment(x, one.id, one.record_id, cause) for one in merged.unenrolled)
                    for workflow_id in merged.enrolled:
                        enrolled.begin(_key(x.record, workflow_id), x.position, cause, sql_time(merged.occurred_at))
                        of_record.setdefault(x.record, {})[workflow_id] = None
        enrolled.write()
        if ended:
            rows.write(WORKFLOW_UNENROLLMENTS, ended)


def _leaving(event: e.RecordsMerged) -> bool:
    return bool(event.unenrolled) or any(one.effect == "workflows" for one in event.skipped)


def _concerned(x: Entry[e.Event]) -> tuple[RecordKey, ...]:
    return sides(x, x.event) if isinstance(x.event, e.RecordsMerged) else (x.record,)


def _key(record: RecordKey, workflow_id: str) -> tuple[str, str, str, str]:
    account, object_type, record_id = record
    return account, workflow_id, object_type, record_id


def _unenrollment(x: Entry[e.Event], workflow_id: str, record_id: str, cause: str) -> tuple[object, ...]:
    return (
        x.account, workflow_id, x.position, x.object_type, record_id, cause, reason_of(x.event),
        sql_time(x.event.occurred_at),
    )  # fmt: skip


def _definition(x: Entry[e.WorkflowDefined]) -> tuple[object, ...]:
    event = x.event
    return (
        x.account, event.workflow_id, event.name, x.key, as_json(event.filter_groups),
        int(event.allow_enrollment_from_merge), x.position,
    )  # fmt: skip
