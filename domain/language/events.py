"""Layer: domain. Every event: the facts that are stored for ever, and the closed registry of their types.

An event's stored name is its `EVENT_TYPE`, independent of its Python path. Under one name fields
are only added, with a default; a new meaning is a new name. Personal values stand in `values`
alone, by the record they came from; all else is names, sides, rules, counts and ids.
"""

from datetime import datetime
from typing import ClassVar, Final, Literal, TypeAlias

from msgspec import Struct

from domain.language.commands import (
    DisplayName,
    Plan,
    PlaybookState,
    PropertyDefinition,
    SegmentKind,
    SuppressionKind,
    SyncRule,
)
from domain.language.filters import FilterGroup
from domain.language.ids import RecordId, RecordRef
from domain.language.refusals import Detail
from domain.language.values import PersonalValues
from domain.language.warned import Warned

# Names in `values` that are no property.
REASON: Final = "@reason"
IDENTIFIER: Final = "@identifier"
ADDRESS: Final = "@address"
SUBJECT, BODY = "@subject", "@body"
USERTOKEN: Final = "@usertoken"
FORM_EMAIL: Final = "@email"  # of a submission, where it is not its contact's
SYNC: Final = "@sync/"  # followed by the system
RELEASED: Final = "@released/"  # followed by the property
_LABEL: Final = "@label/"  # followed by the label, "/" and the attribute's name


def attribute_name(label: str, name: str) -> str:
    """Name an attribute of a label in `values`; a "/" in the label is written so that it ends no label."""
    return f"{_LABEL}{label.replace('~', '~0').replace('/', '~1')}/{name}"


Relation: TypeAlias = Literal["parent", "child"]
# What an event may change claims by: its property values, its "@identifier", a sync id, an address, a workflow's id.
Claimed: TypeAlias = Literal["properties", "identifiers", "sync", "suppressions", "workflows"]


class Event(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A fact. `occurred_at` is when it happened upstream; the ledger adds when it was recorded.

    The traits say what a class of events may do, so that projections and claims need no list of classes.
    """

    EVENT_TYPE: ClassVar[str]
    SETS_VALUES: ClassVar[bool] = False  # `values` holds values of properties, by their names.
    CLAIMS: ClassVar[tuple[Claimed, ...]] = ()  # It may begin or end claims; `claim_changes` has a case for it.
    CHANGES_PRESENCE: ClassVar[bool] = False  # Its record begins, is archived or is restored: any filter may change.
    MOVES_MEMBERS: ClassVar[bool] = False  # Records join or leave static segments by it.
    IS_OUTCOME: ClassVar[bool] = False  # It ends what a command wrote.
    command_id: str
    occurred_at: datetime
    actor: str | None = None
    values: PersonalValues = {}


# -- records ----------------------------------------------------------------------------------------------------------


class RecordCreated(Event, frozen=True, kw_only=True, gc=False):
    """A record began. The values of the properties in `claimed` lead to it from here on."""

    EVENT_TYPE = "record.created.v1"
    SETS_VALUES = True
    CLAIMS = ("properties",)
    CHANGES_PRESENCE = True
    cause: str
    claimed: tuple[str, ...] = ()
    recreated_from: RecordId | None = None


class RecordUpdated(Event, frozen=True, kw_only=True, gc=False):
    """Values were set; an empty one clears.

    `released` tells whose claim on an old value ends, by property; the old value stands in `values` as
    `@released/<property>`.
    """

    EVENT_TYPE = "record.updated.v1"
    SETS_VALUES = True
    CLAIMS = ("properties",)
    cause: str
    claimed: tuple[str, ...] = ()
    released: dict[str, tuple[RecordId, ...]] = {}


class RecordArchived(Event, frozen=True, kw_only=True, gc=False):
    """The record takes no changes and is shown nowhere until it is restored."""

    EVENT_TYPE = "record.archived.v1"
    CHANGES_PRESENCE = True


class RecordRestored(Event, frozen=True, kw_only=True, gc=False):
    """The record is back: by a command of its own (`command:<id>`) or by a form (`form:<submission id>`)."""

    EVENT_TYPE = "record.restored.v1"
    CHANGES_PRESENCE = True
    cause: str | None = None  # Was not recorded before there were two.


class IdentifierAdded(Event, frozen=True, kw_only=True, gc=False):
    """One more address, domain, usertoken or unique value leads to this record: `values[...]["@identifier"]`."""

    EVENT_TYPE = "record.identifier-added.v1"
    CLAIMS = ("identifiers",)
    kind: str  # email, domain, usertoken, or property: and the name of a unique property.


class IdentifierRemoved(Event, frozen=True, kw_only=True, gc=False):
    """An additional address, domain or unique value was taken away; `holders` are the ids that claimed it."""

    EVENT_TYPE = "record.identifier-removed.v1"
    CLAIMS = ("identifiers",)
    kind: str
    holders: tuple[RecordId, ...]


class PrimaryIdentifierSet(Event, frozen=True, kw_only=True, gc=False):
    """An additional address, domain or unique value became the primary one; it is the value of its property."""

    EVENT_TYPE = "record.primary-identifier-set.v1"
    SETS_VALUES = True
    kind: str


class PrimaryCompanySet(Event, frozen=True, kw_only=True, gc=False):
    """The Primary label stands on the link to this company now, or on none."""

    EVENT_TYPE = "record.primary-company-set.v1"
    company_id: RecordId | None


class PeerLinked(Event, frozen=True, kw_only=True, gc=False):
    """The record was linked to one of its own type; told here so that a merge finds the link to itself (H16)."""

    EVENT_TYPE = "record.peer-linked.v1"
    peer_id: RecordId
    hierarchy: Relation | None = None  # What the peer is to this record.


class PeerUnlinked(Event, frozen=True, kw_only=True, gc=False):
    """The link to these ids ended, or with `hierarchy_only` the parent or child relationship alone."""

    EVENT_TYPE = "record.peer-unlinked.v1"
    peer_ids: tuple[RecordId, ...]
    hierarchy_only: bool = False


class AddedToSegment(Event, frozen=True, kw_only=True, gc=False):
    """The record is on a static segment."""

    EVENT_TYPE = "record.added-to-segment.v1"
    MOVES_MEMBERS = True
    segment_id: str


class RemovedFromSegment(Event, frozen=True, kw_only=True, gc=False):
    """The record is off a static segment."""

    EVENT_TYPE = "record.removed-from-segment.v1"
    MOVES_MEMBERS = True
    segment_id: str


class WorkflowEnrolled(Event, frozen=True, kw_only=True, gc=False):
    """The record was enrolled by hand (`command:<id>`); in ledgers of 0.1 by a trigger too (`trigger:<command id>`)."""

    EVENT_TYPE = "record.workflow-enrolled.v1"
    workflow_id: str
    cause: str


class EnrolledByTriggers(Event, frozen=True, kw_only=True, gc=False):
    """The record was enrolled by the triggers that a command made true, in the order of their definitions."""

    EVENT_TYPE = "record.enrolled-by-triggers.v1"
    workflow_ids: tuple[str, ...]
    cause: str


class WorkflowUnenrolled(Event, frozen=True, kw_only=True, gc=False):
    """The record was unenrolled."""

    EVENT_TYPE = "record.workflow-unenrolled.v1"
    workflow_id: str
    cause: str


class PlaybookLogged(Event, frozen=True, kw_only=True, gc=False):
    """A playbook was kept as a draft, or logged."""

    EVENT_TYPE = "record.playbook-logged.v1"
    playbook_id: str
    state: PlaybookState


class FormSubmitted(Event, frozen=True, kw_only=True, gc=False):
    """The contact sent a form. The counts and values it set are a `RecordUpdated` or `RecordCreated` beside it."""

    EVENT_TYPE = "record.form-submitted.v1"
    form_id: str
    submission_id: str


class SyncLinked(Event, frozen=True, kw_only=True, gc=False):
    """The record is kept in step with another system's; the id there is `values[...]["@sync/<system>"]`."""

    EVENT_TYPE = "record.sync-linked.v1"
    CLAIMS = ("sync",)
    system: str


class SyncUnlinked(Event, frozen=True, kw_only=True, gc=False):
    """The record is no longer kept in step; `holder` is the id that claimed the other system's record."""

    EVENT_TYPE = "record.sync-unlinked.v1"
    CLAIMS = ("sync",)
    system: str
    holder: RecordId


class CallStarted(Event, frozen=True, kw_only=True, gc=False):
    """Someone is on a call with this record."""

    EVENT_TYPE = "record.call-started.v1"
    call_id: str


class CallEnded(Event, frozen=True, kw_only=True, gc=False):
    """The call is over."""

    EVENT_TYPE = "record.call-ended.v1"
    call_id: str


class Suppressed(Event, frozen=True, kw_only=True, gc=False):
    """Not to be contacted. An address, where it is about one, is `values[...]["@address"]`.

    `since` and `first_record_id` are those of the first suppression when it followed an address here.
    """

    EVENT_TYPE = "record.suppressed.v1"
    CLAIMS = ("suppressions",)
    kind: SuppressionKind
    topic: str | None = None
    since: datetime | None = None
    first_record_id: RecordId | None = None


class SuppressionLifted(Event, frozen=True, kw_only=True, gc=False):
    """May be contacted again. An address, where it was about one, is `values[...]["@address"]`."""

    EVENT_TYPE = "record.suppression-lifted.v1"
    kind: SuppressionKind
    topic: str | None = None


class MarkedNotDuplicates(Event, frozen=True, kw_only=True, gc=False):
    """This record and the other are not the same."""

    EVENT_TYPE = "record.marked-not-duplicates.v1"
    other_id: RecordId


class UnmarkedNotDuplicates(Event, frozen=True, kw_only=True, gc=False):
    """The mark was taken back; `other_ids` are all the ids under which it stood here."""

    EVENT_TYPE = "record.unmarked-not-duplicates.v1"
    other_ids: tuple[RecordId, ...]


# -- the merge --------------------------------------------------------------------------------------------------------

Side: TypeAlias = Literal["primary", "secondary", "both", "computed"]


class Decided(Struct, frozen=True, gc=False, array_like=True, omit_defaults=True):
    """How one property was decided. `primary` and `secondary` name the record that each side's value was set on.

    The value kept is that side's, or for `both` and `computed` the one under the merged record's own id.
    """

    property: str
    side: Side
    rule: str
    rule_name: str
    primary: RecordId | None = None
    secondary: RecordId | None = None
    chosen: bool = False


class CarriedSuppression(Struct, frozen=True, gc=False, omit_defaults=True):
    """A suppression that stands on the merged record. `address` names the value in `values[source_record_id]`."""

    kind: SuppressionKind
    at: datetime
    source_record_id: RecordId
    topic: str | None = None
    address: str | None = None


class OfRecord(Struct, frozen=True, gc=False):
    """Something (a workflow, a draft playbook, a call) that one side of the merge had."""

    id: str
    record_id: RecordId


class Related(Struct, frozen=True, gc=False):
    """What another company, named as it is today, was to this one."""

    record_id: RecordId
    label: Relation


class Skipped(Struct, frozen=True, gc=False):
    """An effect that the account's plan leaves out (H29, H30)."""

    effect: Literal["playbooks", "workflows", "sync"]
    why: Literal["subscription"] = "subscription"


class MergeCounts(Struct, frozen=True, gc=False):
    """Merges in each side's lineage before this one, and the limit that their sum was held against (H45)."""

    primary: int
    secondary: int
    limit: int


class RecordsMerged(Event, frozen=True, kw_only=True, gc=False):
    """Two records became this third one. Tells what this merge adds; readers assemble lists that grow along a chain.

    `values` has both sides' value of every property decided, winners and losers alike.
    """

    EVENT_TYPE = "record.merged.v1"
    SETS_VALUES = True
    CLAIMS = ("properties", "sync")
    CHANGES_PRESENCE = True
    MOVES_MEMBERS = True
    merge_id: str
    primary_id: RecordId
    primary_version: int
    secondary_id: RecordId
    secondary_version: int
    rule_set: str
    decisions: list[Decided]
    merge_counts: MergeCounts
    empty_properties: tuple[str, ...] = ()  # Set once on a side, empty now on both.
    primary_company: RecordId | None = None
    demoted: tuple[RecordRef, ...] = ()  # Companies whose link lost the Primary label (H17).
    dropped_self: tuple[RecordRef, ...] = ()  # Links from one side to the other (H16).
    peers: tuple[RecordId, ...] = ()
    hierarchy: dict[RecordId, Relation] = {}  # What others are to the merged record, by the ids they are linked by.
    hierarchy_dropped: tuple[Related, ...] = ()  # The secondary's, ended by this merge (H37).
    segments_removed: tuple[str, ...] = ()
    segments_carried: tuple[str, ...] = ()
    unenrolled: tuple[OfRecord, ...] = ()
    enrolled: tuple[str, ...] = ()
    sync_kept: dict[str, tuple[RecordId, ...]] = {}  # By system, the records whose links they are.
    sync_unlinked: dict[str, tuple[RecordId, ...]] = {}
    sync_released: dict[str, tuple[RecordId, ...]] = {}  # Ids whose claim on the other system's record ends.
    has_playbooks: bool = False
    dropped_drafts: tuple[OfRecord, ...] = ()
    calls_disconnected: tuple[OfRecord, ...] = ()
    suppressions: tuple[CarriedSuppression, ...] = ()
    not_duplicates: tuple[RecordId, ...] = ()
    forms: tuple[str, ...] = ()
    claimed: dict[str, tuple[RecordId, ...]] = {}  # Unique values that led to no record: by property, whose they were.
    skipped: tuple[Skipped, ...] = ()


class MergedAway(Event, frozen=True, kw_only=True, gc=False):
    """This record was merged into another and takes no further changes, ever."""

    EVENT_TYPE = "record.merged-away.v1"
    into: RecordId
    side: Literal["primary", "secondary"]
    merge_id: str


# -- links and activities ---------------------------------------------------------------------------------------------


class Associated(Event, frozen=True, kw_only=True, gc=False):
    """Two records are linked, under these labels too, seen from `one`.

    Attributes of a label are `values[one]["@label/<label>/<name>"]`.
    """

    EVENT_TYPE = "association.linked.v1"
    one: RecordRef
    other: RecordRef
    labels: tuple[str, ...] = ()


class Dissociated(Event, frozen=True, kw_only=True, gc=False):
    """Every link between the two lineages ended, or these labels of it."""

    EVENT_TYPE = "association.unlinked.v1"
    one: RecordRef
    other: RecordRef
    labels: tuple[str, ...] | None = None


class ActivityLogged(Event, frozen=True, kw_only=True, gc=False):
    """An activity stands on these records' timelines; subject and body are in `values`."""

    EVENT_TYPE = "activity.logged.v1"
    activity_type: str
    records: tuple[RecordRef, ...]


# -- segments, workflows, account -------------------------------------------------------------------------------------


class SegmentDefined(Event, frozen=True, kw_only=True, gc=False):
    """A segment exists, or its name or filter changed."""

    EVENT_TYPE = "segment.defined.v1"
    name: str
    object_type: str
    kind: SegmentKind
    filter_groups: list[FilterGroup] = []


class WorkflowDefined(Event, frozen=True, kw_only=True, gc=False):
    """A workflow exists, or its name, trigger or switch changed."""

    EVENT_TYPE = "workflow.defined.v1"
    CLAIMS = ("workflows",)
    workflow_id: str
    name: str
    filter_groups: list[FilterGroup] = []
    allow_enrollment_from_merge: bool = False


class AccountConfigured(Event, frozen=True, kw_only=True, gc=False):
    """Settings were set; those that are null stay as they were."""

    EVENT_TYPE = "account.configured.v1"
    subscriptions: dict[str, Plan] | None = None
    salesforce_integration: bool | None = None
    marketing_contacts: bool | None = None
    lifecycle_stages: tuple[str, ...] | None = None
    merge_limit: int | None = None
    activated_object_types: tuple[str, ...] | None = None
    static_segments: Literal["primary_only", "union"] | None = None
    later_enrollment: Literal["requires_allow", "always"] | None = None
    legal_basis: Literal["multiple", "single"] | None = None
    rule_set: str | None = None
    display_names: dict[str, DisplayName] | None = None
    sync_rules: dict[str, SyncRule] | None = None


class ObjectTypeDefined(Event, frozen=True, kw_only=True, gc=False):
    """A custom object type exists, or properties were added to a type."""

    EVENT_TYPE = "account.object-type-defined.v1"
    object_type: str
    label: str | None = None
    properties: dict[str, PropertyDefinition] = {}


# -- commands ---------------------------------------------------------------------------------------------------------


class CommandApplied(Event, frozen=True, kw_only=True, gc=False):
    """A command was carried out. `events` is how many events it wrote before this one."""

    EVENT_TYPE = "command.applied.v1"
    IS_OUTCOME = True
    command_type: str
    fingerprint: str
    events: int = 0
    object_type: str | None = None
    record_id: RecordId | None = None
    merge_id: str | None = None
    followed: dict[str, RecordId] = {}
    ignored_fields: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    warnings: tuple[Warned, ...] = ()


class CommandRefused(Event, frozen=True, kw_only=True, gc=False):
    """A command was understood and not carried out."""

    EVENT_TYPE = "command.refused.v1"
    IS_OUTCOME = True
    command_type: str
    fingerprint: str
    code: str
    message: str
    details: dict[str, Detail] = {}
    ignored_fields: tuple[str, ...] = ()


class CommandIdReused(Event, frozen=True, kw_only=True, gc=False):
    """The id was sent again with another body, which changed nothing."""

    EVENT_TYPE = "command.id-reused.v1"
    IS_OUTCOME = True
    command_type: str
    fingerprint: str


class CommandUnreadable(Event, frozen=True, kw_only=True, gc=False):
    """Something came from a source that is no command. `command_id` is empty where none could be seen."""

    EVENT_TYPE = "command.unreadable.v1"
    IS_OUTCOME = True
    source: str
    offset: int
    code: str
    message: str


EVENT_CLASSES: Final[tuple[type[Event], ...]] = (
    RecordCreated,
    RecordUpdated,
    RecordArchived,
    RecordRestored,
    IdentifierAdded,
    IdentifierRemoved,
    PrimaryIdentifierSet,
    PrimaryCompanySet,
    PeerLinked,
    PeerUnlinked,
    AddedToSegment,
    RemovedFromSegment,
    WorkflowEnrolled,
    EnrolledByTriggers,
    WorkflowUnenrolled,
    PlaybookLogged,
    FormSubmitted,
    SyncLinked,
    SyncUnlinked,
    CallStarted,
    CallEnded,
    Suppressed,
    SuppressionLifted,
    MarkedNotDuplicates,
    UnmarkedNotDuplicates,
    RecordsMerged,
    MergedAway,
    Associated,
    Dissociated,
    ActivityLogged,
    SegmentDefined,
    WorkflowDefined,
    AccountConfigured,
    ObjectTypeDefined,
    CommandApplied,
    CommandRefused,
    CommandIdReused,
    CommandUnreadable,
)

# The closed registry: a type that is not here stops whoever reads it.
EVENT_TYPES: Final[dict[str, type[Event]]] = {cls.EVENT_TYPE: cls for cls in EVENT_CLASSES}
OUTCOMES: Final = tuple(cls for cls in EVENT_CLASSES if cls.IS_OUTCOME)
OUTCOME_TYPES: Final = tuple(cls.EVENT_TYPE for cls in OUTCOMES)
