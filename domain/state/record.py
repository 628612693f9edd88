"""Layer: domain. What a record is, folded from its events: all that a decision about it needs.

It holds no list that grows along a chain of merges: additional addresses and tokens are claims,
merged ids are the lineage's, logged playbooks, activities and links are read models.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from domain.language import events as e
from domain.language.commands import SuppressionKind
from domain.language.ids import RecordId
from domain.language.values import PersonalValues, Plain, Value, is_empty

Status: TypeAlias = Literal["active", "archived", "merged_away"]


class Suppression(Struct, frozen=True, omit_defaults=True):
    """Not to be contacted about `topic` (None: anything), at `address` (None: all)."""

    kind: SuppressionKind
    topic: str | None
    address: str | None
    at: datetime
    source_record_id: RecordId

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """What makes two suppressions the same."""
        return self.kind, self.topic, self.address


class SyncLink(Struct, frozen=True):
    """The record of another system that this one is kept in step with, and the id that the link was made for."""

    external_id: str
    source_record_id: RecordId


class Record(Struct, frozen=True, omit_defaults=True):
    """A record as it stands.

    `properties` has those with a value; one that was set and is empty now is in `empty_properties`.
    A value was set on the record that `origins` names, or on this one where it names none.
    `hierarchy` holds `parent` and `child` relationships by the other's id.
    """

    record_id: RecordId
    status: Status = "active"
    properties: dict[str, Value] = {}
    origins: dict[str, RecordId] = {}
    empty_properties: tuple[str, ...] = ()
    primary_company: RecordId | None = None
    peers: tuple[RecordId, ...] = ()
    hierarchy: dict[RecordId, e.Relation] = {}
    segments: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    drafts: tuple[str, ...] = ()
    has_playbooks: bool = False
    sync: dict[str, tuple[SyncLink, ...]] = {}  # By system, the one that is shown first.
    active_call: str | None = None
    suppressions: tuple[Suppression, ...] = ()
    not_duplicates: tuple[RecordId, ...] = ()
    forms: tuple[str, ...] = ()
    merge_count: int = 0
    merged_into: RecordId | None = None
    merge_id: str | None = None
    recreated_from: RecordId | None = None

    def value(self, name: str) -> Value | None:
        """Look up a property's value; None where it is empty."""
        return self.properties.get(name)

    def plain(self, name: str) -> Plain:
        """Look up a property's value as filters see it."""
        value = self.properties.get(name)
        return None if value is None else value.v

    def origin(self, name: str) -> RecordId:
        """Name the record that a property's value was set on."""
        return self.origins.get(name, self.record_id)


def own_values(event: e.Event, record_id: RecordId) -> dict[str, Value]:
    """Take the property values that an event set on this record; erased ones are gone."""
    return {
        name: value
        for name, value in event.values.get(record_id, {}).items()
        if value.__class__ is Value and name[0] != "@"
    }


def personal(values: PersonalValues, record_id: RecordId, name: str) -> Value | None:
    """Take one personal value of a record; None where there is none or it was erased."""
    value = values.get(record_id, {}).get(name)
    return value if isinstance(value, Value) else None


def text_of(values: PersonalValues, record_id: RecordId, name: str) -> str | None:
    """Take a personal value that is text."""
    value = personal(values, record_id, name)
    return value.v if value is not None and isinstance(value.v, str) else None


def kept_value(decided: e.Decided, values: PersonalValues, result_id: RecordId) -> tuple[Value | None, RecordId]:
    """Expand a decision to the value it kept and the record that value was set on."""
    source = {"primary": decided.primary, "secondary": decided.secondary}.get(decided.side, result_id)
    if source is None:  # An empty side was chosen.
        return None, result_id
    return personal(values, source, decided.property), source


def sync_ids(systems: Mapping[str, tuple[RecordId, ...]], values: PersonalValues) -> dict[str, list[str]]:
    """Expand a merge's links to other systems to the ids there, by system."""
    return {
        system: [text_of(values, source, e.SYNC + system) or "" for source in sources]
        for system, sources in sorted(systems.items())
    }


def firsts(ids: Mapping[str, list[str]]) -> dict[str, str]:
    """Take the id that is shown of each system: the first."""
    return {system: of[0] for system, of in ids.items()}


def with_(items: tuple[str, ...], item: str) -> tuple[str, ...]:
    """Add to an ordered set."""
    return items if item in items else (*items, item)


def without(items: tuple[str, ...], *gone: str) -> tuple[str, ...]:
    """Take from an ordered set."""
    return tuple(item for item in items if item not in gone)


def _set(event: e.Event, record_id: RecordId) -> tuple[dict[str, Value], tuple[str, ...]]:
    """Tell the values that an event set on this record, and the names it left empty."""
    values: dict[str, Value] = {}
    emptied: list[str] = []
    for name, value in event.values.get(record_id, {}).items():  # `own_values`, in place: most of a load.
        if value.__class__ is Value and name[0] != "@":
            v = value.v
            if (v and not v.isspace()) if v.__class__ is str else not is_empty(v):
                values[name] = value
            else:
                emptied.append(name)
    return values, tuple(emptied)


def _created(record: Record, event: e.RecordCreated) -> Record:
    values, emptied = _set(event, record.record_id)
    return Record(record.record_id, properties=values, empty_properties=emptied, recreated_from=event.recreated_from)


def _values_set(record: Record, event: e.Event) -> Record:
    values, emptied = _set(event, record.record_id)
    properties, origins, empty = {**record.properties, **values}, record.origins, record.empty_properties
    for name in emptied:
        properties.pop(name, None)
    if origins:
        origins = {name: source for name, source in origins.items() if name not in values and name not in emptied}
    if empty or emptied:
        empty = tuple(name for name in dict.fromkeys((*empty, *emptied)) if name not in values)
    return replace(record, properties=properties, origins=origins, empty_properties=empty)


def _merged(record: Record, event: e.RecordsMerged) -> Record:
    properties: dict[str, Value] = {}
    origins: dict[str, RecordId] = {}
    emptied: list[str] = []
    values, own = event.values, record.record_id
    for decided in event.decisions:  # `kept_value`, in place: every merge in the log comes by here.
        side, name = decided.side, decided.property
        source = decided.primary if side == "primary" else decided.secondary if side == "secondary" else own
        value = values[source].get(name) if source is not None and source in values else None
        if value is None or value.__class__ is not Value:
            emptied.append(name)
        else:
            properties[name] = value
            if source is not None and source != own:
                origins[name] = source
    sync: dict[str, tuple[SyncLink, ...]] = {}
    for system, sources in event.sync_kept.items():
        found = [(text_of(event.values, source, e.SYNC + system), source) for source in sources]
        if links := tuple(SyncLink(external_id, source) for external_id, source in found if external_id is not None):
            sync[system] = links
    return Record(
        record.record_id,
        properties=properties,
        origins=origins,
        empty_properties=(*event.empty_properties, *emptied),
        primary_company=event.primary_company,
        peers=event.peers,
        hierarchy=event.hierarchy,
        segments=event.segments_carried,
        workflows=event.enrolled,
        has_playbooks=event.has_playbooks,
        sync=sync,
        suppressions=tuple(
            Suppression(
                s.kind,
                s.topic,
                None if s.address is None else text_of(event.values, s.source_record_id, s.address),
                s.at,
                s.source_record_id,
            )
            for s in event.suppressions
        ),
        not_duplicates=event.not_duplicates,
        forms=event.forms,
        merge_count=event.merge_counts.primary + event.merge_counts.secondary + 1,
    )


def _merged_away(record: Record, event: e.MergedAway) -> Record:
    return replace(record, status="merged_away", merged_into=event.into, merge_id=event.merge_id)


def _peer_linked(record: Record, event: e.PeerLinked) -> Record:
    hierarchy = record.hierarchy
    if event.hierarchy:
        hierarchy = {**hierarchy, event.peer_id: event.hierarchy}
    return replace(record, peers=with_(record.peers, event.peer_id), hierarchy=hierarchy)


def _peer_unlinked(record: Record, event: e.PeerUnlinked) -> Record:
    hierarchy = {peer: is_a for peer, is_a in record.hierarchy.items() if peer not in event.peer_ids}
    peers = record.peers if event.hierarchy_only else without(record.peers, *event.peer_ids)
    return replace(record, peers=peers, hierarchy=hierarchy)


def _playbook_logged(record: Record, event: e.PlaybookLogged) -> Record:
    change = with_ if event.state == "draft" else without
    return replace(record, has_playbooks=True, drafts=change(record.drafts, event.playbook_id))


def _sync_linked(record: Record, event: e.SyncLinked) -> Record:
    external_id = text_of(event.values, record.record_id, e.SYNC + event.system)
    if external_id is None:
        return record
    links = SyncLink(external_id, record.record_id), *record.sync.get(event.system, ())
    return replace(record, sync={**record.sync, event.system: links})


def _sync_unlinked(record: Record, event: e.SyncUnlinked) -> Record:
    left = tuple(link for link in record.sync.get(event.system, ()) if link.source_record_id != event.holder)
    others = {system: links for system, links in record.sync.items() if system != event.system}
    return replace(record, sync={**others, event.system: left} if left else others)


def _suppressed(record: Record, event: e.Suppressed) -> Record:
    new = Suppression(
        event.kind,
        event.topic,
        text_of(event.values, record.record_id, e.ADDRESS),
        event.since or event.occurred_at,
        event.first_record_id or record.record_id,
    )
    return replace(record, suppressions=(*(s for s in record.suppressions if s.key != new.key), new))


def _suppression_lifted(record: Record, event: e.SuppressionLifted) -> Record:
    lifted = (event.kind, event.topic, text_of(event.values, record.record_id, e.ADDRESS))
    return replace(record, suppressions=tuple(s for s in record.suppressions if s.key != lifted))


_Fold: TypeAlias = Callable[[Record, Any], Record]
_FOLDS: Final[dict[type[e.Event], _Fold]] = {
    e.RecordCreated: _created,
    e.RecordUpdated: _values_set,
    e.PrimaryIdentifierSet: _values_set,
    e.RecordsMerged: _merged,
    e.MergedAway: _merged_away,
    e.RecordArchived: lambda r, _: replace(r, status="archived"),
    e.RecordRestored: lambda r, _: replace(r, status="active"),
    e.PrimaryCompanySet: lambda r, x: replace(r, primary_company=x.company_id),
    e.PeerLinked: _peer_linked,
    e.PeerUnlinked: _peer_unlinked,
    e.AddedToSegment: lambda r, x: replace(r, segments=with_(r.segments, x.segment_id)),
    e.RemovedFromSegment: lambda r, x: replace(r, segments=without(r.segments, x.segment_id)),
    e.WorkflowEnrolled: lambda r, x: replace(r, workflows=with_(r.workflows, x.workflow_id)),
    e.EnrolledByTriggers: lambda r, x: replace(r, workflows=tuple(dict.fromkeys((*r.workflows, *x.workflow_ids)))),
    e.WorkflowUnenrolled: lambda r, x: replace(r, workflows=without(r.workflows, x.workflow_id)),
    e.PlaybookLogged: _playbook_logged,
    e.FormSubmitted: lambda r, x: replace(r, forms=with_(r.forms, x.form_id)),
    e.SyncLinked: _sync_linked,
    e.SyncUnlinked: _sync_unlinked,
    e.CallStarted: lambda r, x: replace(r, active_call=x.call_id),
    e.CallEnded: lambda r, _: replace(r, active_call=None),
    e.Suppressed: _suppressed,
    e.SuppressionLifted: _suppression_lifted,
    e.MarkedNotDuplicates: lambda r, x: replace(r, not_duplicates=with_(r.not_duplicates, x.other_id)),
    e.UnmarkedNotDuplicates: lambda r, x: replace(r, not_duplicates=without(r.not_duplicates, *x.other_ids)),
}


def evolve(record: Record | None, event: e.Event, record_id: RecordId) -> Record:
    """Fold one fact into a record; `record` is None before its first. Total: a recorded fact can't be refused."""
    fold = _FOLDS.get(type(event))
    before = record if record is not None else Record(record_id)
    return before if fold is None else fold(before, event)
