"""Layer: projections. Every value that was ever set: one row per event, with the values that it set on its record."""

from typing import Final

from domain.language import events as e
from projections.folding.page import Page
from projections.store.tables import INTEGER, RECORD, TEXT, Index, Rows, Table, View, as_json

PROPERTY_CHANGES: Final = Table(
    "property_changes",
    {"position": INTEGER, "account": TEXT, "object_type": TEXT, "record_id": TEXT, "cause": TEXT, "changes": TEXT},
    ("position",),
    (Index(RECORD),),
    is_log=True,
)


def cause_of(event: e.Event) -> str:
    """Return why values changed: by which command, form or merge, or from which record they were recreated."""
    if isinstance(event, e.RecordCreated | e.RecordUpdated):
        return event.cause
    if isinstance(event, e.RecordsMerged):
        return f"merge:{event.merge_id}"
    return f"command:{event.command_id}"


class History:
    """Keeps the values set. Of a merge these are the computed and combined ones; the others stay where they were."""

    name = "history"
    tables = (PROPERTY_CHANGES,)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Add the values that the page's events set."""
        changes = [
            (x.position, *x.record, cause_of(x.event), as_json(x.values))
            for x in page.where(lambda event_class: event_class.SETS_VALUES)
            if x.values
        ]
        if changes:
            rows.write(PROPERTY_CHANGES, changes)
