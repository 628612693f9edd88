"""Layer: consumers. The port between the worker and its messages: Kafka, or a topic in memory.

A source delivers at least once. It assigns partitions, paused, and revokes them; the worker says where
to read from before anything of a partition is delivered. The offsets that a source itself remembers
are a hint for tools and decide nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

SKIPPED: Final = "SKIPPED"  # The code of the outcome for offsets that a person skipped: no dead letter belongs to it.


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int

    @property
    def source(self) -> str:
        """Return its name in the ledger."""
        return f"{self.topic}/{self.number}"


Headers: TypeAlias = Sequence[tuple[str, bytes | None]]


class Fault(NamedTuple):
    """Why a message could not be decoded, without anything that it holds.

    `last` is the last offset when several messages could not be told apart.
    """

    code: str
    message: str
    last: int | None = None


class Message(NamedTuple):
    """A message as it came; `timestamp_ms` is when it was produced.

    With a `fault` its key and headers are not known; `value` is the whole record, or None where that is too long.
    """

    offset: int
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    timestamp_ms: int = 0
    fault: Fault | None = None


class TooLarge(NamedTuple):
    """A message that its topic does not accept because of its size; `size_bytes` before compression."""

    topic: str
    key: bytes | None
    headers: Headers
    size_bytes: int


def size_of(headers: Headers) -> int:
    """Count the bytes of names, which are ASCII as a rule, and values."""
    return sum([len(name) + len(value or b"") for name, value in headers])


class PartitionRange(NamedTuple):
    """The offsets of a partition that exist now, `end` excluded, and the identity of its topic."""

    begin: int
    end: int
    identity: str


class Changed(NamedTuple):
    """Changes of the assignment since the last poll: partitions revoked first, then assigned (paused)."""

    revoked: frozenset[Partition] = frozenset()
    assigned: frozenset[Partition] = frozenset()


class SourceLost(Exception):  # noqa: N818  says what happened
    """The next messages of a partition do not exist: they ran out of retention, or the topic was created again."""

    def __init__(self, partition: Partition, offset: int, what: str) -> None:
        super().__init__(f"{partition.source} at offset {offset}: {what}")
        self.partition, self.offset, self.what = partition, offset, what


class SourceUndecodable(SourceLost):
    """The next messages of a partition cannot be decoded, up to and including the offset `last`."""

    def __init__(self, partition: Partition, offset: int, last: int, why: str) -> None:
        super().__init__(partition, offset, f"offsets {offset} to {last} cannot be decoded ({why})")
        self.last = max(last, offset)


class SourceUnusable(Exception):  # noqa: N818  says what the source is
    """The source cannot be used; the message is one line for people."""


class Source(Protocol):
    """A member of a group of consumers. Used by one thread."""

    def poll(self, timeout_ms: int, messages_max: int) -> Mapping[Partition, Sequence[Message]]:
        """Wait for messages, in order in each partition. Raises SourceLost, SourceUnusable."""
        ...

    def changed(self) -> Changed:
        """Return the changes of the assignment since the last call."""
        ...

    def assignment(self) -> frozenset[Partition]:
        """Return the assigned partitions."""
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Continue reading at an offset; does nothing for a partition that is no longer assigned."""
        ...

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Deliver nothing of these until they are resumed; ignores partitions that are not assigned."""
        ...

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Deliver these again; ignores partitions that are not assigned."""
        ...

    def beginning(self, partition: Partition) -> int:
        """Return the first offset that exists. Raises SourceUnusable when no answer comes in time."""
        ...

    def end(self, partition: Partition) -> int | None:
        """Return the offset after the last message, as far as it is known."""
        ...

    def position(self, partition: Partition) -> int | None:
        """Return the offset to read next: after all that was delivered, and all after it that never will be.

        Transactions leave such offsets: their markers, and messages that were aborted. None when unknown.
        """
        ...

    def chosen(self, topic: str, key: str) -> int | None:
        """Return the partition that murmur2 chooses for a key; None while the topic's partitions are not known."""
        ...

    def identity(self, topic: str) -> str | None:
        """Return the id that differs when a topic is created again under its name; None while it is not known."""
        ...

    def hint(self, offsets: Mapping[Partition, int]) -> None:
        """Publish how far the worker has read, for tools, without waiting."""
        ...

    def heartbeat_age_s(self) -> float:
        """Return the time since the last heartbeat that the group answered."""
        ...

    def close(self, timeout_s: float) -> None:
        """Leave the group."""
        ...
