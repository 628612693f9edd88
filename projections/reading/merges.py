"""Layer: projections. Merges as readers see them: those that were made, and previews.

The event and the lists that grow along a chain (merged ids, addresses, tokens, playbooks) are explained in the
domain; the lists, and the attributes lost, are read here as of the merge's position.
"""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import UNSET
from msgspec.structs import asdict, replace

from domain.language import events as e
from domain.language.ids import RecordId, RecordRef
from domain.language.warned import Warned
from domain.merge.explained import United, explain, ids
from projections.models.merged_ids import MERGES
from projections.models.playbooks import PLAYBOOKS
from projections.reading import shapes
from projections.reading.as_of import Lineages, Moment, lineages
from projections.reading.losing_links import Trees, attributes_lost, with_attributes
from projections.reading.records import claimed
from projections.store.tables import RECORD, STOOD_AT, RecordKey, read_time

_read_event: Final = msgspec.json.Decoder(e.RecordsMerged).decode
NEAR_LIMIT: Final = 0.9  # Of the merge limit.


class Around(NamedTuple):
    """What is loaded once for all merges of a page."""

    lineages: Lineages
    with_attributes: set[RecordKey]  # Ids whose links have, or had, attributes.


def around(moment: Moment, records: Collection[RecordKey]) -> Around:
    """Load the lineages of some records, and what their merges look at."""
    loaded = lineages(moment, records)
    return Around(loaded, with_attributes(moment, {*loaded.members, *records}))


def merge_shown(
    moment: Moment, result: RecordRef, event: e.RecordsMerged, loaded: Around | None = None
) -> shapes.Merge:
    """Assemble a merge without its position and the time it was recorded."""
    sides = [(moment.account, result.object_type, side) for side in (event.primary_id, event.secondary_id)]
    known = loaded or around(moment, sides)
    trees = Trees(known.lineages.tree(sides[0]), known.lineages.tree(sides[1]), known.with_attributes)
    united = _united(moment, event, known.lineages.merged_ids(*sides), trees)
    merge = explain(event, moment.account, result, united)
    lost = attributes_lost(moment, trees, event)
    associations = shapes.AssociationEffects(**asdict(merge.effects.associations), attributes_lost=lost)
    effects = shapes.Effects(**{**asdict(merge.effects), "associations": associations})
    return shapes.Merge(**{**asdict(merge), "effects": effects})


def preview_shown(moment: Moment, result: RecordRef, event: e.RecordsMerged) -> shapes.Merge:
    """Assemble a merge as it would be, without ids and times, which are not final."""
    merge = merge_shown(moment, result, event)
    return replace(merge, merge_id=UNSET, command_id=UNSET, result_id=UNSET, occurred_at=UNSET)


def _united(moment: Moment, event: e.RecordsMerged, merged_ids: Sequence[RecordId], trees: Trees) -> United:
    lineage = [*trees.primary, *trees.secondary]
    return United(
        [*merged_ids, event.primary_id, event.secondary_id],
        claimed(moment, {lineage[0]: lineage})[lineage[0]].values,
        _playbooks_kept(moment, event, lineage),
    )


def _playbooks_kept(moment: Moment, event: e.RecordsMerged, lineage: Sequence[RecordKey]) -> list[str]:
    if not event.has_playbooks:
        return []
    rows = moment.rows.by_keys(
        PLAYBOOKS, ("playbook_id",), RECORD, lineage, f"state = 'logged' AND {STOOD_AT}", at=moment.at
    )
    return [playbook_id for (playbook_id,) in rows]


# -- merges that were made

_COLUMNS: Final = ("position", "object_type", "result_id", "recorded_at", "event")
SELECT_MERGES: Final = (
    "SELECT position, object_type, result_id, recorded_at, event FROM merges WHERE account = :account"
)


def read_merge(moment: Moment, merge_id: str) -> shapes.Merge | None:
    """Return one merge; None if no merge has this id."""
    rows = moment.rows.by_keys(MERGES, _COLUMNS, ("account", "merge_id"), [(moment.account, merge_id)])
    merges = read_merges(moment, rows)
    return merges[0] if merges else None


def read_merges(moment: Moment, rows: Sequence[tuple[int, str, str, str, str]]) -> list[shapes.Merge]:
    """Show merges, each as of its own position."""
    events = [_read_event(row[4]) for row in rows]
    loaded = around(moment, {(moment.account, row[1], row[2]) for row in rows})
    found = []
    for (position, object_type, result_id, recorded_at, _), event in zip(rows, events, strict=True):
        as_of = moment._replace(at=position, is_now=False)
        merge = merge_shown(as_of, RecordRef(object_type, result_id), event, loaded)
        found.append(replace(merge, recorded_at=read_time(recorded_at), position=position))
    return found


# -- what to know before a merge


def warnings(event: e.RecordsMerged, shown: shapes.Merge, behind: int) -> list[Warned]:
    """Warn of what a merge would do that nobody can take back. Names ids, and no values.

    `behind` is how many events the ledger has that the read model has not seen.
    """
    found = []
    calls = ids(event.calls_disconnected)
    if calls:
        found.append(Warned("CALL_WILL_DISCONNECT", f"active calls will be disconnected: {', '.join(calls)}"))
    drafts = ids(event.dropped_drafts)
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
