"""Layer: consumers. What is written to topics: one Struct a message, JSON by msgspec.

Under one name fields are only added; a reader passes over those that it does not know. Every message
has the `position` it was true at: of two messages with one key the greater position counts.
"""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from domain.language.values import Plain, Source
from domain.language.warned import Warned
from domain.merge.explained import Merge, SuppressionShown


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


class Merged(Merge, frozen=True, kw_only=True):
    """Two records became a third one, for ever. `merged_ids` are all ids that lead to it now."""

    merge_id: str
    command_id: str
    result_id: str
    occurred_at: datetime
    recorded_at: datetime
    position: int
    properties_moved: int = 0  # Earlier messages have none.


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
    suppressions: list[SuppressionShown] = []
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
