"""Layer: projections. What reads answer: Structs whose JSON by msgspec is what docs/formats.md shows."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType

from domain.language.commands import PlaybookState, SegmentKind
from domain.language.filters import FilterGroup
from domain.language.values import Plain, Source
from domain.language.warned import Warned
from domain.merge import explained
from domain.merge.explained import SuppressionShown

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
    suppressions: list[SuppressionShown]
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


class AssociationEffects(explained.AssociationEffects, frozen=True):
    """What a merge did to links, with what is lost of them."""

    attributes_lost: AttributesLost


class Effects(explained.Effects, frozen=True, kw_only=True):
    """What a merge did beside values."""

    associations: AssociationEffects


class Merge(explained.Merge, frozen=True, kw_only=True):
    """A merge or its preview, with what only a reader knows."""

    effects: Effects
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
