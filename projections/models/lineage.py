"""Layer: projections. Which record an id is today: the lineage of every record that took part in a merge.

Two look-ups, however long the chain: an id's lineage, then its current record. A merge relabels the
members of the lighter side alone.
"""

from typing import Final

from msgspec.structs import astuple

from domain.language import events as e
from projections.folding.forest import CLIMBS, LINEAGE_MEMBERS, LINEAGES, LineageFold, load_climbs, load_members
from projections.folding.page import Page, sides
from projections.store.tables import RecordKey, Rows, View, as_json

MERGED_IDS: Final = View(
    "merged_ids",
    (
        "account", "object_type", "record_id", "current_id", "merged_into", "side", "merge_id", "merged_at",
        "merged_position",
    ),
    "SELECT m.account, m.object_type, m.record_id, l.current_id, m.merged_into, m.side, m.merge_id, m.merged_at,"
    " m.merged_position FROM lineage_members m JOIN lineages l ON l.lineage = m.lineage"
    " WHERE m.merged_into IS NOT NULL",
)  # fmt: skip


class Lineage:
    """Folds merges into lineages; runs before all others."""

    name = "lineage"
    tables = (LINEAGE_MEMBERS, LINEAGES, CLIMBS)
    views = (MERGED_IDS,)

    def apply(self, page: Page, rows: Rows) -> None:
        """Load the lineages that the page's merges and dissociations concern, and fold the merges in."""
        merges = page.of(e.RecordsMerged)
        merging: set[RecordKey] = {side for entry in merges for side in sides(entry, entry.event)}
        wanted = {*merging}
        for unlinked in page.of(e.Dissociated):
            wanted.add((unlinked.account, *unlinked.event.one))
            wanted.add((unlinked.account, *unlinked.event.other))
        members = load_members(rows, wanted) if wanted else []
        climbs = load_climbs(rows, {member.lineage for member in members if member.key in merging})
        page.lineages = fold = LineageFold(members, climbs)
        for entry in merges:
            fold.merge(entry.record, entry.event, entry.position)
        if merges:
            rows.write(LINEAGE_MEMBERS, [astuple(member) for member in fold.changed.values()])
            rows.write(LINEAGES, [(lineage, *current) for lineage, current in fold.current.items()])
            rows.delete(LINEAGES, [(lineage,) for lineage in fold.absorbed])
            rows.write(CLIMBS, [(number, as_json(one.ids), one.onto, one.step) for number, one in fold.climbs.items()])
