"""Layer: consumers. The port between the worker and where its messages come from: Kafka, or a script of events.

A source delivers at least once. It hands out partitions, paused, and takes them away; whoever owns
one says where to read from before anything of it is delivered. What a source itself remembers of
offsets is a hint for tools and decides nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int

    @property
    def source(self) -> str:
        """Name it as the ledger does."""
        return f"{self.topic}/{self.number}"


Headers: TypeAlias = Sequence[tuple[str, bytes | None]]


class Fault(NamedTuple):
    """Why a message could not be taken apart, without anything that it holds.

    `last` is the last offset of several that could not be told from each other.
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


class Standing(NamedTuple):
    """What there is of a partition now: from which offset on, up to which, and of which topic of its name."""

    begin: int
    end: int
    identity: str


class Changed(NamedTuple):
    """What happened to our partitions since the last poll: taken away first, then handed to us, paused."""

    revoked: frozenset[Partition] = frozenset()
    assigned: frozenset[Partition] = frozenset()


class SourceLost(Exception):  # noqa: N818  says what happened
    """What was to be read of a partition is not there: it ran out of retention, or the topic was made anew."""

    def __init__(self, partition: Partition, offset: int, what: str) -> None:
        super().__init__(f"{partition.source} at offset {offset}: {what}")
        self.partition, self.offset, self.what = partition, offset, what


class SourceUndecodable(SourceLost):
    """What is to be read of a partition next cannot be decoded, up to and with the offset `last`."""

    def __init__(self, partition: Partition, offset: int, last: int, why: str) -> None:
        super().__init__(partition, offset, f"offsets {offset} to {last} cannot be decoded ({why})")
        self.last = max(last, offset)


class SourceUnusable(Exception):  # noqa: N818  says what the source is
    """The source cannot be used at all; the message is one line for people."""


class Source(Protocol):
    """A member of a group of consumers. Used by one thread."""

    def poll(self, timeout_ms: int, messages_max: int) -> Mapping[Partition, Sequence[Message]]:
        """Wait for messages, in order in each partition. Raises SourceLost, SourceUnusable."""
        ...

    def changed(self) -> Changed:
        """Tell what happened to our partitions since this was asked last."""
        ...

    def assignment(self) -> frozenset[Partition]:
        """Tell which partitions are ours."""
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from an offset; nothing where the partition is not ours any more."""
        ...

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Deliver nothing of these until they are resumed; those that are not ours are passed over."""
        ...

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Deliver these again; those that are not ours are passed over."""
        ...

    def beginning(self, partition: Partition) -> int:
        """Tell the first offset there is. Raises SourceUnusable when nobody answers in time."""
        ...

    def end(self, partition: Partition) -> int | None:
        """Tell the offset behind the last message, as far as it is known."""
        ...

    def position(self, partition: Partition) -> int | None:
        """Tell the offset to be read next: behind all that was delivered, and what is never delivered behind that.

        That is what transactions leave: markers, and what was aborted. None where it is not known.
        """
        ...

    def chosen(self, topic: str, key: str) -> int | None:
        """Tell the partition that murmur2 chooses for a key; None while the topic's partitions are not known."""
        ...

    def identity(self, topic: str) -> str | None:
        """Tell a topic from another of the same name; None while it is not known."""
        ...

    def hint(self, offsets: Mapping[Partition, int]) -> None:
        """Tell tools how far we are, without waiting."""
        ...

    def heartbeat_age_s(self) -> float:
        """Tell how long ago the group last heard of us, and we of it."""
        ...

    def close(self, timeout_s: float) -> None:
        """Leave the group."""
        ...
