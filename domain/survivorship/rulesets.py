"""Layer: domain. Survivorship rules as tables: which rule decides a property of an object type.

A table names what differs from "the primary's value wins, the secondary's fills an empty one"
(H08, H09). Rule sets are versioned and stamped on every merge; a merge is never decided again.
"""

from collections.abc import Mapping
from typing import ClassVar, Final, TypeAlias

from msgspec import Struct

from domain.language.commands import RuleName
from domain.state.account import Account
from domain.state.computed import READ_ONLY


class _Rule(Struct, frozen=True, gc=False):
    name: ClassVar[str]
    rule: str


class PrimaryWins(_Rule, frozen=True, gc=False):
    """The primary's value, or the secondary's where the primary has none (H08, H09)."""

    name = "primary_wins"


class OldestInstant(_Rule, frozen=True, gc=False):
    """The earlier of two instants; a tie is the primary's (H07)."""

    name = "oldest_instant"


class FurthestInFunnel(_Rule, frozen=True, gc=False):
    """The stage furthest down the account's funnel; an unknown stage ranks below all known (H34, H39)."""

    name = "furthest_in_funnel"


class Sum(_Rule, frozen=True, gc=False):
    """Both sides' numbers together; an empty one counts as 0 (H35, H40, H42)."""

    name = "sum"


class MostMarketable(_Rule, frozen=True, gc=False):
    """Marketing before non-marketing, where the account has marketing contacts (H41)."""

    name = "most_marketable"


class OldestUnlessManual(_Rule, frozen=True, gc=False):
    """The value that was set first, unless one was set by hand (H36, H43)."""

    name = "oldest_unless_manual"


class SameSideAs(_Rule, frozen=True, gc=False):
    """The side that another property was decided for: its details stay with it (H36, H43)."""

    other: str
    name = "same_side"


class LatestOfBoth(_Rule, frozen=True, gc=False):
    """Both sides' values together, or the latest alone where the account keeps one (H44)."""

    name = "most_recent_of_both"


class MostRecent(_Rule, frozen=True, gc=False):
    """The value that was set last; a tie is the primary's."""

    name = "most_recent"


class Oldest(_Rule, frozen=True, gc=False):
    """The value that was set first; a tie is the primary's."""

    name = "oldest"


class Highest(_Rule, frozen=True, gc=False):
    """The higher value; a tie is the primary's."""

    name = "max"


class Lowest(_Rule, frozen=True, gc=False):
    """The lower value; a tie is the primary's."""

    name = "min"


class Union(_Rule, frozen=True, gc=False):
    """Both sides' elements, the primary's first."""

    name = "union"


Rule: TypeAlias = (
    PrimaryWins
    | OldestInstant
    | FurthestInFunnel
    | Sum
    | MostMarketable
    | OldestUnlessManual
    | SameSideAs
    | LatestOfBoth
    | MostRecent
    | Oldest
    | Highest
    | Lowest
    | Union
)

RULE_SET: Final = "hubspot@1"
CREATE_DATE: Final = "createdate"
ORIGINAL_SOURCE: Final = "hs_analytics_source"

DEFAULT_RULE: Final = PrimaryWins(rule="H08")
ANY_TYPE: Final[dict[str, Rule]] = {CREATE_DATE: OldestInstant(rule="H07")}
CONTACTS: Final[dict[str, Rule]] = {
    **ANY_TYPE,
    "email": PrimaryWins(rule="H38"),
    "lifecyclestage": FurthestInFunnel(rule="H39"),
    "num_conversion_events": Sum(rule="H40"),
    "num_unique_conversion_events": Sum(rule="H40"),
    "hs_marketable_status": MostMarketable(rule="H41"),
    "hs_analytics_num_page_views": Sum(rule="H42"),
    ORIGINAL_SOURCE: OldestUnlessManual(rule="H43"),
    "hs_analytics_source_data_1": SameSideAs(rule="H43", other=ORIGINAL_SOURCE),
    "hs_analytics_source_data_2": SameSideAs(rule="H43", other=ORIGINAL_SOURCE),
    "hs_legal_basis": LatestOfBoth(rule="H44"),
}
COMPANIES: Final[dict[str, Rule]] = {
    **ANY_TYPE,
    "domain": PrimaryWins(rule="H33"),
    "lifecyclestage": FurthestInFunnel(rule="H34"),
    "hs_analytics_num_page_views": Sum(rule="H35"),
    "hs_analytics_num_visits": Sum(rule="H35"),
    ORIGINAL_SOURCE: OldestUnlessManual(rule="H36"),
    "hs_analytics_source_data_1": SameSideAs(rule="H36", other=ORIGINAL_SOURCE),
    "hs_analytics_source_data_2": SameSideAs(rule="H36", other=ORIGINAL_SOURCE),
}
TABLES: Final[dict[str, dict[str, Rule]]] = {"contacts": CONTACTS, "companies": COMPANIES}

# An account without marketing contacts leaves their status to H08 (H41).
_WITHOUT_MARKETING: Final[dict[str, Rule]] = {
    name: rule for name, rule in CONTACTS.items() if not isinstance(rule, MostMarketable)
}

# Rules that belong to the system: no choice and no rule of the account comes before them (H11).
_SYSTEM_RULES: Final = (OldestInstant, Sum, MostMarketable, SameSideAs, LatestOfBoth)

ACCOUNT_RULE: Final = "account"
_ACCOUNT_RULES: Final[dict[RuleName, Rule]] = {
    "primary_wins": PrimaryWins(rule=ACCOUNT_RULE),
    "most_recent": MostRecent(rule=ACCOUNT_RULE),
    "oldest": Oldest(rule=ACCOUNT_RULE),
    "sum": Sum(rule=ACCOUNT_RULE),
    "max": Highest(rule=ACCOUNT_RULE),
    "min": Lowest(rule=ACCOUNT_RULE),
    "union": Union(rule=ACCOUNT_RULE),
}


def is_system_owned(object_type: str, name: str) -> bool:
    """Whether a rule of the system decides this property, whatever a user or account would like."""
    return name in READ_ONLY or isinstance(TABLES.get(object_type, ANY_TYPE).get(name), _SYSTEM_RULES)


def rules_for(account: Account, object_type: str) -> Mapping[str, Rule]:
    """Gather the rules of a type, the account's own in place; a property not in it follows `DEFAULT_RULE`."""
    table: Mapping[str, Rule] = TABLES.get(object_type, ANY_TYPE)
    if not account.marketing_contacts and object_type == "contacts":
        table = _WITHOUT_MARKETING
    own = {name: one.rule for name, one in account.definitions(object_type).items() if one.rule is not None}
    if not own:
        return table
    return {**table, **{name: _ACCOUNT_RULES[rule] for name, rule in own.items()}}
