"""Layer: domain. Every command: what may be asked, with the fields that each takes.

One JSON object with `type` as its tag. Fields that a command does not know are listed in its
outcome, except by `merge_records`, which is unreadable then: a misspelt `choices` must not lose
the choice of a final merge.
"""

from datetime import datetime
from hashlib import blake2b
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from domain.language.filters import FilterGroup
from domain.language.ids import CommandId, Id, IdentifierKind, PropertyName, RecordRef, TypeName
from domain.language.values import Dressed, Plain, PropertyType, Sent

DEFAULT_ACCOUNT: Final = "main"
SALESFORCE: Final = "salesforce"  # The system whose sync has a rule of its own (H31).

Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Label: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100)]
Plan: TypeAlias = Literal["free", "starter", "professional", "enterprise"]
RuleName: TypeAlias = Literal["primary_wins", "most_recent", "oldest", "sum", "max", "min", "union"]
SegmentKind: TypeAlias = Literal["static", "active"]
SuppressionKind: TypeAlias = Literal["unsubscribed", "objected", "do_not_contact"]
PlaybookState: TypeAlias = Literal["logged", "draft"]
SyncRule: TypeAlias = Literal["keep_all", "primary_only"]
Choice: TypeAlias = str | int | float | bool | list[str] | Dressed | None


class Command(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """What all commands have: the caller's id, the account, and who asked, when and why."""

    command_id: CommandId
    account: Id = DEFAULT_ACCOUNT
    occurred_at: Instant | None = None
    actor: str | None = None
    reason: str | None = None


class RecordCommand(Command, frozen=True, kw_only=True):
    """A command about one record."""

    object_type: Id
    record_id: Id

    @property
    def ref(self) -> RecordRef:
        """The record named."""
        return RecordRef(self.object_type, self.record_id)


class Subscriptions(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The account's plan for each hub; a hub not named stays as it is."""

    sales: Plan | UnsetType = UNSET
    service: Plan | UnsetType = UNSET
    marketing: Plan | UnsetType = UNSET


class DisplayName(Struct, frozen=True, forbid_unknown_fields=True):
    """How an account calls an object type; a label and nothing more (H55)."""

    singular: Text
    plural: Text


class ConfigureAccount(Command, frozen=True, kw_only=True, tag="configure_account"):
    """Set some of the account's settings; what is not named stays."""

    subscriptions: Subscriptions | UnsetType = UNSET
    salesforce_integration: bool | UnsetType = UNSET
    marketing_contacts: bool | UnsetType = UNSET
    lifecycle_stages: list[Text] | UnsetType = UNSET
    merge_limit: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    activated_object_types: list[Literal["appointments", "courses", "listings", "services"]] | UnsetType = UNSET
    static_segments: Literal["primary_only", "union"] | UnsetType = UNSET
    later_enrollment: Literal["requires_allow", "always"] | UnsetType = UNSET
    legal_basis: Literal["multiple", "single"] | UnsetType = UNSET
    rule_set: Literal["hubspot@1"] | UnsetType = UNSET
    display_names: dict[TypeName, DisplayName] | UnsetType = UNSET
    sync_rules: dict[Id, SyncRule] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse to be read when Salesforce would be synced otherwise than it does it itself (H31)."""
        rules = {} if self.sync_rules is UNSET else self.sync_rules
        if any(system.lower() == SALESFORCE and rule != "primary_only" for system, rule in rules.items()):
            msg = "the sync rule of `salesforce` is `primary_only`, whatever the account"
            raise ValueError(msg)


class PropertyDefinition(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A property's type, its own survivorship rule, and what it says about who is who.

    A value of a `unique` one may be on one record only; two records that differ in a `must_match` one do not merge.
    """

    type: PropertyType = "string"
    unique: bool = False
    rule: RuleName | None = None
    must_match: bool = False


class DefineObjectType(Command, frozen=True, kw_only=True, tag="define_object_type"):
    """Define a custom object type, or add properties to any type."""

    object_type: TypeName
    label: Text | None = None
    properties: dict[PropertyName, PropertyDefinition] = {}


class CreateRecord(Command, frozen=True, kw_only=True, tag="create_record"):
    """Make a record; the ledger gives the id when the caller does not."""

    object_type: Id
    record_id: Id | None = None
    properties: dict[PropertyName, Sent] = {}


class UpdateRecord(RecordCommand, frozen=True, kw_only=True, tag="update_record"):
    """Set properties; null clears one."""

    properties: dict[PropertyName, Sent]


class ArchiveRecord(RecordCommand, frozen=True, kw_only=True, tag="archive_record"):
    """Take a record out of search, segments and workflows; it keeps its identifiers."""


class RestoreRecord(RecordCommand, frozen=True, kw_only=True, tag="restore_record"):
    """Bring an archived record back."""


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """Another record, by type and id."""

    object_type: Id
    record_id: Id

    @property
    def ref(self) -> RecordRef:
        """The record named."""
        return RecordRef(self.object_type, self.record_id)


class LabelWithAttributes(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A label of an association and what is said about it."""

    label: Label
    attributes: dict[str, Plain] = {}


class Associate(RecordCommand, frozen=True, kw_only=True, tag="associate"):
    """Link two records, with labels. `primary`, `parent` and `child` have a meaning of their own."""

    to: Target
    labels: list[Label | LabelWithAttributes] = []


class Dissociate(RecordCommand, frozen=True, kw_only=True, tag="dissociate"):
    """End the labels named, or the whole link when none is."""

    to: Target
    labels: list[Label] | None = None


class LogActivity(Command, frozen=True, kw_only=True, tag="log_activity"):
    """Put an activity on the timelines of records."""

    activity_id: Id
    activity_type: Id
    records: Annotated[list[Target], Meta(min_length=1)]
    subject: str | None = None
    body: str | None = None


class DefineSegment(Command, frozen=True, kw_only=True, tag="define_segment"):
    """Define a static segment (a list of records) or an active one (a filter)."""

    segment_id: Id
    name: Text
    object_type: Id
    kind: SegmentKind
    filter_groups: list[FilterGroup] = []

    def __post_init__(self) -> None:
        """Refuse to be read when kind and filter do not go together."""
        if (self.kind == "active") != bool(self.filter_groups):
            msg = "an active segment needs `filter_groups`, a static one has none"
            raise ValueError(msg)


class AddToSegment(RecordCommand, frozen=True, kw_only=True, tag="add_to_segment"):
    """Put a record on a static segment."""

    segment_id: Id


class RemoveFromSegment(RecordCommand, frozen=True, kw_only=True, tag="remove_from_segment"):
    """Take a record off a static segment."""

    segment_id: Id


class DefineWorkflow(Command, frozen=True, kw_only=True, tag="define_workflow"):
    """Define a workflow and the filter that enrolls records; defining enrolls nobody."""

    workflow_id: Id
    name: Text
    object_type: Id
    filter_groups: list[FilterGroup] = []
    allow_enrollment_from_merge: bool = False


class Enroll(RecordCommand, frozen=True, kw_only=True, tag="enroll"):
    """Enroll a record by hand; always allowed."""

    workflow_id: Id


class Unenroll(RecordCommand, frozen=True, kw_only=True, tag="unenroll"):
    """Unenroll a record by hand."""

    workflow_id: Id


class LogPlaybook(RecordCommand, frozen=True, kw_only=True, tag="log_playbook"):
    """Keep a playbook as a draft, or log it."""

    playbook_id: Id
    state: PlaybookState


class SubmitForm(Command, frozen=True, kw_only=True, tag="submit_form"):
    """A form was sent: the contact is found by usertoken, then by email, else made."""

    form_id: Id
    submission_id: Id
    usertoken: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    email: Text | None = None
    properties: dict[PropertyName, Sent] = {}

    def __post_init__(self) -> None:
        """Refuse to be read when nothing says whose submission this is."""
        if self.usertoken is None and self.email is None:
            msg = "a submission needs `usertoken` or `email`"
            raise ValueError(msg)


class LinkSync(RecordCommand, frozen=True, kw_only=True, tag="link_sync"):
    """Say which record of another system this one is kept in step with."""

    system: Id
    external_id: Annotated[str, Meta(min_length=1, max_length=200)]


class UnlinkSync(RecordCommand, frozen=True, kw_only=True, tag="unlink_sync"):
    """Stop keeping this record in step with another system's."""

    system: Id
    external_id: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class StartCall(RecordCommand, frozen=True, kw_only=True, tag="start_call"):
    """Someone is on a call with this record."""

    call_id: Id


class EndCall(RecordCommand, frozen=True, kw_only=True, tag="end_call"):
    """The call is over."""

    call_id: Id


class Suppress(RecordCommand, frozen=True, kw_only=True, tag="suppress"):
    """This record, or one of its addresses, is not to be contacted about a topic (absent: about anything)."""

    kind: SuppressionKind
    topic: Label | None = None
    address: Text | None = None


class LiftSuppression(RecordCommand, frozen=True, kw_only=True, tag="lift_suppression"):
    """End a suppression; says why."""

    kind: SuppressionKind
    reason: Text
    topic: Label | None = None
    address: Text | None = None


class IdentifierCommand(RecordCommand, frozen=True, kw_only=True):
    """A command about an additional email address, domain or value of a unique property."""

    kind: IdentifierKind
    value: Text


class AddIdentifier(IdentifierCommand, frozen=True, kw_only=True, tag="add_identifier"):
    """Give the record one more address, domain or unique value."""


class RemoveIdentifier(IdentifierCommand, frozen=True, kw_only=True, tag="remove_identifier"):
    """Take an additional address, domain or unique value away; it is free for another record then (H52, H53)."""


class SetPrimaryIdentifier(IdentifierCommand, frozen=True, kw_only=True, tag="set_primary_identifier"):
    """Make an additional address, domain or unique value the primary one; the old one becomes additional."""


class MarkCommand(Command, frozen=True, kw_only=True):
    """A command about two records that look alike."""

    object_type: Id
    record_ids: Annotated[list[Id], Meta(min_length=2, max_length=2)]


class MarkNotDuplicates(MarkCommand, frozen=True, kw_only=True, tag="mark_not_duplicates"):
    """These two are not the same; they are not to be merged."""


class UnmarkNotDuplicates(MarkCommand, frozen=True, kw_only=True, tag="unmark_not_duplicates"):
    """Take the mark back."""


class MergeRecords(Command, frozen=True, kw_only=True, tag="merge_records", forbid_unknown_fields=True):
    """Make one record of two. Final: there is no unmerge (H51)."""

    object_type: Id
    primary_id: Id
    secondary_id: Id
    secondary_object_type: Id | None = None
    choices: dict[PropertyName, Choice] = {}
    result_id: Id | None = None
    preview_token: str | None = None
    override_not_duplicates: bool = False
    override_must_match: bool = False


class UnmergeRecords(RecordCommand, frozen=True, kw_only=True, tag="unmerge_records"):
    """Always refused: merges are final (H51)."""


class RecreateRecord(RecordCommand, frozen=True, kw_only=True, tag="recreate_record"):
    """Make a new record with the values that a merged-away one had before its merge."""

    new_record_id: Id | None = None


AnyCommand: TypeAlias = (
    ConfigureAccount
    | DefineObjectType
    | CreateRecord
    | UpdateRecord
    | ArchiveRecord
    | RestoreRecord
    | Associate
    | Dissociate
    | LogActivity
    | DefineSegment
    | AddToSegment
    | RemoveFromSegment
    | DefineWorkflow
    | Enroll
    | Unenroll
    | LogPlaybook
    | SubmitForm
    | LinkSync
    | UnlinkSync
    | StartCall
    | EndCall
    | Suppress
    | LiftSuppression
    | AddIdentifier
    | RemoveIdentifier
    | SetPrimaryIdentifier
    | MarkNotDuplicates
    | UnmarkNotDuplicates
    | MergeRecords
    | UnmergeRecords
    | RecreateRecord
)


class Envelope(Struct, frozen=True):
    """A command as it came in, with the fields of it that nobody knows.

    `is_read` says that it was decoded from bytes as a command, so that it need not be checked again.
    """

    command: AnyCommand
    ignored_fields: tuple[str, ...] = ()
    is_read: bool = False


_ENCODER = msgspec.json.Encoder(order="sorted")


def fingerprint(command: AnyCommand) -> str:
    """Digest the body of a command, without who and why: the same id with another body is refused.

    The account is left out: ids are an account's own, and whether a command names it makes no difference.
    """
    body = msgspec.structs.replace(command, account=DEFAULT_ACCOUNT, actor=None, reason=None)
    return blake2b(_ENCODER.encode(body), digest_size=16).hexdigest()
