"""Layer: consumers. Dead letters: what could not be read as a command, listed, shown, and sent again."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from msgspec import Struct

from consumers import topics
from consumers.port import Headers, Message, Partition
from consumers.publish import Sink

_OWN: Final = ("dlt-", "position")


class Reads(Protocol):
    """What reads a topic to its end."""

    def read(self, topic: str, *, begin: Mapping[int, int] | None = None) -> Iterator[tuple[Partition, Message]]:
        """Read a topic from its beginning, or from these offsets of these partitions, up to its end as of now."""
        ...


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A message that was set aside. `letter` names it: partition and offset in the dead-letter topic."""

    letter: str
    original_topic: str
    original_partition: int
    original_offset: int
    code: str
    message: str
    missing: str | None
    size_bytes: int


def dead_letters(reads: Reads, topic: str = topics.DEAD_LETTERS) -> Iterator[tuple[DeadLetter, Message]]:
    """List what was set aside, each once, however often it was published."""
    seen: set[bytes] = set()
    for partition, message in reads.read(topic):
        headers = dict(message.headers)
        event_id = headers.get("dlt-event-id", f"{partition.number}-{message.offset}".encode())
        if event_id not in seen:
            seen.add(event_id)
            yield _told(partition, message, headers), message


def find(reads: Reads, topic: str, letter: str) -> tuple[DeadLetter, Message] | None:
    """Find one by its name; None where it is not there."""
    return next((one for one in dead_letters(reads, topic) if one[0].letter == letter), None)


def redrive(sink: Sink, letter: DeadLetter, message: Message) -> bool:
    """Send it again to where it came from, as it came; false where its value is not there any more.

    What made it unreadable has to be gone: a newer version of this program, say. It goes to the end
    of its topic, behind what was sent since.
    """
    if letter.missing is not None:
        return False
    sink.send(letter.original_topic, message.key or b"", message.value, without_ours(message.headers))
    return True


def without_ours(headers: Headers) -> list[tuple[str, bytes]]:
    """Take away what was written when it was set aside."""
    return [(name, value) for name, value in headers if not name.startswith(_OWN)]


def _told(partition: Partition, message: Message, headers: dict[str, bytes]) -> DeadLetter:
    def text(name: str, default: str = "") -> Any:  # noqa: ANN401
        return headers.get(name, default.encode()).decode(errors="replace")

    return DeadLetter(
        letter=f"{partition.number}-{message.offset}",
        original_topic=text("dlt-original-topic"),
        original_partition=int(text("dlt-original-partition", "0")),
        original_offset=int(text("dlt-original-offset", "0")),
        code=text("dlt-error-code"),
        message=text("dlt-error-message"),
        missing=text("dlt-original-missing") or None,
        size_bytes=len(message.value or b""),
    )
