"""Layer: domain. A merge explained: every decision with both values, and every effect.

Readers and topics show one JSON, written from these Structs.
The event says what the merge decided. What grows along a chain of merges (ids, addresses, tokens, playbooks)
is `United`, which each caller reads from what it has.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import UNSET, Struct, UnsetType, field

from domain.language import events as e
from domain.language.commands import SuppressionKind
from domain.language.ids import AccountId, RecordId, RecordRef
from domain.language.values import Plain, Source
from domain.state.claims import DOMAIN, EMAIL, PRIMARY_IDENTIFIERS, USERTOKEN, claimed_by, claimed_text, unique_kind
from domain.state.record import firsts, kept_value, personal, sync_ids, text_of


class Ref(Struct, frozen=True):
    """A record, as links name it."""

    object_type: str
    id: str


class SideValue(Struct, frozen=True):
    """A side's value of a property, and the record it was set on."""

    value: Plain
    at: datetime
    source: Source
    record_id: str


class Decision(Struct, frozen=True, kw_only=True):
    """How one property was decided, by which rule, with both sides' values."""

    property: str
    value: Plain
    from_: e.Side = field(name="from")
    rule: str
    rule_name: str
    chosen_by_user: bool
    primary: SideValue | None
    secondary: SideValue | None


class LabelDropped(Struct, frozen=True):
    """A label that the link to this record no longer has."""

    object_type: str
    id: str
    label: str


class AssociationEffects(Struct, frozen=True):
    """The Primary company, those that lost that label, links between the two sides, and labels that ended."""

    demoted: list[Ref]
    dropped_self: list[Ref]
    hierarchy_dropped: list[LabelDropped]
    primary_company: str | None


class SegmentEffects(Struct, frozen=True):
    """Static segments that the secondary left, and those that the merged record is on."""

    removed: list[str]
    carried: list[str]


class WorkflowEffects(Struct, frozen=True):
    """Workflows that either side left, and those that the merged record entered."""

    unenrolled: list[str]
    enrolled: list[str]


class Identifiers(Struct, frozen=True):
    """The primary address, domain or unique value, and the others."""

    primary: str | None
    additional: list[str]


class IdentifierEffects(Struct, frozen=True):
    """All that leads to the merged record: its own, and what its lineage brought."""

    emails: Identifiers
    domains: Identifiers
    properties: dict[str, Identifiers]
    usertokens: list[str]


class SyncEffects(Struct, frozen=True):
    """Links to other systems that continue and that ended: by system the first id, and all ids."""

    kept: dict[str, str]
    unlinked: dict[str, str]
    kept_ids: dict[str, list[str]]
    unlinked_ids: dict[str, list[str]]


class PlaybookEffects(Struct, frozen=True):
    """Logged playbooks of the merged record, and drafts that were not kept."""

    kept: list[str]
    dropped_drafts: list[str]


class SuppressionShown(Struct, frozen=True):
    """Not to be contacted about `topic` (null: anything), at `address` (null: all)."""

    kind: SuppressionKind
    topic: str | None
    address: str | None
    at: datetime
    source_record_id: str


class Effects(Struct, frozen=True, kw_only=True):
    """What a merge did beside values. `not_duplicates` are marks that the merged record has."""

    associations: AssociationEffects
    static_segments: SegmentEffects
    workflows: WorkflowEffects
    identifiers: IdentifierEffects
    sync: SyncEffects
    playbooks: PlaybookEffects
    calls_disconnected: list[str]
    suppressions: list[SuppressionShown]
    not_duplicates: list[str]
    skipped: list[e.Skipped]


class Merge(Struct, frozen=True, kw_only=True):
    """Two records became a third one. A preview has no ids, times and position yet."""

    merge_id: str | UnsetType = UNSET
    account: str
    command_id: str | UnsetType = UNSET
    object_type: str
    primary_id: str
    primary_version: int
    secondary_id: str
    secondary_version: int
    result_id: str | UnsetType = UNSET
    merged_ids: list[str]
    occurred_at: datetime | UnsetType = UNSET
    recorded_at: datetime | UnsetType = UNSET
    actor: str | None
    reason: str | None
    rule_set: str
    position: int | UnsetType = UNSET
    decisions: list[Decision]
    effects: Effects
    merge_counts: e.MergeCounts
    properties_moved: int


class United(NamedTuple):
    """What both sides' lineages had when they were merged.

    `merged_ids` begin with the earliest merge and end with the two sides. `claims` are values by kind, in the
    order of the tree of merges; what this merge itself claims is not among them. `playbooks` are logged ones.
    """

    merged_ids: Sequence[RecordId]
    claims: Mapping[str, Sequence[str]]
    playbooks: Collection[str]


def explain(event: e.RecordsMerged, account: AccountId, result: RecordRef, united: United) -> Merge:
    """Explain a merge. Its position and the time it was recorded are not in the event: the caller adds them."""
    decisions = [_decision(decided, event, result.record_id) for decided in event.decisions]
    return Merge(
        merge_id=event.merge_id,
        account=account,
        command_id=event.command_id,
        object_type=result.object_type,
        primary_id=event.primary_id,
        primary_version=event.primary_version,
        secondary_id=event.secondary_id,
        secondary_version=event.secondary_version,
        result_id=result.record_id,
        merged_ids=list(united.merged_ids),
        occurred_at=event.occurred_at,
        actor=event.actor,
        reason=next((v for source in event.values if (v := text_of(event.values, source, e.REASON)) is not None), None),
        rule_set=event.rule_set,
        decisions=decisions,
        effects=_effects(event, result.object_type, united, {each.property: each.value for each in decisions}),
        merge_counts=event.merge_counts,
        properties_moved=sum(decided.side == "secondary" for decided in event.decisions),
    )


def _decision(decided: e.Decided, event: e.RecordsMerged, result_id: RecordId) -> Decision:
    value, _ = kept_value(decided, event.values, result_id)
    return Decision(
        property=decided.property,
        value=None if value is None else value.v,
        from_=decided.side,
        rule=decided.rule,
        rule_name=decided.rule_name,
        chosen_by_user=decided.chosen,
        primary=_side_value(event, decided.property, decided.primary),
        secondary=_side_value(event, decided.property, decided.secondary),
    )


def _side_value(event: e.RecordsMerged, name: str, source: RecordId | None) -> SideValue | None:
    value = None if source is None else personal(event.values, source, name)
    return None if value is None or source is None else SideValue(value.v, value.at, value.source, source)


def _effects(event: e.RecordsMerged, object_type: str, united: United, values: Mapping[str, Plain]) -> Effects:
    kept, unlinked = sync_ids(event.sync_kept, event.values), sync_ids(event.sync_unlinked, event.values)
    return Effects(
        associations=AssociationEffects(
            [Ref(*ref) for ref in event.demoted],
            [Ref(*ref) for ref in event.dropped_self],
            [LabelDropped(object_type, related.record_id, related.label) for related in event.hierarchy_dropped],
            event.primary_company,
        ),
        static_segments=SegmentEffects(list(event.segments_removed), list(event.segments_carried)),
        workflows=WorkflowEffects(ids(event.unenrolled), list(event.enrolled)),
        identifiers=_identifiers(event, object_type, united, values),
        sync=SyncEffects(firsts(kept), firsts(unlinked), kept, unlinked),
        playbooks=PlaybookEffects(
            sorted(set(united.playbooks)) if event.has_playbooks else [], ids(event.dropped_drafts)
        ),
        calls_disconnected=ids(event.calls_disconnected),
        suppressions=[_suppression(event, carried) for carried in event.suppressions],
        not_duplicates=list(event.not_duplicates),
        skipped=list(event.skipped),
    )


def ids(effects: Iterable[e.OfRecord]) -> list[str]:
    """Return the ids of what either side had, each once."""
    return list(dict.fromkeys(effect.id for effect in effects))


def _identifiers(
    event: e.RecordsMerged, object_type: str, united: United, values: Mapping[str, Plain]
) -> IdentifierEffects:
    def identifiers(kind: str) -> Identifiers:
        value = values.get(kind) if PRIMARY_IDENTIFIERS.get(object_type) == kind else None
        return _apart(None if value is None else str(value), united.claims.get(kind, ()))

    prefix = unique_kind(object_type, "")
    unique = {kind.removeprefix(prefix): held for kind, held in united.claims.items() if kind.startswith(prefix)}
    for name, new in claimed_by(event).items():
        unique[name] = [*unique.get(name, ()), *new]
    properties = {
        name: _apart(None if values.get(name) is None else claimed_text(values[name]), held)
        for name, held in sorted(unique.items())
    }
    tokens = list(united.claims.get(USERTOKEN, ()))
    return IdentifierEffects(identifiers(EMAIL), identifiers(DOMAIN), properties, tokens)


def _apart(primary: str | None, held: Iterable[str]) -> Identifiers:
    return Identifiers(primary, [value for value in held if value != primary])


def _suppression(event: e.RecordsMerged, carried: e.CarriedSuppression) -> SuppressionShown:
    source = carried.source_record_id
    address = None if carried.address is None else text_of(event.values, source, carried.address)
    return SuppressionShown(carried.kind, carried.topic, address, carried.at, source)
