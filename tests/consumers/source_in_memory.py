"""Layer: consumers. A topic in memory, behind the port of the worker: it does all that a real one may do, when told to.

Members join and leave, partitions move from one to another at any poll, batches come twice or late,
messages run out of retention, the topic is made anew. Without being told to it behaves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from consumers.source import Changed, Headers, Message, Partition, PartitionRange, SourceLost, SourceUndecodable


@dataclass
class MemoryTopic:
    """A topic with its messages, and the group that reads it."""

    name: str
    partitions: int = 1
    identity: str = "first"
    messages: dict[Partition, list[Message]] = field(default_factory=dict)
    begins: dict[Partition, int] = field(default_factory=dict)
    members: list["MemorySource"] = field(default_factory=list)
    hinted: dict[Partition, int] = field(default_factory=dict)
    ends: dict[Partition, int] = field(default_factory=dict)  # Behind markers of transactions too.
    undecodable: dict[Partition, range] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin empty."""
        for number in range(self.partitions):
            self.messages.setdefault(Partition(self.name, number), [])

    def send(self, value: bytes | None, *, partition: int = 0, key: bytes | None = None, headers: Headers = ()) -> int:
        """Add a message; tells its offset."""
        offset = self.end(Partition(self.name, partition))
        self.messages[Partition(self.name, partition)].append(
            Message(offset, value, key, headers, timestamp_ms=offset + 1)
        )
        return offset

    def end(self, partition: Partition) -> int:
        """Tell the offset behind everything."""
        messages = self.messages[partition]
        last = messages[-1].offset + 1 if messages else 0
        return max(last, self.begins.get(partition, 0), self.ends.get(partition, 0))

    def end_transaction(self, *, partition: int = 0) -> None:
        """Add a marker: an offset at which nothing is ever delivered."""
        self.ends[Partition(self.name, partition)] = self.end(Partition(self.name, partition)) + 1

    def damage(self, count: int, *, partition: int = 0) -> None:
        """Add messages that cannot be decoded."""
        at = self.end(Partition(self.name, partition))
        self.undecodable[Partition(self.name, partition)] = range(at, at + count)
        self.ends[Partition(self.name, partition)] = at + count

    def forget(self, partition: int, before: int) -> None:
        """Let messages run out of retention."""
        place = Partition(self.name, partition)
        self.begins[place] = before
        self.messages[place] = [message for message in self.messages[place] if message.offset >= before]

    def range_of(self, partition: int) -> PartitionRange:
        """Tell what there is of a partition now."""
        place = Partition(self.name, partition)
        return PartitionRange(self.begins.get(place, 0), self.end(place), self.identity)

    def undecodable_at(self, partition: Partition, offset: int) -> int | None:
        """Tell the last offset of what cannot be decoded from an offset on."""
        damaged = self.undecodable.get(partition, range(0))
        return damaged[-1] if offset in damaged else None

    def make_anew(self) -> None:
        """Delete the topic and create another of the same name."""
        self.identity += "+"
        for partition in self.messages:
            self.messages[partition] = []
        self.begins.clear()
        self.ends.clear()

    def join(self) -> "MemorySource":
        """Add a member to the group; nothing is handed to it before `hand_out`."""
        member = MemorySource(self)
        self.members.append(member)
        return member

    def hand_out(self, owners: Mapping[int, "MemorySource"]) -> None:
        """Hand out partitions: who is not told keeps its assignment, unless another has it now (a rebalance)."""
        for number, owner in owners.items():
            partition = Partition(self.name, number)
            for member in self.members:
                if member is not owner and not member.is_cut_off:
                    member.lose(partition)
            owner.win(partition)


class MemorySource:
    """A member of a group of a topic in memory."""

    def __init__(self, topic: MemoryTopic) -> None:
        """Join with nothing."""
        self.topic = topic
        self.is_cut_off = False  # Hears of no rebalance, and goes on: a zombie.
        self.is_closed = False
        self.late: list[tuple[Partition, Sequence[Message]]] = []  # Comes with the next poll, whatever was sought.
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._revoked: set[Partition] = set()
        self._assigned: set[Partition] = set()

    def lose(self, partition: Partition) -> None:
        """Have a partition taken away."""
        if partition in self._positions:
            del self._positions[partition]
            self._paused.discard(partition)
            self._assigned.discard(partition)
            self._revoked.add(partition)

    def win(self, partition: Partition) -> None:
        """Be handed a partition, paused."""
        self._positions[partition] = 0
        self._paused.add(partition)
        self._assigned.add(partition)

    def reconnect(self, owned: Iterable[int]) -> None:
        """Hear again of the group, and that these alone are ours."""
        self.is_cut_off = False
        kept = {Partition(self.topic.name, number) for number in owned}
        for partition in set(self._positions) - kept:
            self.lose(partition)

    # -- the port

    def poll(self, timeout_ms: int, messages_max: int) -> Mapping[Partition, Sequence[Message]]:  # noqa: ARG002
        """Deliver what there is, without waiting."""
        polled: dict[Partition, Sequence[Message]] = dict(self.late)
        self.late = []
        for partition, position in self._positions.items():
            if partition in self._paused or partition in polled:
                continue
            end = self.topic.end(partition)
            if not self.topic.begins.get(partition, 0) <= position <= end:
                raise SourceLost(partition, position, "the offset is out of range")
            last = self.topic.undecodable_at(partition, position)
            if last is not None:
                raise SourceUndecodable(partition, position, last, "CorruptRecordError")
            stop = min(
                [start for start in [*self.topic.undecodable.get(partition, ())][:1] if start > position] or [end]
            )
            ahead = [message for message in self.topic.messages[partition] if position <= message.offset < stop]
            found = ahead[:messages_max]
            self._positions[partition] = stop if len(found) == len(ahead) else found[-1].offset + 1
            if found:
                polled[partition] = found
        return polled

    def changed(self) -> Changed:
        """Tell what happened to our partitions."""
        told = Changed(frozenset(self._revoked), frozenset(self._assigned))
        self._revoked, self._assigned = set(), set()
        return told

    def assignment(self) -> frozenset[Partition]:
        """Tell which partitions are ours."""
        return frozenset(self._positions)

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from an offset."""
        if partition in self._positions:
            self._positions[partition] = offset

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Deliver nothing of these."""
        self._paused.update(set(partitions) & self._positions.keys())

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Deliver these again."""
        self._paused.difference_update(partitions)

    def beginning(self, partition: Partition) -> int:
        """Tell the first offset there is."""
        return self.topic.begins.get(partition, 0)

    def end(self, partition: Partition) -> int | None:
        """Tell the offset behind the last message."""
        return self.topic.end(partition)

    def position(self, partition: Partition) -> int | None:
        """Tell the offset to be read next."""
        return self._positions.get(partition)

    def chosen(self, topic: str, key: str) -> int | None:  # noqa: ARG002  there is one
        """Tell the partition that a key belongs on: that of its last digit, in this topic."""
        return int(key[-1]) % self.topic.partitions if key[-1].isdigit() else 0

    def identity(self, topic: str) -> str | None:  # noqa: ARG002  there is one
        """Tell the topic from another of its name."""
        return self.topic.identity

    def hint(self, offsets: Mapping[Partition, int]) -> None:
        """Tell how far we are."""
        self.topic.hinted.update(offsets)

    def heartbeat_age_s(self) -> float:
        """Tell that all is well."""
        return 0.0

    def close(self, timeout_s: float) -> None:  # noqa: ARG002
        """Leave the group."""
        self.is_closed = True
        if self in self.topic.members:
            self.topic.members.remove(self)
