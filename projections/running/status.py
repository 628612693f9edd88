"""Layer: projections. Reports how far each projection is behind the ledger, and a digest of what it holds."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Final

import msgspec

from projections.folding.page import Projection
from projections.models.catalogue import PROJECTIONS
from projections.reading.shapes import ProjectionStatus
from projections.running.apply import Log
from projections.store.owner import make_sure_of_owner
from projections.store.port import NotProjected, ReadStore
from projections.store.tables import Rows

_encode: Final = msgspec.json.Encoder().encode


def status(ledger: Log, store: ReadStore, now: datetime, *, digests: bool = False) -> list[ProjectionStatus]:
    """Return the status of every projection; before anything is projected, generation 0 at position 0."""
    head = ledger.head()
    try:
        with store.snapshot() as snapshot:
            make_sure_of_owner(ledger, snapshot, store.location)
            hashed = {one.name: digest(snapshot, one) for one in PROJECTIONS} if digests else {}
            generation, position = snapshot.generation.number, snapshot.mark().position
    except NotProjected:
        generation, position, hashed = 0, 0, {}
    return _statuses(generation, position, head, _lag_s(ledger, position, now), hashed)


def _lag_s(ledger: Log, position: int, now: datetime) -> float:
    behind = ledger.read(position, 1)
    return max(0.0, (now - behind[0].recorded_at).total_seconds()) if behind else 0.0


def _statuses(
    generation: int, position: int, head: int, lag_s: float, digests: Mapping[str, str]
) -> list[ProjectionStatus]:
    return [
        ProjectionStatus(
            name=projection.name,
            generation=generation,
            position=position,
            lag_events=max(0, head - position),
            lag_seconds=lag_s,
            digest=digests.get(projection.name),
        )
        for projection in PROJECTIONS
    ]


def digest(rows: Rows, projection: Projection) -> str:
    """Digest all that a projection holds: every row of its tables as JSON, in the order of their keys."""
    hashed = blake2b(digest_size=16)
    for table in projection.tables:
        hashed.update(table.name.encode())
        for row in rows.scan(table):
            hashed.update(_encode(row))
    return hashed.hexdigest()
