"""Layer: domain. Every warning: its code, what it says, and the details that a program reads.

A warning changes nothing about what was done. It is stored for ever with its outcome, so like a
refusal it names properties, ids, codes and the next step, and never a value, an address or a token.
"""

from typing import Any

from msgspec import Struct


class Warned(Struct, frozen=True, gc=False, omit_defaults=True):
    """Something that whoever sent the command should know."""

    code: str
    message: str
    details: dict[str, Any] = {}


def unique_from_now_on(name: str) -> Warned:
    """A property became unique after records of its type could have been given values."""
    return Warned(
        "NOT_UNIQUE",
        f"values of {name} set before are claimed when they are next set or merged; "
        "two records may share one until then",
        {"property": name},
    )
