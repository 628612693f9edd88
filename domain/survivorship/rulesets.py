"""Layer: domain. Survivorship rules as tables: which rule decides a property of an object type.

A table names what differs from "the primary's value wins, the secondary's fills an empty one"
(H08, H09). Rule sets are versioned and stamped on every merge; a merge is never decided again.
"""

from collections.abc import Mapping
from typing import Final

from domain.state.account import Account
from domain.state.computed import READ_ONLY
from domain.survivorship.rules import (
    FurthestInFunnel,
    LatestOfBoth,
    MostMarketable,
    OldestInstant,
    OldestUnlessManual,
    PrimaryWins,
    Rule,
    SameSideAs,
    Sum,
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

# What an account may set for a property.
ACCOUNT_RULES: Final[dict[str, type[Rule]]] = {rule.name: rule for rule in Rule.__subclasses__() if rule.for_accounts}
_ACCOUNTS_OWN: Final[dict[str, Rule]] = {name: rule(rule="account") for name, rule in ACCOUNT_RULES.items()}


def is_system_owned(object_type: str, name: str) -> bool:
    """Whether the system alone decides this property: no choice and no rule of the account does (H11)."""
    return name in READ_ONLY or TABLES.get(object_type, ANY_TYPE).get(name, DEFAULT_RULE).system_owned


def rules_for(account: Account, object_type: str) -> Mapping[str, Rule]:
    """Return the rules of a type with the account's own in place; other properties follow `DEFAULT_RULE`."""
    table: Mapping[str, Rule] = TABLES.get(object_type, ANY_TYPE)
    if not account.marketing_contacts and object_type == "contacts":
        table = _WITHOUT_MARKETING
    own = {name: new.rule for name, new in account.definitions(object_type).items() if new.rule is not None}
    if not own:
        return table
    return {**table, **{name: _ACCOUNTS_OWN[rule] for name, rule in own.items()}}
