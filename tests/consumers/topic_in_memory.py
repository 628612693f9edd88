"""Topics in memory for tests of the publisher: what was acknowledged, in order, and a reader of it like any other."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from consumers.source import Headers, Message, Partition, SourceUnusable, TooLarge, size_of

Sent = tuple[bytes | None, bytes | None, dict[str, Any]]


class MemoryBroker:
    """What was acknowledged; `fails_after` counts down to a failure with what was sent before it acknowledged."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Sent]] = defaultdict(list)
        self.fails_after: int | None = None
        self.originals: dict[int, Message] = {}
        self.bytes_max: dict[str, int] = {}  # Of topics that accept only smaller messages.
        self.open_sinks = 0

    def sink(self) -> "MemorySink":
        self.open_sinks += 1
        return MemorySink(self)

    def messages(self, partition: Partition, offsets: Sequence[int]) -> list[Message]:  # noqa: ARG002
        return [self.originals[offset] for offset in sorted(offsets) if offset in self.originals]

    def values(self, topic: str) -> list[dict[str, Any]]:
        return [msgspec.json.decode(value) for _, value, _ in self.topics[topic] if value]

    def compacted(self, topic: str) -> dict[str, dict[str, Any]]:
        """Read a compacted topic as a newcomer does: the last of each key counts."""
        last = {(key or b"").decode(): value for key, value, _ in self.topics[topic]}
        return {key: msgspec.json.decode(value) for key, value in last.items() if value}


class MemorySink:
    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._too_large: list[TooLarge] = []

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        if self._broker.fails_after is not None:
            if self._broker.fails_after == 0:
                self._broker.fails_after = None
                msg = "the broker went away"
                raise SourceUnusable(msg)
            self._broker.fails_after -= 1
        size = len(key or b"") + len(value or b"") + size_of(headers)
        if size > self._broker.bytes_max.get(topic, size):
            self._too_large.append(TooLarge(topic, key, headers, size))
        else:
            self._broker.topics[topic].append((key, value, dict(headers)))

    def settle(self) -> list[TooLarge]:
        too_large, self._too_large = self._too_large, []
        return too_large

    def close(self) -> None:
        self._broker.open_sinks -= 1
