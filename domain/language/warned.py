"""Layer: domain. Every warning: its code, what it says, and the details that a program reads.

A warning changes nothing about what was done. It is stored for ever with its outcome, so like a
refusal it names properties, ids, codes and the next step, and never a value, an address or a token.
"""

from typing import Any

from msgspec import Struct

from domain.language.ids import RecordId


class Warned(Struct, frozen=True, gc=False, omit_defaults=True):
    """Something that whoever sent the command should know."""

    code: str
    message: str
    details: dict[str, Any] = {}


def unknown_stage(name: str, record_id: RecordId) -> Warned:
    """A lifecycle stage is none of the account's."""
    return Warned(
        "UNKNOWN_STAGE",
        f"{name} of {record_id} is none of the account's stages, so it ranks below all of them in a merge; "
        "send one of lifecycle_stages, or add it there with configure_account",
        {"property": name, "record_id": record_id},
    )


def not_unique(name: str, record_id: RecordId) -> Warned:
    """The merged record has a unique value that another record claims."""
    return Warned(
        "NOT_UNIQUE",
        f"{record_id} has the same {name} as the merged record, and keeps it; change one of them, or merge the two",
        {"property": name, "record_id": record_id},
    )


def unique_from_now_on(name: str) -> Warned:
    """A property became unique after records of its type could have been given values."""
    return Warned(
        "NOT_UNIQUE",
        f"values of {name} set before are claimed when they are next set or merged; "
        "two records may share one until then",
        {"property": name},
    )
