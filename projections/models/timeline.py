"""Layer: projections. Activities, and the records that each was logged on, by the ids of then."""

from typing import Final

from domain.language import events as e
from domain.language.values import Value
from projections.folding.page import Page
from projections.store.tables import INTEGER, RECORD, TEXT, TEXT_NULL, Index, Row, Rows, Table, View, as_json, sql_time

ACTIVITIES: Final = Table(
    "activities",
    {
        "position": INTEGER,
        "account": TEXT,
        "activity_id": TEXT,
        "activity_type": TEXT,
        "at": TEXT,
        "subject": TEXT_NULL,
        "body": TEXT_NULL,
        "records": TEXT,
    },
    ("position",),
    (Index(("account", "activity_id")),),
    is_log=True,
)
# In the order of the timeline, so that the newest of a record are found without the others.
ACTIVITY_RECORDS: Final = Table(
    "activity_records",
    {"account": TEXT, "object_type": TEXT, "record_id": TEXT, "at": TEXT, "position": INTEGER, "activity_id": TEXT},
    (*RECORD, "at", "position"),
    is_log=True,
)


class Timeline:
    """Keeps the activities."""

    name = "timeline"
    tables = (ACTIVITIES, ACTIVITY_RECORDS)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Add the page's activities."""
        logged = page.of(e.ActivityLogged)
        if not logged:
            return
        activities: list[Row] = []
        on_records: list[Row] = []
        for x in logged:
            at = sql_time(x.event.occurred_at)
            records = list(dict.fromkeys(x.event.records))
            activities.append(
                (
                    x.position, x.account, x.key, x.event.activity_type, at, _text(x.event, e.SUBJECT),
                    _text(x.event, e.BODY), as_json(records),
                )
            )  # fmt: skip
            on_records.extend((x.account, *record, at, x.position, x.key) for record in records)
        rows.write(ACTIVITIES, activities)
        rows.write(ACTIVITY_RECORDS, on_records)


def _text(event: e.Event, name: str) -> str | None:
    for values in event.values.values():
        value = values.get(name)
        if isinstance(value, Value) and isinstance(value.v, str):
            return value.v
    return None
