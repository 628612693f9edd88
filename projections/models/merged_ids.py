"""Layer: projections. Every merge, whole: its event with all decisions. Old ids and chains are the lineage's."""

from typing import Final

from domain.language import events as e
from projections.folding.page import Page
from projections.store.tables import INTEGER, TEXT, TEXT_NULL, Index, Rows, Table, View, as_json, sql_time

MERGES: Final = Table(
    "merges",
    {
        "position": INTEGER,
        "account": TEXT,
        "merge_id": TEXT,
        "command_id": TEXT,
        "object_type": TEXT,
        "primary_id": TEXT,
        "secondary_id": TEXT,
        "result_id": TEXT,
        "occurred_at": TEXT,
        "recorded_at": TEXT,
        "actor": TEXT_NULL,
        "event": TEXT,
    },
    ("position",),
    (Index(("account", "merge_id")), Index(("account", "position"))),
    is_log=True,
)


class MergedIds:
    """Keeps the merges."""

    name = "merged_ids"
    tables = (MERGES,)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Add the page's merges."""
        merges = page.of(e.RecordsMerged)
        if merges:
            rows.write(MERGES, [
                (
                    x.position, x.account, x.event.merge_id, x.event.command_id, x.object_type, x.event.primary_id,
                    x.event.secondary_id, x.record_id, sql_time(x.event.occurred_at), x.recorded_at, x.event.actor,
                    as_json(x.event),
                )
                for x in merges
            ])  # fmt: skip
