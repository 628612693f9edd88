"""Layer: projections. Which record an id is today: the lineage of every record that took part in a merge.

Two look-ups, however long the chain: an id's lineage, then its current record. A merge relabels the
members of the lighter side alone.
"""

from typing import Final

from domain import events as e
from projections.forest import LINEAGE_MEMBERS, LINEAGES, LineageFold, load_members
from projections.page import Page
from projections.tables import RecordKey, Rows, View

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
    tables = (LINEAGE_MEMBERS, LINEAGES)
    views = (MERGED_IDS,)

    def apply(self, page: Page, rows: Rows) -> None:
        """Load the lineages that the page's merges and dissociations concern, and fold the merges in."""
        merges = page.of(e.RecordsMerged)
        wanted: set[RecordKey] = set()
        for entry in merges:
            wanted.add((entry.account, entry.object_type, entry.event.primary_id))
            wanted.add((entry.account, entry.object_type, entry.event.secondary_id))
        for unlinked in page.of(e.Dissociated):
            wanted.add((unlinked.account, *unlinked.event.one))
            wanted.add((unlinked.account, *unlinked.event.other))
        page.lineages = fold = LineageFold(load_members(rows, wanted) if wanted else ())
        for entry in merges:
            fold.merge(entry.record, entry.event, entry.position)
        if merges:
            rows.write(LINEAGE_MEMBERS, [
                (m.account, m.object_type, m.record_id, m.lineage, m.merged_into, m.side, m.merge_id, m.merged_at,
                 m.merged_position)
                for m in fold.changed.values()
            ])  # fmt: skip
            rows.write(LINEAGES, [(lineage, *current) for lineage, current in fold.current.items()])
            rows.delete(LINEAGES, [(lineage,) for lineage in fold.absorbed])
