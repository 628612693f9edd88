"""Layer: projections. What happened over time to a lineage: its history, timeline and tree (H13 to H15)."""

from typing import Final

import msgspec
from msgspec import Struct

from domain.language import events as e
from domain.language.values import Value
from projections.models.history import PROPERTY_CHANGES
from projections.models.merged_ids import MERGES
from projections.models.timeline import ACTIVITIES, ACTIVITY_RECORDS
from projections.reading import shapes
from projections.reading.as_of import Lineages, Moment, lineages, stood
from projections.reading.paging import PageAsked, listing, read_cursor
from projections.store.tables import RECORD, Newest, RecordKey, read_time, sql_time

_read_changes: Final = msgspec.json.Decoder(dict[str, Value]).decode
_read_records: Final = msgspec.json.Decoder(list[tuple[str, str]]).decode
_read_merged: Final = msgspec.json.Decoder(e.RecordsMerged).decode


class _Set(Struct, frozen=True):
    """A value that was set on a record of the lineage; `place` is the record's in the tree, primary first."""

    name: str
    value: Value
    record: RecordKey
    place: int
    position: int
    cause: str

    @property
    def order(self) -> tuple[str, int, str]:
        """The order of history: by time, then as recorded."""
        return sql_time(self.value.at), self.position, self.name


def history(
    moment: Moment, record: RecordKey, property_name: str | None, page: PageAsked
) -> shapes.Listing[shapes.HistoryEntry] | None:
    """List every value set in the lineage, by time; None where there is no such record."""
    of = lineages(moment, [record])
    current = of.current(record)
    state = stood(moment, [current]).get(current)
    if state is None:
        return None
    tree = of.tree(current)
    entries = _set(moment, tree, property_name)
    latest: dict[tuple[str, RecordKey], int] = {}
    for one in entries:
        latest[one.name, one.record] = max(one.position, latest.get((one.name, one.record), 0))
    shown = sorted(_without_doubles(moment, of, entries), key=lambda one: one.order)
    place = read_cursor(page.after, (str, int, str))
    if place is not None:
        shown = [one for one in shown if one.order > place]
    results = [
        shapes.HistoryEntry(
            property=one.name,
            value=one.value.v,
            at=one.value.at,
            source=one.value.source,
            source_record_id=one.record[2],
            cause=one.cause,
            current=one.name in state.state.properties
            and state.state.origin(one.name) == one.record[2]
            and latest[one.name, one.record] == one.position,
        )
        for one in shown[: page.limit]
    ]
    return listing(
        results, shown[page.limit - 1].order if len(shown) > page.limit else None, has_more=len(shown) > page.limit
    )


def _set(moment: Moment, tree: list[RecordKey], property_name: str | None) -> list[_Set]:
    places = {key: place for place, key in enumerate(tree)}
    entries = []
    for account, object_type, record_id, position, cause, changes in moment.rows.by_keys(
        PROPERTY_CHANGES, (*RECORD, "position", "cause", "changes"), RECORD, tree, "position <= :at", at=moment.at
    ):
        key = (account, object_type, record_id)
        for name, value in _read_changes(changes).items():
            if property_name in (None, name):
                entries.append(_Set(name, value, key, places[key], position, cause))
    return entries


def _without_doubles(moment: Moment, of: Lineages, entries: list[_Set]) -> list[_Set]:
    """Drop a value beside which one of the same time stands on the primary's side (H14), unless the merge kept it."""
    same: dict[tuple[str, str], list[_Set]] = {}
    for one in entries:
        same.setdefault((one.name, one.order[0]), []).append(one)
    doubled = [group for group in same.values() if len({one.place for one in group}) > 1]
    if not doubled:
        return entries
    dropped: set[int] = set()
    for group in doubled:
        for one in group:
            path = of.path(one.record)
            for other in group:
                if other.place < one.place and other.record not in path:
                    if not _was_kept(moment, of, one, path, other):
                        dropped.add(id(one))
                    break
    return [one for one in entries if id(one) not in dropped]


def _was_kept(moment: Moment, of: Lineages, one: _Set, path: list[RecordKey], other: _Set) -> bool:
    """Whether the merge where both sides meet kept this very value, though it is the secondary's."""
    meeting = next(key for key in of.path(other.record) if key in path)
    side = of.members[of.sides(meeting)[0]]
    rows = moment.rows.by_keys(MERGES, ("event",), MERGES.key, [(side.merged_position,)])
    return any(
        decided.property == one.name
        and decided.side == "secondary"
        and decided.secondary == one.record[2]
        and merged.values.get(one.record[2], {}).get(one.name) == one.value
        for (event,) in rows
        for merged in (_read_merged(event),)
        for decided in merged.decisions
    )


def timeline(moment: Moment, record: RecordKey, page: PageAsked) -> shapes.Listing[shapes.Activity] | None:
    """List the activities of a lineage, newest first; None where there is no such record."""
    of = lineages(moment, [record])
    current = of.current(record)
    if not stood(moment, [current]):
        return None
    place = read_cursor(page.after, (str, int))
    before = "position <= :at"
    params: dict[str, object] = {}
    if place is not None:
        before += " AND (at, position) < (:before_at, :before_position)"
        params = {"before_at": place[0], "before_position": place[1]}
    rows = moment.rows.newest_of_records(
        ACTIVITY_RECORDS,
        ("at", "position", "activity_id"),
        of.tree(current),
        Newest(("at", "position"), page.limit + 1),
        before,
        at=moment.at,
        **params,
    )
    newest = sorted(set(rows), reverse=True)
    shown = newest[: page.limit]
    last = shown[-1][:2] if shown else None
    return listing(
        _activities(moment, [activity_id for *_, activity_id in shown]), last, has_more=len(newest) > page.limit
    )


def _activities(moment: Moment, ids: list[str]) -> list[shapes.Activity]:
    found = {
        row[0]: row
        for row in moment.rows.by_keys(
            ACTIVITIES,
            ("activity_id", "activity_type", "at", "subject", "body", "records"),
            ("account", "activity_id"),
            [(moment.account, one) for one in ids],
        )
    }
    logged_on = {one: [(moment.account, *ref) for ref in _read_records(found[one][5])] for one in ids}
    of = lineages(moment, {key for keys in logged_on.values() for key in keys})
    return [
        shapes.Activity(
            activity_id=one,
            activity_type=found[one][1],
            at=read_time(found[one][2]),
            subject=found[one][3],
            body=found[one][4],
            records=[
                shapes.RecordOfActivity(*key[1:]) for key in dict.fromkeys(of.current(key) for key in logged_on[one])
            ],
        )
        for one in ids
    ]


def lineage_tree(moment: Moment, record: RecordKey) -> shapes.LineageTree | None:
    """Show what a record was made of; None where there is no such record."""
    of = lineages(moment, [record])
    root = of.current(record)
    if not stood(moment, [root]):
        return None
    nodes = []
    for key in of.tree(root):
        sides = of.sides(key)
        if not sides:
            nodes.append(shapes.LineageNode(record_id=key[2]))
            continue
        primary = of.members[sides[0]]
        nodes.append(
            shapes.LineageNode(
                record_id=key[2],
                merge_id=primary.merge_id,
                at=None if primary.merged_at is None else read_time(primary.merged_at),
                primary_id=sides[0][2],
                secondary_id=sides[1][2],
            )
        )
    return shapes.LineageTree(root[2], nodes)
