"""Layer: consumers. Writes dead letters: what could not be read as a command, and what its topic did not accept.

Both go to the dead-letter topic with the reason in headers of text. A letter never exceeds
`LETTER_BYTES_MAX`: what does not fit is left out, and a header says so.
"""

from typing import Final

from consumers import topics
from consumers.publisher.messages import Outgoing
from consumers.publisher.pages import DeadLetter
from consumers.source import Headers, Message, TooLarge, size_of

LETTER_BYTES_MAX: Final = topics.COMMAND_BYTES_MAX + 256 * 1024  # The largest command, and the reason beside it.
TOO_LARGE: Final = "TOO_LARGE"
_OWN: Final = ("dlt-", "position")


def dead_letter(letter: DeadLetter, original: Message | None) -> Outgoing:
    """Set a message aside that could not be read as a command. `original` is None where it is gone."""
    event = letter.event
    topic, _, number = event.source.rpartition("/")
    reason = {
        "dlt-original-topic": topic,
        "dlt-original-partition": number,
        "dlt-original-offset": str(event.offset),
        "dlt-error-code": event.code,
        "dlt-error-message": event.message,
        "dlt-event-id": f"dead-letter-{letter.position}",
        "position": str(letter.position),
    }
    if original is None:
        return _letter(None, b"", (), {**reason, "dlt-original-missing": "it ran out of retention"})
    reason["dlt-original-timestamp"] = str(original.timestamp_ms)
    if original.fault is not None:
        found = "" if original.value is None else "; the value is the whole record as it was found"
        reason["dlt-original-missing"] = original.fault.message + found
    elif original.value is None:
        reason["dlt-original-missing"] = "it had no value"
    return _letter(original.key, original.value or b"", without_ours(original.headers), reason)


def too_large(message: TooLarge, prefix: str) -> Outgoing:
    """Set a message aside that its topic did not accept; the ledger keeps what it was made of."""
    headers = {name: value.decode(errors="replace") for name, value in message.headers if value is not None}
    if message.topic == prefix + topics.DEAD_LETTERS:
        reason = {name: value for name, value in headers.items() if name.startswith(_OWN)}
        return _letter(message.key, b"", (), {**reason, "dlt-original-missing": "it is too large for this topic"})
    reason = {
        "dlt-original-topic": message.topic,
        "dlt-error-code": TOO_LARGE,
        "dlt-error-message": f"{message.size_bytes} bytes are more than {message.topic} accepts; raise its"
        " max.message.bytes; the next change of the record is published as usual",
        "dlt-original-missing": f"it was too large; the ledger has it at position {headers['position']}",
        "dlt-event-id": f"too-large-{message.topic}-{headers['ce_id']}",
        "position": headers["position"],
    }
    return _letter(message.key, b"", (), reason)


def without_ours(headers: Headers) -> list[tuple[str, bytes]]:
    """Leave out the headers that a dead letter has of its own, and those without a value, which cannot be sent."""
    return [(name, value) for name, value in headers if value is not None and not name.startswith(_OWN)]


def _letter(key: bytes | None, value: bytes, kept: Headers, reason: dict[str, str]) -> Outgoing:
    written = [(name, text.encode()) for name, text in reason.items()]
    room = LETTER_BYTES_MAX - size_of(written) - len(key or b"")
    if size_of(kept) + len(value) > room:
        written.append(("dlt-original-missing", b"it is too long for a dead letter"))
        value, kept = b"", (kept if size_of(kept) < room // 2 else ())
    return Outgoing(topics.DEAD_LETTERS, key, value, [*kept, *written])
