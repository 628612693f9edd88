"""Layer: ledger. Turns events into the bytes that are stored, and back, by a closed registry of types.

An event's type is stored beside it, under a name that is not its Python path. A type that is not
registered stops whoever reads it: to skip it would be to fold a past that did not happen.
"""

from typing import Any, Final

import msgspec

from domain.events import EVENT_TYPES, Event
from ledger.store import StoreUnusable

encode: Final = msgspec.json.Encoder().encode
"""Write an event as JSON bytes; the same event gives the same bytes, always."""

_DECODERS: Final[dict[str, Any]] = {name: msgspec.json.Decoder(cls).decode for name, cls in EVENT_TYPES.items()}


class UnknownEventType(StoreUnusable):
    """The log holds an event of a type that this version does not know."""

    def __init__(self, event_type: str, position: int | None) -> None:
        where = "" if position is None else f" at position {position}"
        super().__init__(f"the {event_type}{where} is unknown to this version; use the version that wrote it, or newer")
        self.event_type, self.position = event_type, position


class UnreadableEvent(StoreUnusable):
    """The log holds bytes that are no event of the type they are stored under."""

    def __init__(self, event_type: str, position: int | None) -> None:
        where = "" if position is None else f" at position {position}"
        super().__init__(f"the {event_type}{where} cannot be read: its bytes changed; restore the ledger from a copy")
        self.event_type, self.position = event_type, position


def decode(event_type: str, data: bytes, position: int | None = None) -> Event:
    """Read an event from its stored bytes. Raises UnknownEventType, UnreadableEvent, which name the position."""
    decoder = _DECODERS.get(event_type)
    if decoder is None:
        raise UnknownEventType(event_type, position)
    try:
        event: Event = decoder(data)
    except (ValueError, RecursionError) as error:  # Bad UTF-8 is a ValueError too, deep nesting a RecursionError.
        raise UnreadableEvent(event_type, position) from error
    return event
