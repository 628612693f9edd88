"""Layer: domain. Survivorship rules: what each is called, whose it is, what it accepts, and which value it keeps.

A new rule is a class here. A type's table in `rulesets` gives it to properties; an account may set it per
property once it is `for_accounts`, and a name in `commands.RuleName`.
"""

from contextlib import suppress
from datetime import datetime
from typing import ClassVar, Literal, NamedTuple

from msgspec import Struct

from domain.language.values import Plain, PropertyType, Value, as_text, exact_sum, read_instant, read_typed
from domain.state.account import Account
from domain.state.lifecycle import rank


class Combined(NamedTuple):
    """A value that is neither side's own."""

    side: Literal["both", "computed"]
    v: Plain


class Rule(Struct, frozen=True, gc=False):
    """The primary's value, or the secondary's where the primary has none; other rules change a part of this."""

    name: ClassVar[str]
    system_owned: ClassVar[bool] = False  # In a type's table no choice and no account's rule comes before it (H11).
    for_accounts: ClassVar[bool] = False
    accepts: ClassVar[PropertyType | None] = None  # None: values of any type.
    combines: ClassVar[bool] = False  # An account's rule whose value is neither side's.

    rule: str  # Its id in docs/rules.md.

    def prefers_secondary(self, one: Value, other: Value, account: Account) -> bool:
        """Whether the secondary's value is kept where both sides have one; a tie is the primary's."""
        return False

    def combine(self, one: Value | None, other: Value | None, account: Account) -> Combined | None:
        """Make one value of both sides'; None keeps one side's. Raises OverflowError."""
        return None


class PrimaryWins(Rule, frozen=True, gc=False):
    """The primary's value, or the secondary's where the primary has none (H08, H09)."""

    name = "primary_wins"
    for_accounts = True


class OldestInstant(Rule, frozen=True, gc=False):
    """The earlier of two instants; a tie is the primary's (H07)."""

    name = "oldest_instant"
    system_owned = True

    def prefers_secondary(self, one: Value, other: Value, account: Account) -> bool:
        """Whether the secondary's instant is earlier."""
        return _instant(other) < _instant(one)


class FurthestInFunnel(Rule, frozen=True, gc=False):
    """The stage furthest down the account's funnel; an unknown stage ranks below all known (H34, H39)."""

    name = "furthest_in_funnel"

    def prefers_secondary(self, one: Value, other: Value, account: Account) -> bool:
        """Whether the secondary's stage is further."""
        return rank(account, other.v) > rank(account, one.v)


class Sum(Rule, frozen=True, gc=False):
    """Both sides' numbers together; an empty one counts as 0 (H35, H40, H42)."""

    name = "sum"
    system_owned = True
    for_accounts = True
    accepts = "number"
    combines = True

    def combine(self, one: Value | None, other: Value | None, account: Account) -> Combined | None:
        """Add both numbers up; None if one of them, set before its property had a type, is no number."""
        with suppress(ValueError):
            numbers = [read_typed("number", value.v) for value in (one, other) if value is not None]
            return Combined("computed", exact_sum(number for number in numbers if isinstance(number, int | float)))
        return None


class MostMarketable(Rule, frozen=True, gc=False):
    """Marketing before non-marketing, where the account has marketing contacts (H41)."""

    name = "most_marketable"
    system_owned = True

    def prefers_secondary(self, one: Value, other: Value, account: Account) -> bool:
        """Whether the secondary alone is a marketing contact."""
        return other.v is True and one.v is not True


class OldestUnlessManual(Rule, frozen=True, gc=False):
    """The value that was set first, unless one was set by hand (H36, H43)."""

    name = "oldest_unless_manual"

    def prefers_secondary(self, one: Value, other: Value, account: Account) -> bool:
        """Whether the secondary's was set by hand alone, or first when neither was."""
        if (one.source == "manual") != (other.source == "manual"):
            return other.source == "manual"
        return one.source != "manual" and other.at < one.at


class SameSideAs(Rule, frozen=True, gc=False):
    """The side that another property was decided for: its details stay with it (H36, H43)."""

    other: str
    name = "same_side"
    system_owned = True


class LatestOfBoth(Rule, frozen=True, gc=False):
    """Both sides' values together, or the latest alone where the account keeps one (H44)."""

    name = "most_recent_of_both"
    system_owned = True

    def combine(self, one: Value | None, other: Value | None, account: Account) -> Combined | None:
        """Unite both, unless the account keeps one."""
        return _union(one, other) if account.legal_basis == "multiple" else None

    def prefers_secondary(self, one: Value, other: Value, account: Account) -> bool:
        """Whether the secondary's was set later, where the account keeps one."""
        return other.at > one.at


class MostRecent(Rule, frozen=True, gc=False):
    """The value that was set last; a tie is the primary's."""

    name = "most_recent"
    for_accounts = True

    def prefers_secondary(self, one: Value, other: Value, account: Account) -> bool:
        """Whether the secondary's was set later."""
        return other.at > one.at


class Oldest(Rule, frozen=True, gc=False):
    """The value that was set first; a tie is the primary's."""

    name = "oldest"
    for_accounts = True

    def prefers_secondary(self, one: Value, other: Value, account: Account) -> bool:
        """Whether the secondary's was set first."""
        return other.at < one.at


class Highest(Rule, frozen=True, gc=False):
    """The higher value; a tie is the primary's."""

    name = "max"
    for_accounts = True

    def prefers_secondary(self, one: Value, other: Value, account: Account) -> bool:
        """Whether the secondary's is higher."""
        return _comparable(other.v) > _comparable(one.v)


class Lowest(Rule, frozen=True, gc=False):
    """The lower value; a tie is the primary's."""

    name = "min"
    for_accounts = True

    def prefers_secondary(self, one: Value, other: Value, account: Account) -> bool:
        """Whether the secondary's is lower."""
        return _comparable(other.v) < _comparable(one.v)


class Union(Rule, frozen=True, gc=False):
    """Both sides' elements, the primary's first."""

    name = "union"
    for_accounts = True
    accepts = "list"
    combines = True

    def combine(self, one: Value | None, other: Value | None, account: Account) -> Combined | None:
        """Unite both."""
        return _union(one, other)


# -- comparing and combining ------------------------------------------------------------------------------------------


def _instant(value: Value) -> datetime:
    return read_instant(str(value.v))


def _comparable(v: Plain) -> tuple[int, float, str]:
    """Numbers before instants before text; each by its own order. Text of digits is a number, as filters have it."""
    if isinstance(v, int | float):
        return 0, v, ""
    with suppress(ValueError):
        if isinstance(number := read_typed("number", v), int | float):
            return 0, number, ""
    try:
        return 1, read_instant(str(v)).timestamp(), ""
    except ValueError:
        return 2, 0, str(v)


def _union(one: Value | None, other: Value | None) -> Combined | None:
    if one is None or other is None:
        return None
    return Combined("both", list(dict.fromkeys((*_elements(one.v), *_elements(other.v)))))


def _elements(v: Plain) -> list[str]:
    if v is None or isinstance(v, list):
        return v or []
    return [part.strip() for part in v.split(";") if part.strip()] if isinstance(v, str) else [as_text(v)]
