"""Layer: tests. A repeated answer beside the first one."""

from msgspec.structs import replace

from domain.language.outcomes import Outcome


def as_first(again: Outcome) -> Outcome:
    """Take from a repeated answer what it adds to the first one."""
    message = None if again.message is None else again.message.partition("; this was answered at ")[0]
    return replace(again, repeated=False, first_answered_at=None, message=message)
