"""Layer: consumers. What is written to topics: one Struct a message, JSON by msgspec.

Under one name fields are only added; a reader passes over those that it does not know. Every message
has the `position` it was true at: of two messages with one key the greater position counts.
"""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

from domain.language.commands import SuppressionKind
from domain.language.events import MergeCounts, Side, Skipped
from domain.language.values import Plain, Source
from domain.language.warned import Warned


class Result(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one command, for ever. `position` is that of its outcome in the ledger."""

    account: str
    command_id: str | None
    status: Literal["applied", "refused", "unreadable"]
    position: int
    recorded_at: datetime
    command_type: str | None = None
    code: str | None = None
    message: str | None = None
    details: dict[str, Any] = {}
    object_type: str | None = None
    record_id: str | None = None
    merge_id: str | None = None
    followed: dict[str, str] = {}
    ignored_fields: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    warnings: tuple[Warned, ...] = ()


class SideValue(Struct, frozen=True):
    """A side's value of a property, and the record it was set on."""

    value: Plain
    at: datetime
    source: Source
    record_id: str


class Decision(Struct, frozen=True, kw_only=True):
    """What became of one property, by which rule."""

    property: str
    value: Plain
    from_: Side = field(name="from")
    rule: str
    rule_name: str
    chosen_by_user: bool
    primary: SideValue | None
    secondary: SideValue | None


class Ref(Struct, frozen=True):
    """A record."""

    object_type: str
    id: str


class LabelDropped(Struct, frozen=True):
    """A label that the link to this record no longer has."""

    object_type: str
    id: str
    label: str


class Suppression(Struct, frozen=True):
    """Not to be contacted about `topic` (null: anything), at `address` (null: all)."""

    kind: SuppressionKind
    topic: str | None
    address: str | None
    at: datetime
    source_record_id: str


class Identifier(Struct, frozen=True):
    """The primary address, domain or unique value, and the others."""

    primary: str | None = None
    additional: list[str] = []


class Identifiers(Struct, frozen=True):
    """All that leads to the merged record: its own, and what its lineage brought."""

    emails: Identifier = Identifier()
    domains: Identifier = Identifier()
    usertokens: list[str] = []
    properties: dict[str, Identifier] = {}


class Effects(Struct, frozen=True, kw_only=True):
    """What else a merge did.

    `primary_company` is the one that the Primary label stands on; `not_duplicates` are marks that stand on the merged
    record; `hierarchy_dropped` are parents and children of the secondary that the merged record does not have.
    """

    associations_demoted: list[Ref]
    associations_dropped: list[Ref]
    segments_removed: list[str]
    segments_carried: list[str]
    workflows_unenrolled: list[str]
    workflows_enrolled: list[str]
    sync_kept: dict[str, str]
    sync_unlinked: dict[str, str]
    playbook_drafts_dropped: list[str]
    calls_disconnected: list[str]
    suppressions: list[Suppression]
    skipped: list[Skipped]
    identifiers: Identifiers = Identifiers()
    playbooks_kept: list[str] = []
    primary_company: str | None = None
    not_duplicates: list[str] = []
    sync_kept_ids: dict[str, list[str]] = {}
    sync_unlinked_ids: dict[str, list[str]] = {}
    hierarchy_dropped: list[LabelDropped] = []


class Merged(Struct, frozen=True, kw_only=True):
    """Two records became a third one, for ever. `merged_ids` are all ids that lead to it now."""

    merge_id: str
    account: str
    command_id: str
    object_type: str
    primary_id: str
    primary_version: int
    secondary_id: str
    secondary_version: int
    result_id: str
    merged_ids: list[str]
    occurred_at: datetime
    recorded_at: datetime
    actor: str | None
    reason: str | None
    rule_set: str
    position: int
    decisions: list[Decision]
    effects: Effects
    merge_counts: MergeCounts
    properties_moved: int = 0


class StateValue(Struct, frozen=True):
    """A property's value, and the record it was set on."""

    value: Plain
    at: datetime
    source: Source
    record_id: str


class RecordState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record as it stands. Of one merged away only the redirect: `merged_into` and `merge_id`."""

    account: str
    object_type: str
    record_id: str
    status: Literal["active", "archived", "merged_away"]
    version: int
    position: int
    updated_at: datetime
    merged_into: str | None = None
    merge_id: str | None = None
    properties: dict[str, StateValue] = {}
    merge_count: int = 0
    primary_company: str | None = None
    segments: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    sync: dict[str, str] = {}
    sync_ids: dict[str, list[str]] = {}
    suppressions: list[Suppression] = []
    active_call: str | None = None
    recreated_from: str | None = None


class IdMapping(Struct, frozen=True, kw_only=True):
    """An id that was merged away, and the record that it is today."""

    account: str
    object_type: str
    record_id: str
    current_id: str
    merge_id: str
    position: int
