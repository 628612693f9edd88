"""Layer: domain. The preconditions of a merge, checked in this order; each raises its refusal.

A new precondition is a function, and its line in `PRECONDITIONS`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from domain.decisions.hierarchy import EXAMINED_MAX
from domain.language.commands import MergeRecords
from domain.language.ids import RecordId
from domain.language.refusals import (
    CompanyParentChild,
    CompanySalesforceBlock,
    InvalidProperty,
    MarkedNotDuplicates,
    MergeLimitExceeded,
    MustMatch,
    ReasonRequired,
    TooManyRelationships,
)
from domain.language.values import Plain
from domain.state.account import Account
from domain.state.claims import claimed_text
from domain.state.typed_values import read_plain
from domain.survivorship.pair import Pair


class ProposedMerge(NamedTuple):
    """A merge before it is decided, with all that preconditions look at.

    `marked` when somebody said that the two are not duplicates. `relatives` are active parents and children, by
    the side that has them; None when there are too many to look at.
    """

    command: MergeRecords
    account: Account
    pair: Pair
    marked: bool
    relatives: Mapping[RecordId, Sequence[RecordId]] | None


def salesforce_installed(merge: ProposedMerge) -> None:
    """Companies cannot be merged while the Salesforce integration is on (H32)."""
    if merge.pair.object_type == "companies" and merge.account.salesforce_integration:
        raise CompanySalesforceBlock


def parent_or_child(merge: ProposedMerge) -> None:
    """A company with an active parent or child cannot be merged (H37)."""
    if merge.relatives is None:
        related = [side.record_id for side in merge.pair.both if side.hierarchy]
        raise TooManyRelationships(related, EXAMINED_MAX)
    if merge.relatives:
        raise CompanyParentChild(merge.relatives)


def marked_not_duplicates(merge: ProposedMerge) -> None:
    """Records marked as not duplicates are merged only with an override."""
    if merge.marked and not merge.command.override_not_duplicates:
        raise MarkedNotDuplicates(merge.pair.primary.record_id, merge.pair.secondary.record_id)


def differing_where_they_must_match(merge: ProposedMerge) -> None:
    """A property that must match has a value on both sides, and the two differ."""
    if merge.command.override_must_match:
        return
    object_type = merge.pair.object_type
    differing = []
    for name in merge.account.matched_properties(object_type):
        sides = [side.value(name) for side in merge.pair.both]
        texts = {_compared(merge.account, object_type, name, side.v) for side in sides if side is not None}
        if len(texts) > 1:
            differing.append(name)
    if differing:
        raise MustMatch(differing)


def _compared(account: Account, object_type: str, name: str, v: Plain) -> str:
    """Write a value for comparison by its type, even if it was set before its property had one."""
    with suppress(InvalidProperty):
        v = read_plain(account, object_type, name, v)
    return claimed_text(v)


def without_a_reason(merge: ProposedMerge) -> None:
    """An override needs a reason."""
    if not (merge.command.reason or "").strip():
        for override in ("override_not_duplicates", "override_must_match"):
            if getattr(merge.command, override):
                raise ReasonRequired(override)


def over_the_limit(merge: ProposedMerge) -> None:
    """The merges of both lineages so far, this one not counted, must not exceed the limit (H45)."""
    primary, secondary = (side.merge_count for side in merge.pair.both)
    limit = merge.account.merge_limit
    if primary + secondary > limit:
        raise MergeLimitExceeded(primary, secondary, limit)


PRECONDITIONS: Final[tuple[Callable[[ProposedMerge], None], ...]] = (
    salesforce_installed,
    parent_or_child,
    marked_not_duplicates,
    differing_where_they_must_match,
    without_a_reason,
    over_the_limit,
)
