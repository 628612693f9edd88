"""Layer: domain. What stands in the way of a merge: named preconditions, checked in this order.

One more blocker is one more line in `PRECONDITIONS`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from domain.decisions.hierarchy import EXAMINED_MAX
from domain.decisions.properties import read_plain
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
from domain.state.record import Record


class Pair(NamedTuple):
    """The two records that are to become one, and what else was looked at.

    `marked` when somebody said that they are not duplicates; `relatives` are active parents and children, by
    the side that has them; None where there are too many to look at.
    """

    command: MergeRecords
    account: Account
    primary: Record
    secondary: Record
    marked: bool
    relatives: Mapping[RecordId, Sequence[RecordId]] | None


def salesforce_installed(pair: Pair) -> None:
    """Companies cannot be merged while the Salesforce integration is on (H32)."""
    if pair.command.object_type == "companies" and pair.account.salesforce_integration:
        raise CompanySalesforceBlock


def parent_or_child(pair: Pair) -> None:
    """A company with an active parent or child cannot be merged (H37)."""
    if pair.relatives is None:
        related = [side.record_id for side in (pair.primary, pair.secondary) if side.hierarchy]
        raise TooManyRelationships(related, EXAMINED_MAX)
    if pair.relatives:
        raise CompanyParentChild(pair.relatives)


def marked_not_duplicates(pair: Pair) -> None:
    """Somebody said that they are not the same, and nobody that they are after all."""
    if pair.marked and not pair.command.override_not_duplicates:
        raise MarkedNotDuplicates(pair.primary.record_id, pair.secondary.record_id)


def differing_where_they_must_match(pair: Pair) -> None:
    """Both sides have a value of a property that says who somebody is, and not the same."""
    if pair.command.override_must_match:
        return
    object_type = pair.command.object_type
    differing = []
    for name in pair.account.matched_properties(object_type):
        sides = [side.value(name) for side in (pair.primary, pair.secondary)]
        texts = {_compared(pair.account, object_type, name, side.v) for side in sides if side is not None}
        if len(texts) > 1:
            differing.append(name)
    if differing:
        raise MustMatch(differing)


def _compared(account: Account, object_type: str, name: str, v: Plain) -> str:
    """Write a value to compare it: by its type, also where it was set before its property had one."""
    with suppress(InvalidProperty):
        v = read_plain(account, object_type, name, v)
    return claimed_text(v)


def without_a_reason(pair: Pair) -> None:
    """What stands in the way is overridden only on purpose, with a reason."""
    if not (pair.command.reason or "").strip():
        for override in ("override_not_duplicates", "override_must_match"):
            if getattr(pair.command, override):
                raise ReasonRequired(override)


def over_the_limit(pair: Pair) -> None:
    """The merges of both lineages so far, this one not counted, must not exceed the limit (H45)."""
    primary, secondary, limit = pair.primary.merge_count, pair.secondary.merge_count, pair.account.merge_limit
    if primary + secondary > limit:
        raise MergeLimitExceeded(primary, secondary, limit)


PRECONDITIONS: Final[tuple[Callable[[Pair], None], ...]] = (
    salesforce_installed,
    parent_or_child,
    marked_not_duplicates,
    differing_where_they_must_match,
    without_a_reason,
    over_the_limit,
)
