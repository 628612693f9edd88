"""Layer: consumers. A member of a consumer group of Kafka, behind the port of the worker."""

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka import errors as kafka_errors
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

from consumers.kafka.client import CALL_TIMEOUT_MS, chosen_partition, client_config, missing_codecs, translated
from consumers.kafka.records import RECORDS_AT_ONCE_MAX, read_gently
from consumers.kafka.settings import KafkaSettings
from consumers.source import Changed, Message, Partition, SourceLost, SourceUnusable

FETCH_BYTES_MAX: Final = 256 * 1024  # Of one partition at a time, so that none waits long for another.
POLL_BYTES_MAX: Final = 8 * 1024 * 1024  # Unpacked. One poll gives hardly more.
HINT_EVERY_S: Final = 1.0
# Waiting does not help.
_FATAL: Final = (
    kafka_errors.AuthorizationError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.FencedInstanceIdError,
    kafka_errors.KafkaConfigurationError,
    kafka_errors.IllegalStateError,
    kafka_errors.UnsupportedVersionError,
    kafka_errors.UnsupportedCodecError,
    kafka_errors.CorruptRecordError,
)

log: Final = logging.getLogger("merge_ledger.kafka")


class _Listener(ConsumerRebalanceListener):
    """Runs on the client's own thread, so it only records changes, and pauses what is assigned."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self._lock = threading.Lock()
        self._revoked: set[Partition] = set()
        self._assigned: set[Partition] = set()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        with self._lock:
            for one in revoked:
                self._assigned.discard(Partition(*one))
                self._revoked.add(Partition(*one))

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        for one in assigned:
            self._consumer.pause(one)
            self._consumer.seek(one, 0)  # A placeholder: without it the client begins at Kafka's own offset.
            with self._lock:
                self._assigned.add(Partition(*one))

    def take(self) -> Changed:
        with self._lock:
            changed = Changed(frozenset(self._revoked), frozenset(self._assigned))
            self._revoked, self._assigned = set(), set()
            return changed


class KafkaSource:
    """A member of a consumer group."""

    def __init__(  # noqa: PLR0913  what a group needs
        self,
        settings: KafkaSettings,
        topics: Sequence[str],
        group: str,
        *,
        instance: str | None = None,
        session_timeout_s: float = 45.0,
        messages_max: int = 1_000,
    ) -> None:
        """Join the group; `instance` names a static member. Raises SourceUnusable."""
        if missing := missing_codecs():
            msg = f"messages in {', '.join(missing)} could not be read; install the `kafka` extra of this package"
            raise SourceUnusable(msg)
        with translated():
            self._consumer = KafkaConsumer(
                **client_config(settings),
                group_id=group,
                group_instance_id=instance,
                session_timeout_ms=int(session_timeout_s * 1000),
                heartbeat_interval_ms=int(session_timeout_s * 1000 / 10),
                enable_auto_commit=False,
                auto_offset_reset="none",  # type: ignore[arg-type]  # Never skips: out of range is an incident.
                allow_auto_create_topics=False,
                isolation_level="read_committed",
                max_partition_fetch_bytes=FETCH_BYTES_MAX,
                max_poll_records=messages_max,
                partition_assignment_strategy=[CooperativeStickyAssignor],
                metadata_max_age_ms=60_000,
                reconnect_backoff_max_ms=1_000,
            )
            self._listener = _Listener(self._consumer)
            self._consumer.subscribe(topics, listener=self._listener)
        read_gently(self._consumer)
        self._hinted: dict[Partition, int] = {}
        self._hint_at = 0.0

    def poll(self, timeout_ms: int, messages_max: int) -> Mapping[Partition, Sequence[Message]]:
        """Wait for messages, and return those that came. Raises SourceLost, SourceUnusable."""
        found = self._poll(timeout_ms, min(messages_max, RECORDS_AT_ONCE_MAX))
        polled: dict[Partition, list[Message]] = {}
        count = size = 0
        while found:
            for partition, messages in found.items():
                polled.setdefault(partition, []).extend(messages)
                count += len(messages)
                size += sum(len(message.value or b"") for message in messages)
            if count >= messages_max or size >= POLL_BYTES_MAX:
                break
            try:
                found = self._poll(0, min(messages_max - count, RECORDS_AT_ONCE_MAX))
            except (SourceLost, SourceUnusable):
                break  # It is raised again by the next poll, which has nothing to lose.
        return polled

    def _poll(self, timeout_ms: int, messages_max: int) -> Mapping[Partition, Sequence[Message]]:
        try:
            with translated():
                polled: Any = self._consumer.poll(timeout_ms=timeout_ms, max_records=messages_max)
        except SourceUnusable as error:
            cause = error.__cause__
            if isinstance(cause, kafka_errors.OffsetOutOfRangeError):
                ((one, offset),) = cause.args[0].items()
                lost = "the offset is out of range: what was there ran out of retention, or was deleted"
                raise SourceLost(Partition(*one), offset, lost) from error
            if isinstance(cause, kafka_errors.LogTruncationError):
                one, offset = next(iter(cause.args[0].items()))
                raise SourceLost(Partition(*one), offset, "the broker lost what had been read already") from error
            if not isinstance(cause, _FATAL):  # The broker is away, say: it is found again by itself.
                log.warning("poll failed, retrying", extra={"why": str(error)})
                time.sleep(min(timeout_ms / 1000, 1.0))
                return {}
            raise
        return {Partition(*one): messages for one, messages in polled.items()}

    def changed(self) -> Changed:
        """Return the changes of the assignment since the last call."""
        return self._listener.take()

    def assignment(self) -> frozenset[Partition]:
        """Return the assigned partitions."""
        return frozenset(Partition(*one) for one in self._consumer.assignment())

    def seek(self, partition: Partition, offset: int) -> None:
        """Continue reading at an offset."""
        if partition in self.assignment():
            self._consumer.seek(TopicPartition(*partition), offset)

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Deliver nothing of these."""
        self._consumer.pause(*(TopicPartition(*one) for one in self.assignment().intersection(partitions)))

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Deliver these again."""
        self._consumer.resume(*(TopicPartition(*one) for one in self.assignment().intersection(partitions)))

    def beginning(self, partition: Partition) -> int:
        """Return the first offset that exists. Raises SourceUnusable."""
        one = TopicPartition(*partition)
        with translated():
            return int(self._consumer.beginning_offsets([one], timeout_ms=CALL_TIMEOUT_MS)[one])

    def end(self, partition: Partition) -> int | None:
        """Return the offset after the last message, as of the last fetch."""
        one = TopicPartition(*partition)
        return self._consumer.highwater(one) if one in self._consumer.assignment() else None

    def position(self, partition: Partition) -> int | None:
        """Return the offset to read next, as the client has it now; asks no broker, and never waits."""
        state = self._consumer._subscription.assignment.get(TopicPartition(*partition))  # type: ignore[attr-defined]  # noqa: SLF001  the public one asks the broker
        return None if state is None or state.position is None else int(state.position.offset)

    def chosen(self, topic: str, key: str) -> int | None:
        """Return the partition that murmur2 chooses for a key, by the client's metadata."""
        partitions = self._consumer._cluster.partitions_for_topic(topic)  # type: ignore[attr-defined]  # noqa: SLF001  asks nobody
        return chosen_partition(key, len(partitions)) if partitions else None

    def identity(self, topic: str) -> str | None:
        """Return the topic's id, which Kafka has since 2.8."""
        cluster = self._consumer._cluster  # type: ignore[attr-defined]  # noqa: SLF001  ids are shown nowhere else
        found = cluster.topic_id(topic)
        return None if found is None else str(found)

    def hint(self, offsets: Mapping[Partition, int]) -> None:
        """Commit offsets to Kafka now and then, for tools to see."""
        now = time.monotonic()
        new = {one: offset for one, offset in offsets.items() if self._hinted.get(one) != offset}
        if new and now >= self._hint_at:
            self._hint_at = now + HINT_EVERY_S
            self._hinted.update(new)
            offsets_by_library = {TopicPartition(*one): OffsetAndMetadata(at, "", -1) for one, at in new.items()}
            self._consumer.commit_async(offsets_by_library)

    def heartbeat_age_s(self) -> float:
        """Return the time since the last heartbeat that the group answered."""
        figures: Any = (self._consumer.metrics() or {}).get("consumer-coordinator-metrics", {})
        return max(float(figures.get("last-heartbeat-seconds-ago", 0.0)), 0.0)

    def close(self, timeout_s: float) -> None:
        """Leave the group."""
        try:
            self._consumer.close(autocommit=False, timeout_ms=int(timeout_s * 1000))
        except (kafka_errors.KafkaError, OSError) as error:
            log.warning("leaving the group failed", extra={"why": str(error)})
