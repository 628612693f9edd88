"""Layer: consumers. Writes events as what is published: a result, a merge, a record's state, an id's mapping."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from consumers.publisher.shapes import IdMapping, Merged, RecordState, Result, StateValue
from consumers.source import Headers
from domain.language import events as e
from domain.language import streams
from domain.language.ids import RecordId
from domain.language.outcomes import outcome_of
from domain.merge.explained import SuppressionShown, United, explain
from domain.state.record import Record
from ledger.store.port import StoredEvent

_encode: Final = msgspec.json.Encoder().encode


class Outgoing(NamedTuple):
    """A message for a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class About(NamedTuple):
    """The envelope of a message, with an id that is the same whenever it is sent again."""

    event_id: str
    account: str
    position: int
    at: datetime


# Makes a message: its topic, its key, what it says, and what its envelope says.
Write: TypeAlias = Callable[[str, str, Struct, About], Outgoing]


def merge_told(stored: StoredEvent, event: e.RecordsMerged, united: United) -> Merged:
    """Return a merge as readers see it, without what only the read model knows."""
    merge = explain(event, streams.parse(stored.stream).account, streams.record_ref(stored.stream), united)
    return Merged(**{**asdict(merge), "recorded_at": stored.recorded_at, "position": stored.position})


def result_told(stored: StoredEvent, event: e.Event) -> Result:
    """Return the outcome of a command, as it is published."""
    outcome = outcome_of(event, stored.position, event.command_id)
    return Result(
        account=streams.parse(stored.stream).account,
        command_id=outcome.command_id,
        status=outcome.status,
        position=stored.position,
        recorded_at=stored.recorded_at,
        command_type=getattr(event, "command_type", None),
        code=outcome.code,
        message=outcome.message,
        details=outcome.details,
        object_type=getattr(event, "object_type", None),
        record_id=outcome.record_id,
        merge_id=outcome.merge_id,
        followed=outcome.followed,
        ignored_fields=outcome.ignored_fields,
        left_out=outcome.left_out,
        warnings=outcome.warnings,
    )


def mapping_told(old_id: RecordId, merged: Merged) -> IdMapping:
    """Return the record that a merged-away id leads to."""
    return IdMapping(
        account=merged.account,
        object_type=merged.object_type,
        record_id=old_id,
        current_id=merged.result_id,
        merge_id=merged.merge_id,
        position=merged.position,
    )


def state_told(stream: str, version: int, record: Record, last: StoredEvent) -> RecordState:
    """Return a record as it is after an event."""
    object_type, record_id = streams.record_ref(stream)
    here = RecordState(
        account=streams.parse(stream).account,
        object_type=object_type,
        record_id=record_id,
        status=record.status,
        version=version,
        position=last.position,
        updated_at=last.recorded_at,
        merged_into=record.merged_into,
        merge_id=record.merge_id,
    )
    if record.status == "merged_away":
        return here
    return msgspec.structs.replace(
        here,
        properties={
            name: StateValue(value.v, value.at, value.source, record.origin(name))
            for name, value in record.properties.items()
        },
        merge_count=record.merge_count,
        primary_company=record.primary_company,
        segments=record.segments,
        workflows=record.workflows,
        sync={system: links[0].external_id for system, links in record.sync.items()},
        sync_ids={system: [link.external_id for link in links] for system, links in record.sync.items()},
        suppressions=[
            SuppressionShown(s.kind, s.topic, s.address, s.at, s.source_record_id) for s in record.suppressions
        ],
        active_call=record.active_call,
        recreated_from=record.recreated_from,
    )


def headers(topic: str, about: About) -> list[tuple[str, bytes]]:
    """Write the attributes of a CloudEvent in binary mode, and the position."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": about.event_id,
        "ce_type": topic,
        "ce_source": f"/merge-ledger/{about.account}",
        "ce_time": about.at.isoformat().replace("+00:00", "Z"),
        "content-type": "application/json",
        "position": str(about.position),
    }
    return [(name, value.encode()) for name, value in attributes.items()]


def message(topic: str, key: str, value: object, about: About) -> Outgoing:
    """Make a message; messages with the same key keep their order."""
    return Outgoing(topic, key.encode(), _encode(value), headers(topic, about))
