"""Layer: projections. What reads answer: Structs whose JSON by msgspec is what docs/formats.md shows."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType, field

from domain.language.commands import PlaybookState, SegmentKind, SuppressionKind
from domain.language.events import MergeCounts, Side, Skipped
from domain.language.filters import FilterGroup
from domain.language.values import Plain, Source
from domain.language.warned import Warned

T = TypeVar("T")


class Next(Struct, frozen=True):
    """Where the next page begins; opaque."""

    after: str


class Paging(Struct, frozen=True):
    """There is a next page."""

    next: Next


class Listing(Struct, Generic[T], frozen=True, kw_only=True):
    """A page of results. `total` counts all of them, where a read tells it."""

    results: list[T]
    total: int | UnsetType = UNSET
    paging: Paging | UnsetType = UNSET


class Ref(Struct, frozen=True):
    """A record, as links name it."""

    object_type: str
    id: str


class Label(Struct, frozen=True):
    """A label of a link."""

    label: str
    attributes: dict[str, Plain]


class Association(Struct, frozen=True):
    """A link to a record, with its labels."""

    object_type: str
    id: str
    labels: list[Label]


class SegmentsOfRecord(Struct, frozen=True):
    """The segments that a record is on."""

    static: list[str]
    active: list[str]


class PlaybookOfRecord(Struct, frozen=True):
    """A playbook of a record."""

    playbook_id: str
    state: PlaybookState


class Suppressed(Struct, frozen=True):
    """Not to be contacted about `topic` (null: anything), at `address` (null: all)."""

    kind: SuppressionKind
    topic: str | None
    address: str | None
    at: datetime
    source_record_id: str


class Record(Struct, frozen=True, kw_only=True):
    """A record as it stands, or stood."""

    account: str
    object_type: str
    id: str
    requested_id: str
    redirected_via: list[str]
    status: Literal["active", "archived", "merged_away"]
    created_at: datetime
    updated_at: datetime
    version: int
    properties: dict[str, Plain]
    merged_ids: list[str]
    merge_count: int
    associations: list[Association]
    activities: list[str]
    activities_total: int
    segments: SegmentsOfRecord
    workflows: list[str]
    playbooks: list[PlaybookOfRecord]
    usertokens: list[str]
    additional_identifiers: dict[str, list[str]]
    sync: dict[str, str]
    sync_ids: dict[str, list[str]]
    suppressions: list[Suppressed]
    active_call: str | None
    recreated_from: str | None
    position: int


class Tombstone(Struct, frozen=True, kw_only=True):
    """A record that was merged away."""

    id: str
    status: Literal["merged_away"] = "merged_away"
    merged_into: str
    current_id: str
    merge_id: str
    recorded_at: datetime


ResolvedStatus: TypeAlias = Literal["active", "merged_away", "archived", "unknown"]


class Resolved(Struct, frozen=True, kw_only=True):
    """Where an id leads today. `path` goes from the id asked for to the current one."""

    requested_id: str
    status: ResolvedStatus
    current_id: str | None
    current_status: Literal["active", "archived"] | None
    path: list[str]


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """A value that was set."""

    property: str
    value: Plain
    at: datetime
    source: Source
    source_record_id: str
    cause: str
    current: bool


class RecordOfActivity(Struct, frozen=True):
    """A record that an activity is on, by its current id."""

    object_type: str
    record_id: str


class Activity(Struct, frozen=True, kw_only=True):
    """An activity on a timeline."""

    activity_id: str
    activity_type: str
    at: datetime
    subject: str | None
    body: str | None
    records: list[RecordOfActivity]


class LineageNode(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record in a lineage; a leaf has no merge."""

    record_id: str
    merge_id: str | None = None
    at: datetime | None = None
    primary_id: str | None = None
    secondary_id: str | None = None


class LineageTree(Struct, frozen=True):
    """A record and every id folded into it, the root first, the primary's side before the secondary's."""

    root: str
    nodes: list[LineageNode]


class SideValue(Struct, frozen=True):
    """What one side of a merge had."""

    value: Plain
    at: datetime
    source: Source
    record_id: str


class Decision(Struct, frozen=True, kw_only=True):
    """How one property was decided, with what both sides had."""

    property: str
    value: Plain
    from_: Side = field(name="from")
    rule: str
    rule_name: str
    chosen_by_user: bool
    primary: SideValue | None
    secondary: SideValue | None


class LabelDropped(Struct, frozen=True):
    """A label that a link to this record no longer has."""

    object_type: str
    id: str
    label: str


class LabelLost(Struct, frozen=True):
    """What was said about a link to this record, and is no longer; without attributes the label alone is gone."""

    object_type: str
    id: str
    label: str
    attributes: dict[str, Plain]


class AttributesLost(Struct, frozen=True):
    """The first of what is no longer said about links, and how much there is."""

    results: list[LabelLost]
    total: int


class AssociationEffects(Struct, frozen=True):
    """Companies that lost the Primary label, links between the two sides, and what ended or lost of other links."""

    demoted: list[Ref]
    dropped_self: list[Ref]
    hierarchy_dropped: list[LabelDropped]
    attributes_lost: AttributesLost


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
    """All that leads to the merged record."""

    emails: Identifiers
    domains: Identifiers
    properties: dict[str, Identifiers]
    usertokens: list[str]


class SyncEffects(Struct, frozen=True):
    """Links to other systems that went on and that ended: by system the first id, and all ids."""

    kept: dict[str, str]
    unlinked: dict[str, str]
    kept_ids: dict[str, list[str]]
    unlinked_ids: dict[str, list[str]]


class PlaybookEffects(Struct, frozen=True):
    """Logged playbooks of the merged record, and drafts that were not kept."""

    kept: list[str]
    dropped_drafts: list[str]


class Effects(Struct, frozen=True, kw_only=True):
    """What a merge did beside values."""

    associations: AssociationEffects
    static_segments: SegmentEffects
    workflows: WorkflowEffects
    identifiers: IdentifierEffects
    sync: SyncEffects
    playbooks: PlaybookEffects
    calls_disconnected: list[str]
    suppressions: list[Suppressed]
    skipped: list[Skipped]


class Merge(Struct, frozen=True, kw_only=True):
    """A merge, whole; one that is only previewed has no ids and no position yet."""

    merge_id: str | UnsetType = UNSET
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
    merge_counts: MergeCounts
    properties_moved: int
    preview_token: str | UnsetType = UNSET
    warnings: list[Warned] | UnsetType = UNSET


class Ended(Struct, frozen=True):
    """A removal from a segment, or an unenrollment."""

    record_id: str
    cause: str
    reason: str | None
    at: datetime


class Segment(Struct, frozen=True, kw_only=True):
    """A segment, with who is on it and who was removed."""

    segment_id: str
    name: str
    object_type: str
    kind: SegmentKind
    filter_groups: list[FilterGroup] | UnsetType = UNSET
    members: list[str]
    removals: list[Ended]


class Enrolled(Struct, frozen=True):
    """An enrollment that stands."""

    record_id: str
    cause: str
    at: datetime


class Workflow(Struct, frozen=True, kw_only=True):
    """A workflow, with who is enrolled and who was unenrolled."""

    workflow_id: str
    name: str
    object_type: str
    filter_groups: list[FilterGroup] | UnsetType = UNSET
    allow_enrollment_from_merge: bool
    enrolled: list[Enrolled]
    unenrollments: list[Ended]


class EventShown(Struct, frozen=True, kw_only=True):
    """An event as it is stored."""

    position: int
    stream: str
    version: int
    type: str
    recorded_at: datetime
    data: Raw


class ProjectionStatus(Struct, frozen=True, kw_only=True):
    """How far a projection is, and a digest of what it holds."""

    name: str
    generation: int
    position: int
    lag_events: int
    lag_seconds: float
    digest: str | None


class Setting(Struct, frozen=True, kw_only=True):
    """An effective setting, and where it comes from: the default, or a command at a position."""

    value: Any
    origin: Literal["default", "command"]
    command_id: str | UnsetType = UNSET
    position: int | UnsetType = UNSET


class AccountShown(Struct, frozen=True, kw_only=True):
    """An account's effective settings."""

    account: str
    position: int
    settings: dict[str, Setting]
