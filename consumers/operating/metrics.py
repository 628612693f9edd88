"""Layer: consumers. The metrics and the health of a process.

The loop writes and other threads read: every figure is replaced as a whole, so a reader never sees
half of a change. Times of the loop itself are monotonic.
"""

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from msgspec import Struct

from consumers.source import Partition, Source
from domain.language.outcomes import Outcome

STUCK_AFTER_S: Final = 30.0  # Beyond the poll's own timeout.
HEARTBEAT_MAX_S: Final = 30.0
_WELL: Final = {"reading", "standing by"}


class Measured(Protocol):
    """A partition that is read."""

    @property
    def partition(self) -> Partition:
        """Which one."""

    @property
    def state(self) -> str:
        """What is done with it."""

    @property
    def why(self) -> str:
        """Why it is not read."""

    @property
    def next(self) -> int:
        """The offset to read next."""

    @property
    def last_timestamp_ms(self) -> int:
        """When the last message carried out was produced; 0 before there was one."""


class PartitionGauge(Struct, frozen=True):
    """A partition as it was seen last."""

    source: str
    state: str
    why: str
    position: int
    end: int
    lag_records: int
    lag_seconds: float


class Meter:
    """The metrics of one process."""

    def __init__(self) -> None:
        """Start at zero."""
        self.partitions: tuple[PartitionGauge, ...] = ()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.repeated = 0
        self.batches = self.batch_commands = self.last_batch_commands = 0
        self.batch_seconds = 0.0
        self.conflicts = self.decided_again = self.rebalances = 0
        self.misplaced_accounts = 0
        self.heartbeat_age_s = 0.0
        self.failing = ""  # Why publishing does not move.
        self.set_aside: Counter[str] = Counter()  # By topic: messages that it does not accept for their size.
        self.looped_at = time.monotonic()
        self.poll_deadline: float | None = None  # When a poll that is under way counts as stuck.

    @contextmanager
    def polling(self, timeout_s: float) -> Iterator[None]:
        """Record that a poll is running."""
        self.poll_deadline = time.monotonic() + timeout_s + STUCK_AFTER_S
        try:
            yield
        finally:
            self.poll_deadline = None

    @property
    def is_stuck(self) -> bool:
        """Whether a poll far exceeded its timeout: it loops inside the client and will not return."""
        deadline = self.poll_deadline
        return deadline is not None and time.monotonic() > deadline

    def carried_out(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """Count a batch."""
        self.batches += 1
        self.batch_commands += len(outcomes)
        self.last_batch_commands = len(outcomes)
        self.batch_seconds += seconds
        for outcome in outcomes:
            if outcome.repeated:
                self.repeated += 1
            else:
                self.outcomes[outcome.status, outcome.code or ""] += 1

    def looked_at(self, feeds: Iterable[Measured], source: Source) -> None:
        """Record the state and lag of every partition."""
        now_ms = time.time() * 1000
        seen = []
        for feed in feeds:
            end = source.end(feed.partition)
            behind = max(end - feed.next, 0) if end is not None else 0
            seconds = max(now_ms - feed.last_timestamp_ms, 0) / 1000 if behind and feed.last_timestamp_ms else 0.0
            seen.append(
                PartitionGauge(
                    feed.partition.source,
                    feed.state,
                    feed.why,
                    feed.next,
                    feed.next + behind,
                    behind,
                    seconds,
                )
            )
        self.partitions = tuple(seen)
        self.heartbeat_age_s = source.heartbeat_age_s()
        self.looped_at = time.monotonic()

    def looked(self, name: str, position: int, head: int, state: str = "reading") -> None:
        """Record how far a reader of the log is; while this process stands by, how far the active one is."""
        self.partitions = (PartitionGauge(name, state, "", position, head, max(head - position, 0), 0.0),)
        self.looped_at = time.monotonic()

    # -- health

    def not_alive(self) -> list[str]:
        """Return why the process should be ended; empty if it works."""
        return ["a poll is stuck"] if self.is_stuck else []

    def not_ready(self) -> list[str]:
        """Return what keeps the process from working; empty if nothing does."""
        why = [f"{one.source} is {one.state}: {one.why}" for one in self.partitions if one.state not in _WELL]
        if math.isinf(self.heartbeat_age_s):
            why.append("the group has not answered yet")
        elif self.heartbeat_age_s > HEARTBEAT_MAX_S:
            why.append(f"no heartbeat of the group for {self.heartbeat_age_s:.0f} s")
        if self.failing:
            why.append(f"publishing does not move: {self.failing}")
        return self.not_alive() + why

    def text(self) -> str:
        """Return the metrics in the text format of Prometheus."""
        lines: list[str] = []

        def family(name: str, kind: str, meaning: str, samples: Iterable[tuple[str, float]]) -> None:
            lines.append(f"# HELP merge_ledger_{name} {meaning}")
            lines.append(f"# TYPE merge_ledger_{name} {kind}")
            lines.extend(f"merge_ledger_{name}{labels} {_written(value)}" for labels, value in samples)

        def each(field: str) -> list[tuple[str, float]]:
            return [(f'{{source="{one.source}"}}', getattr(one, field)) for one in self.partitions]

        family("position", "gauge", "The next offset to read.", each("position"))
        family("end_offset", "gauge", "The offset after the last message.", each("end"))
        family("lag_records", "gauge", "Messages not carried out yet.", each("lag_records"))
        family("lag_seconds", "gauge", "Age of the last message carried out, while others wait.", each("lag_seconds"))
        family(
            "partition_state",
            "gauge",
            "1 for the current state of a partition.",
            [(f'{{source="{one.source}",state="{one.state}"}}', 1) for one in self.partitions],
        )
        outcomes = sorted(self.outcomes.items())
        family(
            "commands_total",
            "counter",
            "Commands decided, by outcome; repeated commands are not counted.",
            [(f'{{status="{status}",code="{code}"}}', count) for (status, code), count in outcomes],
        )
        family(
            "repeated_total",
            "counter",
            "Repeated commands.",
            [("", self.repeated)],
        )
        family(
            "messages_set_aside_total",
            "counter",
            "Messages that were too large for their topic.",
            [(f'{{topic="{topic}"}}', count) for topic, count in sorted(self.set_aside.items())],
        )
        family("batches_total", "counter", "Batches committed.", [("", self.batches)])
        family("batch_commands_total", "counter", "Commands in all batches.", [("", self.batch_commands)])
        family("batch_commands", "gauge", "Commands in the last batch.", [("", self.last_batch_commands)])
        family("batch_seconds_total", "counter", "Time spent on batches.", [("", self.batch_seconds)])
        family(
            "batches_decided_again_total",
            "counter",
            "Batches decided again because another writer changed what they had read.",
            [("", self.decided_again)],
        )
        family(
            "conflicts_total",
            "counter",
            "Partitions stopped because another worker moved their offset.",
            [("", self.conflicts)],
        )
        family("rebalances_total", "counter", "Changes of assignment.", [("", self.rebalances)])
        meaning = "Accounts received on another partition than murmur2 chooses, each counted once."
        family("misplaced_accounts_total", "counter", meaning, [("", self.misplaced_accounts)])
        family(
            "heartbeat_age_seconds",
            "gauge",
            "Time since the last heartbeat that the group answered.",
            [("", self.heartbeat_age_s)],
        )
        return "\n".join(lines) + "\n"


def _written(value: float) -> str:
    """Write a number with all its digits: offsets and positions have more than a short form keeps."""
    if math.isinf(value):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
