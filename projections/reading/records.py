"""Layer: projections. Records as they stand or stood, assembled for any number at once in the same few queries."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from domain.language.values import Plain
from domain.merge.explained import SuppressionShown
from domain.state.claims import PRIMARY_IDENTIFIERS, USERTOKEN, claimed_text, unique_kind
from domain.state.computed import ADDITIONAL_OF, MERGED_IDS, OBJECT_ID
from domain.state.record import Record
from projections.models.current_records import shown_properties
from projections.models.identifiers import IDENTIFIERS
from projections.models.playbooks import PLAYBOOKS
from projections.models.segment_membership import SEGMENT_MEMBERSHIPS
from projections.models.timeline import ACTIVITY_RECORDS
from projections.reading import shapes
from projections.reading.as_of import Lineages, Moment, Stood, lineages, stood
from projections.reading.links import associations
from projections.store.tables import RECORD, STOOD_AT, Newest, RecordKey, by_record

ACTIVITIES_SHOWN: Final = 100
COUNT_ACTIVITIES: Final = (
    "SELECT COUNT(DISTINCT activity_id) FROM activity_records WHERE account = :account"
    " AND object_type = :object_type AND record_id IN :records AND position <= :at"
)


class Claimed(Struct, frozen=True):
    """What a lineage claims, by kind, in the order of its tree: the record itself, then its primary's side."""

    values: dict[str, list[str]]

    def of(self, kind: str, primary: Plain = None) -> list[str]:
        """List the values of a kind, without the primary one."""
        return [value for value in self.values.get(kind, ()) if value != primary]

    def unique(self, object_type: str) -> dict[str, list[str]]:
        """List the values of every unique property that has one, primary and additional."""
        prefix = unique_kind(object_type, "")
        return {kind.removeprefix(prefix): of for kind, of in sorted(self.values.items()) if kind.startswith(prefix)}


def claimed(moment: Moment, trees: Mapping[RecordKey, Sequence[RecordKey]]) -> dict[RecordKey, Claimed]:
    """Look up what each lineage claims: addresses, domains, tokens."""
    of_record = by_record(
        moment.rows.by_keys(
            IDENTIFIERS,
            (*RECORD, "from_position", "kind", "value"),
            RECORD,
            {key for tree in trees.values() for key in tree},
            STOOD_AT,
            at=moment.at,
        )
    )
    found = {}
    for record, tree in trees.items():
        values: dict[str, list[str]] = {}
        for key in tree:
            for _, kind, value in sorted(of_record.get(key, ())):
                of_kind = values.setdefault(kind, [])
                if value not in of_kind:
                    of_kind.append(value)
        found[record] = Claimed(values)
    return found


def read_records(moment: Moment, requested: Sequence[RecordKey], of: Lineages | None = None) -> list[shapes.Record]:
    """Assemble the records that these ids lead to, in the same order; ids that nothing is known of are left out."""
    of = (of or Lineages(moment.at)).load(moment, requested)
    paths = {key: of.path(key) for key in requested}
    states = stood(moment, {path[-1] for path in paths.values()})
    trees = {key: of.tree(key) for key in states}
    claims = claimed(moment, trees)
    links = associations(moment, of, trees, states)
    playbooks = _playbooks(moment, trees)
    segments = _active_segments(moment, trees)
    activities = newest_activities(moment, trees, ACTIVITIES_SHOWN)
    found = []
    for key in requested:
        path = paths[key]
        current = path[-1]
        one = states.get(current)
        if one is None:
            continue
        state = one.state
        is_active = state.status == "active"
        merged_ids = of.merged_ids(current)
        newest, total = activities[current]
        found.append(
            shapes.Record(
                account=moment.account,
                object_type=current[1],
                id=current[2],
                requested_id=key[2],
                redirected_via=of.redirected_via(path),
                status=state.status,
                created_at=one.created_at,
                updated_at=one.updated_at,
                version=one.version,
                properties=_properties(current, one, merged_ids, claims[current]),
                merged_ids=merged_ids,
                merge_count=state.merge_count,
                associations=links[current],
                activities=newest,
                activities_total=total,
                segments=shapes.SegmentsOfRecord(
                    sorted(state.segments) if is_active else [], segments.get(current, [])
                ),
                workflows=sorted(state.workflows) if is_active else [],
                playbooks=playbooks[current],
                usertokens=claims[current].of(USERTOKEN),
                additional_identifiers=_additional_unique(current[1], state, claims[current]),
                sync={system: links[0].external_id for system, links in sorted(state.sync.items())},
                sync_ids={system: [link.external_id for link in links] for system, links in sorted(state.sync.items())},
                suppressions=[
                    SuppressionShown(s.kind, s.topic, s.address, s.at, s.source_record_id) for s in state.suppressions
                ],
                active_call=state.active_call,
                recreated_from=state.recreated_from,
                position=moment.at,
            )
        )
    return found


def additional(object_type: str, state_values: Mapping[str, Plain], claims: Claimed) -> dict[str, list[str]]:
    """List the additional addresses or domains of a record, under the name of their property."""
    name = PRIMARY_IDENTIFIERS.get(object_type)
    if name is None:
        return {}
    values = claims.of(name, state_values.get(name))
    return {ADDITIONAL_OF[object_type]: values} if values else {}


def _additional_unique(object_type: str, state: Record, claims: Claimed) -> dict[str, list[str]]:
    """List the values of unique properties that lead to a record beside its own."""
    found: dict[str, list[str]] = {}
    for name, values in claims.unique(object_type).items():
        own = state.value(name)
        if others := [value for value in values if own is None or value != claimed_text(own.v)]:
            found[name] = others
    return found


def _properties(record: RecordKey, one: Stood, merged_ids: list[str], claims: Claimed) -> dict[str, Plain]:
    properties = shown_properties(one.state)
    properties.update({name: ";".join(values) for name, values in additional(record[1], properties, claims).items()})
    properties[OBJECT_ID] = record[2]
    if merged_ids:
        properties[MERGED_IDS] = ";".join(merged_ids)
    return dict(sorted(properties.items()))


def _playbooks(
    moment: Moment, trees: Mapping[RecordKey, list[RecordKey]]
) -> dict[RecordKey, list[shapes.PlaybookOfRecord]]:
    keys = {key for tree in trees.values() for key in tree}
    of_record = by_record(
        moment.rows.by_keys(PLAYBOOKS, (*RECORD, "playbook_id", "state"), RECORD, keys, STOOD_AT, at=moment.at)
    )
    found = {}
    for record, tree in trees.items():
        states: dict[str, str] = {}
        for key in tree:
            for playbook_id, state in of_record.get(key, ()):
                if states.get(playbook_id) != "logged":
                    states[playbook_id] = state
        found[record] = [
            shapes.PlaybookOfRecord(playbook_id, "logged" if state == "logged" else "draft")
            for playbook_id, state in sorted(states.items())
        ]
    return found


def _active_segments(moment: Moment, records: Iterable[RecordKey]) -> dict[RecordKey, list[str]]:
    rows = moment.rows.by_keys(
        SEGMENT_MEMBERSHIPS,
        (*RECORD, "segment_id"),
        RECORD,
        list(records),
        f"kind = 'active' AND {STOOD_AT}",
        at=moment.at,
    )
    return {record: sorted(segment_id for (segment_id,) in of) for record, of in by_record(rows).items()}


def newest_activities(
    moment: Moment, trees: Mapping[RecordKey, list[RecordKey]], limit: int
) -> dict[RecordKey, tuple[list[str], int]]:
    """List the newest activities of each lineage and count them all; one that several ids share counts once."""
    of_record = by_record(
        moment.rows.newest_of_records(
            ACTIVITY_RECORDS,
            (*RECORD, "at", "position", "activity_id"),
            {key for tree in trees.values() for key in tree},
            Newest(("at", "position"), limit),
            "position <= :at",
            at=moment.at,
        )
    )
    found = {}
    for record, tree in trees.items():
        newest = sorted({one for key in tree for one in of_record.get(key, ())}, reverse=True)
        total = len(newest)
        if any(len(of_record.get(key, ())) >= limit for key in tree):
            ((total,),) = moment.rows.select(
                COUNT_ACTIVITIES,
                account=moment.account,
                object_type=record[1],
                records=[key[2] for key in tree],
                at=moment.at,
            )
        found[record] = [activity_id for _, _, activity_id in newest[:limit]], total
    return found


def tombstone(moment: Moment, record: RecordKey) -> shapes.Tombstone | None:
    """Show what is left of a record under its own id; None where it was not merged away."""
    path = lineages(moment, [record]).path(record)
    if len(path) == 1:
        return None
    found = stood(moment, [record]).get(record)
    if found is None:
        return None
    return shapes.Tombstone(
        id=record[2],
        merged_into=path[1][2],
        current_id=path[-1][2],
        merge_id=found.state.merge_id or "",
        recorded_at=found.updated_at,
    )
