"""Layer: domain. Lifecycle stages: how a sent one is found among the account's, whatever its writing (H34, H39)."""

import unicodedata
from typing import Final

from domain.language.values import Plain
from domain.state.account import KNOWN_PROPERTIES, Account

LIFECYCLE_STAGE: Final = "lifecyclestage"


def is_stage(object_type: str, name: str) -> bool:
    """Whether this property holds one of the account's lifecycle stages."""
    return name == LIFECYCLE_STAGE and name in KNOWN_PROPERTIES.get(object_type, {})


def as_written(account: Account, stage: Plain) -> str | None:
    """Write a stage as the account does; None where it is none of the account's.

    Case, blanks, hyphens and underscores make no difference: `Marketing Qualified Lead` is `marketingqualifiedlead`.
    """
    if not isinstance(stage, str) or stage in account.lifecycle_stages:
        return stage if isinstance(stage, str) else None
    compared = _compared(stage)
    return next((one for one in account.lifecycle_stages if _compared(one) == compared), None)


def rank(account: Account, stage: Plain) -> int:
    """Count how far down the funnel a stage is; an unknown one ranks below all."""
    written = as_written(account, stage)
    return -1 if written is None else account.lifecycle_stages.index(written)


def _compared(stage: str) -> str:
    folded = unicodedata.normalize("NFKC", stage).casefold()
    return "".join(one for one in folded if one != "_" and not one.isspace() and unicodedata.category(one) != "Pd")
