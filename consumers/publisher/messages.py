"""Layer: consumers. Writes events as what is published: a result, a merge, a record's state, an id's mapping."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from consumers.publisher.lineages import United
from consumers.publisher.shapes import (
    Decision,
    Effects,
    Identifier,
    Identifiers,
    IdMapping,
    LabelDropped,
    Merged,
    RecordState,
    Ref,
    Result,
    SideValue,
    StateValue,
    Suppression,
)
from consumers.source import Headers
from domain.language import events as e
from domain.language import streams
from domain.language.ids import RecordId
from domain.language.outcomes import outcome_of
from domain.state.claims import DOMAIN, EMAIL, PRIMARY_IDENTIFIERS, USERTOKEN, claimed_text
from domain.state.record import Record, firsts, kept_value, personal, sync_ids, text_of
from ledger.store.port import StoredEvent

_encode: Final = msgspec.json.Encoder().encode


class Outgoing(NamedTuple):
    """A message for a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class About(NamedTuple):
    """What the envelope of a message tells: an id that is the same whenever it is sent again."""

    event_id: str
    account: str
    position: int
    at: datetime


# Makes a message: its topic, its key, what it says, and what its envelope says.
Write: TypeAlias = Callable[[str, str, Struct, About], Outgoing]


def merge_told(stored: StoredEvent, event: e.RecordsMerged, united: United) -> Merged:
    """Tell a merge, with all that it unites."""
    object_type, result_id = streams.record_ref(stored.stream)
    decisions = [_decision(one, event, result_id) for one in event.decisions]
    return Merged(
        merge_id=event.merge_id,
        account=streams.parse(stored.stream).account,
        command_id=event.command_id,
        object_type=object_type,
        primary_id=event.primary_id,
        primary_version=event.primary_version,
        secondary_id=event.secondary_id,
        secondary_version=event.secondary_version,
        result_id=result_id,
        merged_ids=list(united.merged_ids),
        occurred_at=event.occurred_at,
        recorded_at=stored.recorded_at,
        actor=event.actor,
        reason=next((v for of in event.values if (v := text_of(event.values, of, e.REASON)) is not None), None),
        rule_set=event.rule_set,
        position=stored.position,
        decisions=decisions,
        effects=_effects(event, united, object_type, decisions),
        merge_counts=event.merge_counts,
        properties_moved=sum(one.side == "secondary" for one in event.decisions),
    )


def _decision(decided: e.Decided, event: e.RecordsMerged, result_id: RecordId) -> Decision:
    value, _ = kept_value(decided, event.values, result_id)

    def side(source: RecordId | None) -> SideValue | None:
        found = None if source is None else personal(event.values, source, decided.property)
        return None if found is None or source is None else SideValue(found.v, found.at, found.source, source)

    return Decision(
        property=decided.property,
        value=None if value is None else value.v,
        from_=decided.side,
        rule=decided.rule,
        rule_name=decided.rule_name,
        chosen_by_user=decided.chosen,
        primary=side(decided.primary),
        secondary=side(decided.secondary),
    )


def _effects(event: e.RecordsMerged, united: United, object_type: str, decisions: Sequence[Decision]) -> Effects:
    values = {one.property: one.value for one in decisions}

    def identifier(kind: str) -> Identifier:
        primary = values.get(kind) if PRIMARY_IDENTIFIERS.get(object_type) == kind else None
        return Identifier(
            None if primary is None else str(primary), [one for one in united.values(kind) if one != primary]
        )

    primaries = {name: None if v is None else claimed_text(v) for name, v in values.items()}
    unique = {
        name: Identifier(primaries.get(name), [one for one in found if one != primaries.get(name)])
        for name, found in united.unique(object_type).items()
    }

    sync_kept, sync_unlinked = sync_ids(event.sync_kept, event.values), sync_ids(event.sync_unlinked, event.values)

    def address(one: e.CarriedSuppression) -> str | None:
        return None if one.address is None else text_of(event.values, one.source_record_id, one.address)

    return Effects(
        associations_demoted=[Ref(*ref) for ref in event.demoted],
        associations_dropped=[Ref(*ref) for ref in event.dropped_self],
        segments_removed=list(event.segments_removed),
        segments_carried=list(event.segments_carried),
        workflows_unenrolled=list(dict.fromkeys(one.id for one in event.unenrolled)),
        workflows_enrolled=list(event.enrolled),
        sync_kept=firsts(sync_kept),
        sync_unlinked=firsts(sync_unlinked),
        sync_kept_ids=sync_kept,
        sync_unlinked_ids=sync_unlinked,
        playbook_drafts_dropped=list(dict.fromkeys(one.id for one in event.dropped_drafts)),
        calls_disconnected=list(dict.fromkeys(one.id for one in event.calls_disconnected)),
        suppressions=[
            Suppression(one.kind, one.topic, address(one), one.at, one.source_record_id) for one in event.suppressions
        ],
        skipped=list(event.skipped),
        identifiers=Identifiers(identifier(EMAIL), identifier(DOMAIN), united.values(USERTOKEN), unique),
        playbooks_kept=sorted({playbook_id for _, playbook_id in united.playbooks}),
        primary_company=event.primary_company,
        not_duplicates=list(event.not_duplicates),
        hierarchy_dropped=[LabelDropped(object_type, one.record_id, one.label) for one in event.hierarchy_dropped],
    )


def result_told(stored: StoredEvent, event: e.Event) -> Result:
    """Tell what became of a command."""
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
    """Tell where an id leads to."""
    return IdMapping(
        account=merged.account,
        object_type=merged.object_type,
        record_id=old_id,
        current_id=merged.result_id,
        merge_id=merged.merge_id,
        position=merged.position,
    )


def state_told(stream: str, version: int, record: Record, last: StoredEvent) -> RecordState:
    """Tell a record as it stands after an event."""
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
        suppressions=[Suppression(s.kind, s.topic, s.address, s.at, s.source_record_id) for s in record.suppressions],
        active_call=record.active_call,
        recreated_from=record.recreated_from,
    )


def headers(topic: str, about: About) -> list[tuple[str, bytes]]:
    """Write the attributes of a CloudEvent in binary mode, and the position."""
    told = {
        "ce_specversion": "1.0",
        "ce_id": about.event_id,
        "ce_type": topic,
        "ce_source": f"/merge-ledger/{about.account}",
        "ce_time": about.at.isoformat().replace("+00:00", "Z"),
        "content-type": "application/json",
        "position": str(about.position),
    }
    return [(name, value.encode()) for name, value in told.items()]


def message(topic: str, key: str, value: object, about: About) -> Outgoing:
    """Make a message; those with one key keep their order."""
    return Outgoing(topic, key.encode(), _encode(value), headers(topic, about))
