"""Layer: projections. Segments, who is on them, and every removal by a merge or by hand (H18, H19).

Membership of a static segment is a fact of the record. Membership of an active one follows from
current values: it is evaluated again at every event that changes a value its filter looks at.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from domain.language import events as e
from domain.language.filters import Lookup
from domain.state.computed import lookup
from domain.state.record import Record
from projections.folding.forest import load_members
from projections.folding.intervals import Intervals, interval_table
from projections.folding.page import Entry, Page, sides
from projections.models.current_records import read_state
from projections.models.identifiers import IDENTIFIERS
from projections.models.segment_definitions import (
    NO_DEFINITIONS,
    Definition,
    Definitions,
    definition_of,
    load_definitions,
    touched_by,
)
from projections.models.workflow_enrollment import reason_of
from projections.store.tables import (
    INTEGER,
    RECORD,
    STOOD_AT,
    TEXT,
    TEXT_NULL,
    ColumnType,
    Index,
    RecordKey,
    Rows,
    Table,
    View,
    as_json,
    sql_time,
)

SEGMENTS: Final = Table(
    "segments",
    {
        "account": TEXT,
        "segment_id": TEXT,
        "name": TEXT,
        "object_type": TEXT,
        "kind": TEXT,
        "filter_groups": TEXT,
        "position": INTEGER,
    },
    ("account", "segment_id"),
)
SEGMENT_MEMBERSHIPS: Final = interval_table(
    "segment_memberships",
    {"account": TEXT, "segment_id": TEXT, "object_type": TEXT, "record_id": TEXT},
    {"kind": TEXT},
    (Index(RECORD),),
)


def _removals(name: str) -> Table:
    columns = ("account", "segment_id", "position", "object_type", "record_id", "cause", "reason", "at")
    nullable: dict[str, ColumnType] = {"position": INTEGER, "reason": TEXT_NULL}
    return Table(name, {one: nullable.get(one, TEXT) for one in columns}, columns[:5], is_log=True)


STATIC_SEGMENT_REMOVALS: Final = _removals("static_segment_removals")
ACTIVE_SEGMENT_REMOVALS: Final = _removals("active_segment_removals")
ACTIVE_RECORDS: Final = (
    "SELECT record_id, state FROM current_records"
    " WHERE account = :account AND object_type = :object_type AND status = 'active' AND record_id > :after"
    " ORDER BY record_id LIMIT :limit"
)
_SCANNED_AT_ONCE: Final = 5_000


def _look_at(page: Page, rows: Rows, record: RecordKey, state: Record, position: int) -> Lookup:
    """Return how filters look at a record at an event of the page."""
    _, object_type, record_id = record

    def members() -> list[RecordKey]:
        if state.merge_count and record not in page.lineages.members:
            page.lineages.add(load_members(rows, [record]))
        return page.lineages.tree(record)

    def held(kind: str) -> list[str]:
        claimed = rows.by_keys(IDENTIFIERS, ["kind", "value"], RECORD, members(), STOOD_AT, at=position)
        return [value for of_kind, value in claimed if of_kind == kind]

    return lookup(object_type, record_id, state.plain, lambda: (key[2] for key in members()[1:]), held)


class _Fold:
    """The memberships that a page touches."""

    def __init__(self, page: Page, rows: Rows) -> None:
        self.page, self.rows = page, rows
        self.memberships = Intervals(SEGMENT_MEMBERSHIPS, rows)
        self.of_record: dict[RecordKey, dict[str, str]] = defaultdict(dict)  # Segment id to kind.
        self.removed: dict[str, list[tuple[object, ...]]] = {"static": [], "active": []}

    def load(self, on: tuple[str, ...], keys: Iterable[tuple[Any, ...]]) -> None:
        self.memberships.load(on, keys)
        for account, segment_id, object_type, record_id in sorted(self.memberships.standing()):
            told = self.memberships.told((account, segment_id, object_type, record_id))
            self.of_record[account, object_type, record_id][segment_id] = told[0]

    def begin(self, record: RecordKey, segment_id: str, kind: str, position: int) -> None:
        if segment_id not in self.of_record[record]:
            self.memberships.begin(_key(record, segment_id), position, kind)
            self.of_record[record][segment_id] = kind

    def end(self, record: RecordKey, segment_id: str, position: int) -> None:
        if self.of_record[record].pop(segment_id, None) is not None:
            self.memberships.end(_key(record, segment_id), position)

    def remove(self, x: Entry[e.Event], record_id: str, segment_id: str, kind: str, cause: str) -> None:
        self.removed[kind].append(
            (
                x.account, segment_id, x.position, x.object_type, record_id, cause, reason_of(x.event),
                sql_time(x.event.occurred_at),
            )
        )  # fmt: skip

    def evaluate(self, record: RecordKey, state: Record, position: int, definitions: Iterable[Definition]) -> None:
        look = _look_at(self.page, self.rows, record, state, position)
        for one in definitions:
            if state.status == "active" and one.has(look):
                self.begin(record, one.segment_id, "active", position)
            else:
                self.end(record, one.segment_id, position)

    def merge(self, x: Entry[e.Event], merged: e.RecordsMerged) -> None:
        """Both sides leave all segments; what was carried begins for the merged record."""
        cause = f"merge:{merged.merge_id}"
        for side in sides(x, merged):
            for segment_id, kind in list(self.of_record[side].items()):
                self.end(side, segment_id, x.position)
                if kind == "active":
                    self.remove(x, side[2], segment_id, "active", cause)
        for segment_id in merged.segments_removed:
            self.remove(x, merged.secondary_id, segment_id, "static", cause)
        for segment_id in merged.segments_carried:
            self.begin(x.record, segment_id, "static", x.position)

    def write(self) -> None:
        self.memberships.write()
        for table, kind in ((STATIC_SEGMENT_REMOVALS, "static"), (ACTIVE_SEGMENT_REMOVALS, "active")):
            if self.removed[kind]:
                self.rows.write(table, self.removed[kind])


def _moves_members(event_class: type[e.Event]) -> bool:
    return event_class.MOVES_MEMBERS


def _may_change_active(event_class: type[e.Event]) -> bool:
    """Whether a filter may give another answer after such an event, or a static membership changes."""
    return (
        _moves_members(event_class)
        or event_class.CHANGES_PRESENCE
        or event_class.SETS_VALUES
        or "identifiers" in event_class.CLAIMS
    )


class SegmentMembership:
    """Follows memberships. The definition of an active segment comes alone in its page."""

    name = "segment_membership"
    tables = (SEGMENTS, SEGMENT_MEMBERSHIPS, STATIC_SEGMENT_REMOVALS, ACTIVE_SEGMENT_REMOVALS)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Keep definitions; begin and end the memberships that the page's events change."""
        defined = page.of(e.SegmentDefined)
        if defined:
            last = {(x.account, x.key): x for x in defined}
            rows.write(SEGMENTS, [_definition_row(x) for x in last.values()])
            for x in last.values():
                if x.event.kind == "active":
                    _define(page, rows, x)
        definitions = load_definitions(page, rows)
        changed = page.where(_may_change_active if definitions else _moves_members)
        if changed:
            _follow(_Fold(page, rows), changed, definitions)


def _follow(fold: _Fold, changed: list[Entry[e.Event]], definitions: dict[tuple[str, str], Definitions]) -> None:
    touched = {x.position: touched_by(x, definitions.get((x.account, x.object_type), NO_DEFINITIONS)) for x in changed}
    concerned: set[RecordKey] = set()
    for x in changed:
        if isinstance(x.event, e.RecordsMerged):
            concerned.update(sides(x, x.event))
        elif x.event.MOVES_MEMBERS or (touched[x.position] and not isinstance(x.event, e.RecordCreated)):
            concerned.add(x.record)
    fold.load(RECORD, concerned)
    for x in changed:
        match x.event:
            case e.AddedToSegment(segment_id=segment_id):
                fold.begin(x.record, segment_id, "static", x.position)
            case e.RemovedFromSegment(segment_id=segment_id):
                fold.end(x.record, segment_id, x.position)
                fold.remove(x, x.record_id, segment_id, "static", f"command:{x.event.command_id}")
            case e.RecordsMerged() as merged:
                fold.merge(x, merged)
            case _ if x.event.MOVES_MEMBERS:  # Nobody would see whom it moves.
                msg = f"{x.event.EVENT_TYPE} declares MOVES_MEMBERS, and segment membership has no case for it"
                raise TypeError(msg)
        if touched[x.position] and x.after is not None:
            fold.evaluate(x.record, x.after, x.position, touched[x.position])
    fold.write()


def _key(record: RecordKey, segment_id: str) -> tuple[str, str, str, str]:
    account, object_type, record_id = record
    return account, segment_id, object_type, record_id


def _definition_row(x: Entry[e.SegmentDefined]) -> tuple[object, ...]:
    event = x.event
    return x.account, x.key, event.name, event.object_type, event.kind, as_json(event.filter_groups), x.position


def _define(page: Page, rows: Rows, x: Entry[e.SegmentDefined]) -> None:
    """Evaluate a filter that is new on every record of its type."""
    fold = _Fold(page, rows)
    fold.load(("account", "segment_id"), [(x.account, x.key)])
    definition = definition_of(x.key, x.event.filter_groups)
    of_type = {"account": x.account, "object_type": x.event.object_type}
    after = ""
    while found := rows.select(ACTIVE_RECORDS, **of_type, after=after, limit=_SCANNED_AT_ONCE):
        for record_id, state in found:
            fold.evaluate((*of_type.values(), record_id), read_state(state), x.position, [definition])
        after = found[-1][0]
    fold.write()
