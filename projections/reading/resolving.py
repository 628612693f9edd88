"""Layer: projections. Returns the current record of any old id, with the path to it (H06).

The path is not followed record by record. A climb is one row of ids, each merged into the next, and
the path is read from few such rows. So the oldest id of a long chain is as fast as any.
"""

from collections.abc import Sequence
from typing import Literal

from projections.folding.forest import LINEAGE_MEMBERS, Climb, load_climbs
from projections.models.current_records import CURRENT_RECORDS
from projections.reading import shapes
from projections.reading.as_of import Moment
from projections.store.tables import RECORD, RecordKey


def resolve(moment: Moment, records: Sequence[RecordKey]) -> list[shapes.Resolved]:
    """Tell where ids lead now, in bulk: few look-ups for all of them together."""
    paths = _paths(moment, records)
    statuses = {
        (account, object_type, record_id): status
        for account, object_type, record_id, status in moment.rows.by_keys(
            CURRENT_RECORDS, (*RECORD, "status"), RECORD, {(*key[:2], path[-1]) for key, path in paths.items()}
        )
    }
    return [_resolved(paths[key], statuses.get((*key[:2], paths[key][-1]))) for key in records]


def _paths(moment: Moment, records: Sequence[RecordKey]) -> dict[RecordKey, list[str]]:
    """List each id and those it was merged into, one after the other, up to its current one."""
    entered: dict[RecordKey, tuple[int | None, int | None]] = {
        (account, object_type, record_id): (climb, step)
        for account, object_type, record_id, climb, step in moment.rows.by_keys(
            LINEAGE_MEMBERS, (*RECORD, "climb", "step"), RECORD, set(records)
        )
    }
    climbs: dict[int, Climb] = {}
    wanted = {climb for climb, _ in entered.values() if climb is not None}
    while wanted:
        found = load_climbs(moment.rows, wanted)
        climbs.update(found)
        wanted = {one.onto for one in found.values() if one.onto is not None} - climbs.keys()
    paths = {}
    for key in records:
        path = [key[2]]
        climb, step = entered.get(key, (None, None))
        while climb is not None:
            on = climbs[climb]
            path += on.ids[step:]
            climb, step = on.onto, on.step
        paths[key] = path
    return paths


def _resolved(path: list[str], status: str | None) -> shapes.Resolved:
    if status is None:
        return shapes.Resolved(requested_id=path[0], status="unknown", current_id=None, current_status=None, path=[])
    current: Literal["active", "archived"] = "archived" if status == "archived" else "active"
    return shapes.Resolved(
        requested_id=path[0],
        status="merged_away" if len(path) > 1 else current,
        current_id=path[-1],
        current_status=current,
        path=path,
    )
