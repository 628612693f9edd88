"""Layer: ledger. Turns events into the bytes that are stored, and back, by a closed registry of types.

An event's type is stored beside it, under a name that is not its Python path. A type that is not
registered stops whoever reads it: to skip it would be to fold a past that did not happen.
"""

from typing import Any, Final

import msgspec

from domain.language.events import EVENT_TYPES, Event
from ledger.store.damage import Damaged
from ledger.store.port import StoreUnusable

encode: Final = msgspec.json.Encoder().encode
"""Write an event as JSON bytes; the same event gives the same bytes, always."""

_DECODERS: Final[dict[str, Any]] = {name: msgspec.json.Decoder(cls).decode for name, cls in EVENT_TYPES.items()}


class UnknownEventType(StoreUnusable):
    """The log holds an event of a type that this version does not know."""

    def __init__(self, event_type: str, position: int | None) -> None:
        where = "" if position is None else f" at position {position}"
        super().__init__(f"the {event_type}{where} is unknown to this version; use the version that wrote it, or newer")
        self.event_type, self.position = event_type, position


class UnreadableEvent(Damaged):
    """The log holds bytes that are no event of the type they are stored under.

    Every version stores JSON, so what is none has changed. What is JSON may be a newer version's.
    """

    def __init__(self, event_type: str, position: int | None, *, is_json: bool) -> None:
        where = "" if position is None else f" at position {position}"
        why = (
            "it is not as this version writes it; use the version that wrote it, or newer"
            if is_json
            else "its bytes changed; restore the ledger from a copy"
        )
        super().__init__(f"the {event_type}{where} cannot be read: {why}")
        self.event_type, self.position = event_type, position


def decode(event_type: str, data: bytes, position: int | None = None) -> Event:
    """Read an event from its stored bytes. Raises UnknownEventType, UnreadableEvent, which name the position."""
    decoder = _DECODERS.get(event_type)
    if decoder is None:
        raise UnknownEventType(event_type, position)
    try:
        event: Event = decoder(data)
    except msgspec.ValidationError as error:
        raise UnreadableEvent(event_type, position, is_json=_is_json(data)) from error
    except (ValueError, RecursionError) as error:  # Bad UTF-8 is a ValueError too, deep nesting a RecursionError.
        raise UnreadableEvent(event_type, position, is_json=False) from error
    return event


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return False
    return True
