"""Layer: consumers. Creates and describes Kafka topics, and reads them without a group."""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, NewTopic, OffsetSpec

from consumers.kafka.client import CALL_TIMEOUT_MS, client_config, translated
from consumers.kafka.records import RECORDS_AT_ONCE_MAX, read_gently
from consumers.kafka.settings import KafkaSettings
from consumers.source import Fault, Message, Partition, PartitionRange, SourceUndecodable, SourceUnusable
from consumers.topics import TopicSpec

UNDECODABLE: Final = "UNDECODABLE"  # A range of offsets, so no outcome has this code.


class TopicFound(NamedTuple):
    """A topic as it is."""

    partitions: int
    replication: int
    has_leaders: bool
    identity: str = ""  # Another one when it is created again.


class KafkaAdmin:
    """Creates and describes topics, and reads them without a group."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connect. Raises SourceUnusable."""
        self._settings = settings
        with translated():
            self._admin = KafkaAdminClient(
                **client_config(settings), request_timeout_ms=int(settings.deadline_s * 1000)
            )

    def topics(self, names: Iterable[str]) -> dict[str, TopicFound]:
        """Describe those of these topics that exist. Raises SourceUnusable."""
        wanted = set(names)
        with translated():
            described = self._admin.describe_topics(sorted(wanted & set(self._admin.list_topics())))
        return {
            one["name"]: TopicFound(
                len(one["partitions"]),
                min((len(part["replica_nodes"]) for part in one["partitions"]), default=0),
                all(part["leader_id"] >= 0 for part in one["partitions"]),
                str(one["topic_id"]),
            )
            for one in described
        }

    def brokers(self) -> str:
        """Return the number of brokers, in words. Raises SourceUnusable."""
        with translated():
            count = len(self._admin.describe_cluster()["brokers"])
        return "1 broker" if count == 1 else f"{count} brokers"

    def configs(self, names: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return the configuration of each of these topics that exists, by name. Raises SourceUnusable."""
        with translated():
            asked = [ConfigResource("TOPIC", name, None) for name in self.topics(names)]
            found = self._admin.describe_configs(asked, config_filter="all").get("topic", {}) if asked else {}
        return {topic: {name: str(one["value"]) for name, one in configs.items()} for topic, configs in found.items()}

    def bytes_max(self, names: Iterable[str]) -> dict[str, int]:
        """Return `max.message.bytes` of these topics; empty without the right to see it. Raises SourceUnusable."""
        try:
            return {name: int(configs["max.message.bytes"]) for name, configs in self.configs(names).items()}
        except SourceUnusable as error:
            if not isinstance(error.__cause__, kafka_errors.AuthorizationError):
                raise
            return {}

    def newest_ms(self, names: Iterable[str]) -> int | None:
        """Return the latest time of any message of these topics; None without messages. Raises SourceUnusable."""
        wanted = [
            TopicPartition(name, number)
            for name, found in self.topics(names).items()
            for number in range(found.partitions)
        ]
        with translated():
            told = self._admin.list_partition_offsets(dict.fromkeys(wanted, OffsetSpec.MAX_TIMESTAMP)) if wanted else {}
        return max((one.timestamp for one in told.values() if one.timestamp >= 0), default=None)

    def newest(self, topic: str, count: int) -> Iterator[tuple[Partition, Message, int]]:
        """Read the newest messages of each partition, about so many; each with the number of partitions."""
        found = self.topics([topic]).get(topic, TopicFound(0, 0, has_leaders=True))
        ones = [TopicPartition(topic, number) for number in range(found.partitions)]
        with translated():
            told = self._admin.list_partition_offsets(dict.fromkeys(ones, OffsetSpec.LATEST)) if ones else {}
        begin = {one.partition: max(int(about.offset) - count, 0) for one, about in told.items()}
        for partition, message in self.read(topic, begin=begin):
            yield partition, message, found.partitions

    def range_of(self, partition: Partition) -> PartitionRange | None:
        """Return the offsets of a partition that exist; None if the partition does not exist. Raises SourceUnusable."""
        found = self.topics([partition.topic]).get(partition.topic)
        if found is None or partition.number >= found.partitions:
            return None
        one = TopicPartition(*partition)
        with translated():
            begin, end = (
                int(self._admin.list_partition_offsets({one: spec})[one].offset)
                for spec in (OffsetSpec.EARLIEST, OffsetSpec.LATEST)
            )
        return PartitionRange(begin, end, found.identity)

    def create(self, specs: Sequence[TopicSpec], partitions: int, replication: int) -> None:
        """Create topics, and wait until they exist. Raises SourceUnusable."""
        new = [NewTopic(spec.name, partitions, replication, topic_configs=spec.configs) for spec in specs]
        with translated():
            self._admin.create_topics(new)
            self._admin.wait_for_topics([spec.name for spec in specs], timeout_ms=CALL_TIMEOUT_MS)

    def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic; 0 if it does not exist. Raises SourceUnusable."""
        found = self.topics([topic]).get(topic)
        return 0 if found is None else found.partitions

    def read(self, topic: str, *, begin: Mapping[int, int] | None = None) -> Generator[tuple[Partition, Message]]:
        """Read a topic from its beginning, or from these offsets of these partitions, up to its end as of now.

        What cannot be decoded is one message with a fault, and is passed over.
        """
        with translated(), closing(self._reader()) as reader:
            partitions = reader.partitions_for_topic(topic) or set()
            wanted = [TopicPartition(topic, number) for number in sorted(begin or partitions) if number in partitions]
            if not wanted:
                return
            reader.assign(wanted)
            first = reader.beginning_offsets(wanted, timeout_ms=CALL_TIMEOUT_MS)
            ends = reader.end_offsets(wanted, timeout_ms=CALL_TIMEOUT_MS)
            for one in wanted:
                reader.seek(one, max((begin or {}).get(one.partition, 0), first[one]))
            silent_since = time.monotonic()
            while any((reader.position(one) or 0) < (ends[one] or 0) for one in wanted):
                polled = _poll(reader)
                if polled:
                    silent_since = time.monotonic()
                elif time.monotonic() > silent_since + self._settings.deadline_s:
                    msg = f"{topic} could not be read to its end in time"
                    raise SourceUnusable(msg)
                for one, messages in polled.items():
                    for message in messages:
                        if message.offset < (ends[one] or 0):
                            yield Partition(*one), message

    def messages(self, partition: Partition, offsets: Sequence[int]) -> Iterator[Message]:
        """Read these messages again, in order, those that are still there. Raises SourceUnusable."""
        wanted, last = set(offsets), max(offsets)
        with closing(self.read(partition.topic, begin={partition.number: min(offsets)})) as reading:
            for _, message in reading:
                if message.offset in wanted:
                    yield message
                if message.offset >= last:
                    break

    def undecodable_at(self, partition: Partition, offset: int) -> int | None:
        """Read at an offset; returns the last offset that cannot be decoded there, or None if it can be."""
        with closing(self.read(partition.topic, begin={partition.number: offset})) as reading:
            for _, message in reading:
                return message.fault.last if message.fault else None
        return None

    def close(self) -> None:
        """Close the connection."""
        self._admin.close()

    def _reader(self) -> KafkaConsumer:
        reader = KafkaConsumer(
            **client_config(self._settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            isolation_level="read_committed",
            max_poll_records=RECORDS_AT_ONCE_MAX,
        )
        read_gently(reader)
        return reader


def _poll(reader: KafkaConsumer) -> dict[TopicPartition, list[Message]]:
    """Poll, and skip what cannot be decoded: a single message with a fault stands for it."""
    try:
        polled: Any = reader.poll(timeout_ms=500)
    except SourceUndecodable as lost:
        one = TopicPartition(*lost.partition)
        reader.seek(one, lost.last + 1)
        return {one: [Message(lost.offset, None, fault=Fault(UNDECODABLE, lost.what, lost.last))]}
    return dict(polled)
