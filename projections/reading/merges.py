"""Layer: projections. A merge as it is shown: assembled in one place, for one that was made and for a preview alike.

The event tells what the merge decided; the lists that grow along a chain (merged ids, addresses,
tokens, playbooks) come from the read side as of that position.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from domain.language import events as e
from domain.language.ids import RecordId
from domain.language.values import Plain
from domain.language.warned import Warned
from domain.state.claims import DOMAIN, EMAIL, PRIMARY_IDENTIFIERS, USERTOKEN, claimed_by, claimed_text
from domain.state.record import firsts, kept_value, personal, sync_ids, text_of
from projections.models.merged_ids import MERGES
from projections.models.playbooks import PLAYBOOKS
from projections.models.workflow_enrollment import reason_of
from projections.reading import shapes
from projections.reading.as_of import Lineages, Moment, lineages
from projections.reading.losing_links import Trees, attributes_lost, with_attributes
from projections.reading.records import Claimed, claimed
from projections.store.tables import RECORD, STOOD_AT, RecordKey, read_time

_read_event: Final = msgspec.json.Decoder(e.RecordsMerged).decode
NEAR_LIMIT: Final = 0.9  # Of the merge limit.


class Around(NamedTuple):
    """What is loaded once for all merges that are shown together."""

    of: Lineages
    said: set[RecordKey]  # Ids about whose links something was said.


def around(moment: Moment, records: Collection[RecordKey]) -> Around:
    """Load the lineages of some records, and what merges of them look at."""
    of = lineages(moment, records)
    return Around(of, with_attributes(moment, {*of.members, *records}))


def merge_shown(
    moment: Moment, object_type: str, result_id: RecordId, event: e.RecordsMerged, loaded: Around | None = None
) -> shapes.Merge:
    """Assemble a merge without its ids, times and position, which a preview does not have."""
    sides = [(moment.account, object_type, event.primary_id), (moment.account, object_type, event.secondary_id)]
    of, said = loaded or around(moment, sides)
    trees = Trees(of.tree(sides[0]), of.tree(sides[1]), said)
    decisions = [_decision(one, event, result_id) for one in event.decisions]
    return shapes.Merge(
        object_type=object_type,
        primary_id=event.primary_id,
        primary_version=event.primary_version,
        secondary_id=event.secondary_id,
        secondary_version=event.secondary_version,
        merged_ids=[*of.merged_ids(*sides), event.primary_id, event.secondary_id],
        actor=event.actor,
        reason=reason_of(event),
        rule_set=event.rule_set,
        decisions=decisions,
        effects=_effects(moment, object_type, event, trees, {one.property: one.value for one in decisions}),
        merge_counts=event.merge_counts,
        properties_moved=sum(one.side == "secondary" for one in event.decisions),
    )


def _decision(decided: e.Decided, event: e.RecordsMerged, result_id: RecordId) -> shapes.Decision:
    value, _ = kept_value(decided, event.values, result_id)

    def side(source: RecordId | None) -> shapes.SideValue | None:
        found = None if source is None else personal(event.values, source, decided.property)
        if source is None or found is None:
            return None
        return shapes.SideValue(found.v, found.at, found.source, source)

    return shapes.Decision(
        property=decided.property,
        value=None if value is None else value.v,
        from_=decided.side,
        rule=decided.rule,
        rule_name=decided.rule_name,
        chosen_by_user=decided.chosen,
        primary=side(decided.primary),
        secondary=side(decided.secondary),
    )


def _effects(
    moment: Moment, object_type: str, event: e.RecordsMerged, trees: Trees, values: dict[str, Plain]
) -> shapes.Effects:
    lineage = [*trees.primary, *trees.secondary]
    claims = claimed(moment, {lineage[0]: lineage})[lineage[0]]

    def identifiers(kind: str) -> shapes.Identifiers:
        primary = values.get(kind) if PRIMARY_IDENTIFIERS.get(object_type) == kind else None
        return shapes.Identifiers(None if primary is None else str(primary), claims.of(kind, primary))

    kept, unlinked = sync_ids(event.sync_kept, event.values), sync_ids(event.sync_unlinked, event.values)
    return shapes.Effects(
        associations=shapes.AssociationEffects(
            _refs(event.demoted),
            _refs(event.dropped_self),
            [shapes.LabelDropped(object_type, one.record_id, one.label) for one in event.hierarchy_dropped],
            attributes_lost(moment, trees, event),
        ),
        static_segments=shapes.SegmentEffects(list(event.segments_removed), list(event.segments_carried)),
        workflows=shapes.WorkflowEffects(_ids(event.unenrolled), list(event.enrolled)),
        identifiers=shapes.IdentifierEffects(
            identifiers(EMAIL), identifiers(DOMAIN), _unique(object_type, event, claims, values), claims.of(USERTOKEN)
        ),
        sync=shapes.SyncEffects(firsts(kept), firsts(unlinked), kept, unlinked),
        playbooks=shapes.PlaybookEffects(_playbooks_kept(moment, event, lineage), _ids(event.dropped_drafts)),
        calls_disconnected=_ids(event.calls_disconnected),
        suppressions=[
            shapes.Suppressed(
                one.kind,
                one.topic,
                None if one.address is None else text_of(event.values, one.source_record_id, one.address),
                one.at,
                one.source_record_id,
            )
            for one in event.suppressions
        ],
        skipped=list(event.skipped),
    )


def _unique(
    object_type: str, event: e.RecordsMerged, claims: Claimed, values: dict[str, Plain]
) -> dict[str, shapes.Identifiers]:
    """List the values of unique properties that lead to the merged record, those that the merge claims among them."""
    found = claims.unique(object_type)
    for name, new in claimed_by(event).items():
        found[name] = [*found.get(name, ()), *new]
    shown = {}
    for name, of in sorted(found.items()):
        primary = None if values.get(name) is None else claimed_text(values[name])
        shown[name] = shapes.Identifiers(primary, [one for one in of if one != primary])
    return shown


def _refs(refs: Iterable[tuple[str, str]]) -> list[shapes.Ref]:
    return [shapes.Ref(*ref) for ref in refs]


def _ids(things: Iterable[e.OfRecord]) -> list[str]:
    return list(dict.fromkeys(one.id for one in things))


def _playbooks_kept(moment: Moment, event: e.RecordsMerged, lineage: Sequence[RecordKey]) -> list[str]:
    if not event.has_playbooks:
        return []
    rows = moment.rows.by_keys(
        PLAYBOOKS, ("playbook_id",), RECORD, lineage, f"state = 'logged' AND {STOOD_AT}", at=moment.at
    )
    return sorted({playbook_id for (playbook_id,) in rows})


# -- merges that were made

_COLUMNS: Final = ("position", "object_type", "result_id", "recorded_at", "event")
SELECT_MERGES: Final = (
    "SELECT position, object_type, result_id, recorded_at, event FROM merges WHERE account = :account"
)


def read_merge(moment: Moment, merge_id: str) -> shapes.Merge | None:
    """Show one merge; None where there is none of this id."""
    rows = moment.rows.by_keys(MERGES, _COLUMNS, ("account", "merge_id"), [(moment.account, merge_id)])
    found = read_merges(moment, rows)
    return found[0] if found else None


def read_merges(moment: Moment, rows: Sequence[tuple[int, str, str, str, str]]) -> list[shapes.Merge]:
    """Show merges, each as of its own position."""
    events = [_read_event(row[4]) for row in rows]
    loaded = around(moment, {(moment.account, row[1], row[2]) for row in rows})
    found = []
    for (position, object_type, result_id, recorded_at, _), event in zip(rows, events, strict=True):
        shown = merge_shown(moment._replace(at=position, is_now=False), object_type, result_id, event, loaded)
        found.append(
            replace(
                shown,
                merge_id=event.merge_id,
                command_id=event.command_id,
                result_id=result_id,
                occurred_at=event.occurred_at,
                recorded_at=read_time(recorded_at),
                position=position,
            )
        )
    return found


# -- what to know before a merge


def warnings(event: e.RecordsMerged, shown: shapes.Merge, behind: int) -> list[Warned]:
    """Tell what a merge would do that nobody can take back. Names ids, and no values.

    `behind` is how many events the ledger has that the read model has not seen.
    """
    found = []
    calls = _ids(event.calls_disconnected)
    if calls:
        found.append(Warned("CALL_WILL_DISCONNECT", f"active calls will be disconnected: {', '.join(calls)}"))
    drafts = _ids(event.dropped_drafts)
    if drafts:
        found.append(Warned("DRAFTS_DROPPED", f"draft playbooks will not be kept: {', '.join(drafts)}"))
    if event.sync_unlinked:
        systems = ", ".join(sorted(event.sync_unlinked))
        found.append(Warned("SYNC_LOST", f"the secondary record stops syncing with: {systems}"))
    if event.skipped:
        effects = ", ".join(one.effect for one in event.skipped)
        found.append(Warned("EFFECT_SKIPPED", f"the account's subscription leaves out: {effects}"))
    counts = event.merge_counts
    if counts.primary + counts.secondary >= counts.limit * NEAR_LIMIT:
        done = counts.primary + counts.secondary
        found.append(Warned("NEAR_MERGE_LIMIT", f"{done} merges of at most {counts.limit} are in these records"))
    if lost := shown.effects.associations.attributes_lost.total:
        said = f"{lost} labels of links end or lose attributes: see effects.associations.attributes_lost"
        found.append(Warned("ATTRIBUTES_LOST", said, {"total": lost}))
    if behind > 0:
        said = f"the read model is {behind} events behind: what is read from it, such as attributes_lost, may be too"
        found.append(Warned("READ_MODEL_BEHIND", said, {"events": behind}))
    return found
