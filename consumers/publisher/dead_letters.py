"""Layer: consumers. Dead letters: what could not be read as a command, listed, shown, and sent again."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from msgspec import Struct

from consumers import topics
from consumers.publisher.publisher import Sink
from consumers.publisher.set_aside import without_ours
from consumers.source import Fault, Message, Partition

_DIGITS_MAX: Final = 19  # Of an offset.


class Reads(Protocol):
    """What reads a topic to its end."""

    def partitions(self, topic: str) -> int:
        """Count the partitions of a topic; 0 where it does not exist. Raises SourceUnusable."""
        ...

    def read(self, topic: str, *, begin: Mapping[int, int] | None = None) -> Iterator[tuple[Partition, Message]]:
        """Read a topic from its beginning, or from these offsets of these partitions, up to its end as of now."""
        ...


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A message that was set aside. `letter` names it: partition and offset in the dead-letter topic.

    One that was too large to publish has no original partition and offset; it came from no topic.
    """

    letter: str
    original_topic: str
    original_partition: int | None
    original_offset: int | None
    code: str
    message: str
    missing: str | None
    size_bytes: int


def dead_letters(
    reads: Reads, topic: str = topics.DEAD_LETTERS, begin: tuple[int, int] = (0, 0)
) -> Iterator[tuple[DeadLetter, Message]]:
    """List what was set aside, partition by partition, from a partition and offset on.

    A letter that was published again is listed once: it has one key, and so is in one partition.
    """
    for number in range(begin[0], reads.partitions(topic)):
        seen: set[bytes] = set()
        for partition, message in reads.read(topic, begin={number: begin[1] if number == begin[0] else 0}):
            headers = {name: value for name, value in message.headers if value is not None}
            event_id = headers.get("dlt-event-id", f"{number}-{message.offset}".encode())
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
    sink.send(letter.original_topic, message.key, message.value, without_ours(message.headers))
    return True


def _told(partition: Partition, message: Message, headers: dict[str, bytes]) -> DeadLetter:
    def text(name: str, default: str = "") -> Any:  # noqa: ANN401
        return headers.get(name, default.encode()).decode(errors="replace")

    def number(name: str) -> int | None:
        digits = headers.get(name, b"")
        return int(digits) if digits.isdigit() and len(digits) <= _DIGITS_MAX else None

    fault = message.fault or Fault("", "")  # Of what another wrote there, or the broker damaged.
    return DeadLetter(
        letter=f"{partition.number}-{message.offset}",
        original_topic=text("dlt-original-topic"),
        original_partition=number("dlt-original-partition"),
        original_offset=number("dlt-original-offset"),
        code=text("dlt-error-code") or fault.code,
        message=text("dlt-error-message") or fault.message,
        missing=text("dlt-original-missing") or fault.message or None,
        size_bytes=len(message.value or b""),
    )
