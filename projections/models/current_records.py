"""Layer: projections. Every record as it stands: the domain's own fold, one row a record.

`properties` is what SQL users want (`json_extract(properties, '$.city')`), `state` is all that the
fold keeps. A record merged away keeps no values.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from domain.language import events as e
from domain.language.values import Plain
from domain.state.record import Record, evolve
from projections.folding.page import Page
from projections.store.tables import INTEGER, RECORD, TEXT, TEXT_NULL, RecordKey, Rows, Table, View, as_json

CURRENT_RECORDS: Final = Table(
    "current_records",
    {
        "account": TEXT,
        "object_type": TEXT,
        "record_id": TEXT,
        "status": TEXT,
        "merged_into": TEXT_NULL,
        "merge_id": TEXT_NULL,
        "merge_count": INTEGER,
        "version": INTEGER,
        "created_at": TEXT,
        "updated_at": TEXT,
        "position": INTEGER,
        "properties": TEXT,
        "state": TEXT,
    },
    RECORD,
    is_wide=True,
)
_LOADED: Final = ("account", "object_type", "record_id", "version", "created_at", "state")

read_state: Final = msgspec.json.Decoder(Record).decode
_write_state: Final = msgspec.json.Encoder().encode


class Standing(Struct):
    """A record in memory while a page is folded."""

    version: int = 0
    created_at: str = ""
    updated_at: str = ""
    position: int = 0
    state: Record | None = None


def shown_properties(state: Record) -> dict[str, Plain]:
    """List the values that a record shows, by name; a record keeps none that are empty."""
    return {name: value.v for name, value in state.properties.items()}


def load_standing(rows: Rows, records: set[RecordKey]) -> dict[RecordKey, Standing]:
    """Load records by key, in one query."""
    return {
        (account, object_type, record_id): Standing(version, created_at, state=read_state(state))
        for account, object_type, record_id, version, created_at, state in rows.by_keys(
            CURRENT_RECORDS, _LOADED, RECORD, records
        )
    }


class CurrentRecords:
    """Folds every record's events; runs after the lineage and before all others."""

    name = "current_records"
    tables = (CURRENT_RECORDS,)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Load the records that the page changes, fold them, and leave each event its record before and after."""
        standing: dict[RecordKey, Standing] = {}
        unknown: set[RecordKey] = set()
        for entry in page.records:
            key = entry.record
            if key not in standing and key not in unknown:
                if isinstance(entry.event, e.RecordCreated | e.RecordsMerged):
                    standing[key] = Standing()
                else:
                    unknown.add(key)
        if unknown:
            standing.update(load_standing(rows, unknown))
        for entry in page.records:
            one = standing.get(entry.record)
            if one is None:
                one = standing[entry.record] = Standing()
            entry.before = one.state
            entry.after = one.state = evolve(one.state, entry.event, entry.record_id)
            one.version += 1
            one.created_at = one.created_at or entry.recorded_at
            one.updated_at, one.position = entry.recorded_at, entry.position
        if standing:
            rows.write(CURRENT_RECORDS, [_row(key, one) for key, one in standing.items() if one.state is not None])


def _row(key: RecordKey, one: Standing) -> tuple[Any, ...]:
    state = one.state
    if state is None:
        raise LookupError(key)
    if state.status == "merged_away":  # Its values are the merged record's now, and the ledger's for ever.
        state = Record(
            state.record_id,
            status=state.status,
            merged_into=state.merged_into,
            merge_id=state.merge_id,
            merge_count=state.merge_count,
            recreated_from=state.recreated_from,
        )
    return (
        *key,
        state.status,
        state.merged_into,
        state.merge_id,
        state.merge_count,
        one.version,
        one.created_at,
        one.updated_at,
        one.position,
        as_json(shown_properties(state)),
        _write_state(state).decode(),
    )
