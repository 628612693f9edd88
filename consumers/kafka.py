"""Layer: consumers. Speaks to Kafka; the one module that imports its library.

Everything has a deadline of ours: the library waits for ever where it should not (a TLS client on a
plaintext port, a codec that is missing), and says "unable to bootstrap" of everything else.
"""

import logging
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple

from kafka import (
    ConsumerRebalanceListener,
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    OffsetAndMetadata,
    TopicPartition,
)
from kafka import codec as codecs
from kafka import errors as kafka_errors
from kafka.admin import NewTopic
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.net.sasl.oauth import AbstractTokenProvider

from consumers.kafka_settings import KafkaSettings
from consumers.kafka_tokens import Tokens
from consumers.port import Changed, Headers, Message, Partition, SourceLost, SourceUnusable
from consumers.topics import TopicSpec

FETCH_BYTES_MAX: Final = 256 * 1024  # Of one partition at a time, so that none waits long for another.
HINT_EVERY_S: Final = 1.0
CALL_TIMEOUT_MS: Final = 5_000
IN_FLIGHT_MAX: Final = 1_000
PRODUCE_BYTES_MAX: Final = 4 * 1024 * 1024
DELIVERY_TIMEOUT_S: Final = 15.0

# What waiting does not mend.
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


class _Tokens(AbstractTokenProvider):
    """OAuth tokens, as the library asks for them."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self._tokens = tokens

    def token(self) -> str:
        return self._tokens.token()


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """Make what TLS needs: whom we trust, and our own certificate. Raises SourceUnusable."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file is not None:
            context.load_cert_chain(settings.cert_file, settings.key_file, settings.key_password)
    except (OSError, ssl.SSLError) as error:
        msg = f"the certificates cannot be used: {error}; check kafka_ca_file, kafka_cert_file and kafka_key_file"
        raise SourceUnusable(msg) from error
    return context


def _client(settings: KafkaSettings) -> dict[str, Any]:
    config: dict[str, Any] = {
        "bootstrap_servers": list(settings.bootstrap),
        "client_id": "merge-ledger",
        "security_protocol": settings.protocol,
        "bootstrap_timeout_ms": int(settings.deadline_s * 1000),
    }
    if settings.is_encrypted:
        config["ssl_context"] = tls_context(settings)
    if settings.mechanism == "OAUTHBEARER":
        config |= {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": _Tokens(Tokens(settings))}
    elif settings.mechanism is not None:
        config |= {
            "sasl_mechanism": settings.mechanism,
            "sasl_plain_username": settings.username,
            "sasl_plain_password": settings.password,
        }
    return config


@contextmanager
def _telling() -> Iterator[None]:
    """Say in our own words what the library raises."""
    try:
        yield
    except (kafka_errors.KafkaError, OSError) as error:
        msg = f"Kafka cannot be used: {type(error).__name__}: {error}"
        raise SourceUnusable(msg) from error


def missing_codecs() -> list[str]:
    """Name the codecs that cannot be read here; one batch in such a codec would make a poll spin for ever."""
    has = {"gzip": codecs.has_gzip, "snappy": codecs.has_snappy, "lz4": codecs.has_lz4, "zstd": codecs.has_zstd}
    return [name for name, is_there in has.items() if not is_there()]  # type: ignore[no-untyped-call]


class _Listener(ConsumerRebalanceListener):
    """Runs on the client's own thread, so it takes notes and does nothing else: it pauses what is handed to us."""

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
            self._consumer.seek(one, 0)  # A placeholder: without one it begins where Kafka thinks.
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
        with _telling():
            self._consumer = KafkaConsumer(
                **_client(settings),
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
        self._hinted: dict[Partition, int] = {}
        self._hint_at = 0.0

    def poll(self, timeout_ms: int, messages_max: int) -> Mapping[Partition, Sequence[Message]]:
        """Wait for messages. Raises SourceLost, SourceUnusable."""
        try:
            with _telling():
                polled = self._consumer.poll(timeout_ms=timeout_ms, max_records=messages_max)
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
                log.warning("poll was in vain", extra={"why": str(error)})
                time.sleep(min(timeout_ms / 1000, 1.0))
                return {}
            raise
        return {
            Partition(*one): [Message(r.offset, r.value, r.key, r.headers, r.timestamp) for r in records]
            for one, records in polled.items()
        }

    def changed(self) -> Changed:
        """Tell what happened to our partitions."""
        return self._listener.take()

    def assignment(self) -> frozenset[Partition]:
        """Tell which partitions are ours."""
        return frozenset(Partition(*one) for one in self._consumer.assignment())

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from an offset."""
        if partition in self.assignment():
            self._consumer.seek(TopicPartition(*partition), offset)

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Deliver nothing of these."""
        self._consumer.pause(*(TopicPartition(*one) for one in self.assignment().intersection(partitions)))

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Deliver these again."""
        self._consumer.resume(*(TopicPartition(*one) for one in self.assignment().intersection(partitions)))

    def beginning(self, partition: Partition) -> int:
        """Tell the first offset there is. Raises SourceUnusable."""
        one = TopicPartition(*partition)
        with _telling():
            return int(self._consumer.beginning_offsets([one], timeout_ms=CALL_TIMEOUT_MS)[one])

    def end(self, partition: Partition) -> int | None:
        """Tell the offset behind the last message, as of the last fetch."""
        one = TopicPartition(*partition)
        return self._consumer.highwater(one) if one in self._consumer.assignment() else None

    def identity(self, topic: str) -> str | None:
        """Tell a topic from another of the same name: its id, which Kafka gives since 2.8."""
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
        """Tell how long ago the group last heard of us."""
        figures: Any = (self._consumer.metrics() or {}).get("consumer-coordinator-metrics", {})
        return max(float(figures.get("last-heartbeat-seconds-ago", 0.0)), 0.0)

    def close(self, timeout_s: float) -> None:
        """Leave the group."""
        try:
            self._consumer.close(autocommit=False, timeout_ms=int(timeout_s * 1000))
        except (kafka_errors.KafkaError, OSError) as error:
            log.warning("the group was not left in order", extra={"why": str(error)})


class SendFailed(SourceUnusable):
    """Something that was sent was not acknowledged; all since the last position stored is sent again."""


class KafkaSink:
    """Sends messages, in order per key, each acknowledged by all replicas in sync or sent again."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connect. Raises SourceUnusable."""
        with _telling():
            self._producer = KafkaProducer(
                **_client(settings),
                acks="all",
                enable_idempotence=True,
                delivery_timeout_ms=DELIVERY_TIMEOUT_S * 1000,
                request_timeout_ms=int(DELIVERY_TIMEOUT_S * 1000 / 2),
                max_block_ms=int(DELIVERY_TIMEOUT_S * 1000),
                max_request_size=PRODUCE_BYTES_MAX,
                linger_ms=5,
                compression_type="zstd",
                allow_auto_create_topics=False,
                reconnect_backoff_max_ms=1_000,
            )
        self._in_flight = threading.BoundedSemaphore(IN_FLIGHT_MAX)
        self._failed: BaseException | None = None

    def send(self, topic: str, key: bytes, value: bytes | None, headers: Headers) -> None:
        """Send a message when there is room. Raises SendFailed when this or one before it failed."""
        self._raise_if_failed()
        if not self._in_flight.acquire(timeout=2 * DELIVERY_TIMEOUT_S):
            msg = "nothing was acknowledged in time"
            raise SendFailed(msg)
        try:
            future = self._producer.send(topic, value=value, key=key, headers=list(headers))
        except (kafka_errors.KafkaError, OSError) as error:
            self._in_flight.release()
            msg = f"{topic}: {type(error).__name__}: {error}"
            raise SendFailed(msg) from error
        future.add_both(self._done)
        future.add_errback(self._note)

    def settle(self) -> None:
        """Wait until all that was sent is acknowledged. Raises SendFailed."""
        try:
            self._producer.flush(timeout=2 * DELIVERY_TIMEOUT_S)
        except (kafka_errors.KafkaError, OSError) as error:
            self._note(error)
        self._raise_if_failed()

    def close(self, timeout_s: float = 5.0) -> None:
        """Let go; what is not acknowledged by then is sent again by whoever comes next."""
        self._producer.close(timeout=timeout_s)

    def _done(self, _: object) -> None:
        self._in_flight.release()

    def _note(self, error: BaseException) -> None:
        self._failed = self._failed or error

    def _raise_if_failed(self) -> None:
        if self._failed is not None:
            msg = f"a message was not acknowledged: {type(self._failed).__name__}: {self._failed}"
            raise SendFailed(msg) from self._failed


class TopicFound(NamedTuple):
    """A topic as it is."""

    partitions: int
    replication: int
    has_leaders: bool


class KafkaAdmin:
    """Looks after topics, and reads them without a group."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connect. Raises SourceUnusable."""
        self._settings = settings
        with _telling():
            self._admin = KafkaAdminClient(**_client(settings), request_timeout_ms=int(settings.deadline_s * 1000))

    def topics(self, names: Iterable[str]) -> dict[str, TopicFound]:
        """Describe those topics that there are. Raises SourceUnusable."""
        wanted = set(names)
        with _telling():
            described = self._admin.describe_topics(sorted(wanted & set(self._admin.list_topics())))
        return {
            one["name"]: TopicFound(
                len(one["partitions"]),
                min((len(part["replica_nodes"]) for part in one["partitions"]), default=0),
                all(part["leader_id"] >= 0 for part in one["partitions"]),
            )
            for one in described
        }

    def create(self, specs: Sequence[TopicSpec], partitions: int, replication: int) -> None:
        """Make topics, and wait until they are there. Raises SourceUnusable."""
        new = [NewTopic(spec.name, partitions, replication, topic_configs=spec.configs) for spec in specs]
        with _telling():
            self._admin.create_topics(new)
            self._admin.wait_for_topics([spec.name for spec in specs], timeout_ms=CALL_TIMEOUT_MS)

    def read(self, topic: str, *, begin: Mapping[int, int] | None = None) -> Iterator[tuple[Partition, Message]]:
        """Read a topic from its beginning, or from these offsets of these partitions, up to its end as of now."""
        with _telling(), closing(self._reader()) as reader:
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
                polled = reader.poll(timeout_ms=500)
                if polled:
                    silent_since = time.monotonic()
                elif time.monotonic() > silent_since + self._settings.deadline_s:
                    msg = f"{topic} could not be read to its end in time"
                    raise SourceUnusable(msg)
                for one, records in polled.items():
                    for r in records:
                        if r.offset < (ends[one] or 0):
                            yield Partition(*one), Message(r.offset, r.value, r.key, r.headers, r.timestamp)

    def messages(self, partition: Partition, offsets: Sequence[int]) -> dict[int, Message]:
        """Read these messages again, those that are still there. Raises SourceUnusable."""
        wanted, last = set(offsets), max(offsets)
        found = {}
        for _, message in self.read(partition.topic, begin={partition.number: min(offsets)}):
            if message.offset in wanted:
                found[message.offset] = message
            if message.offset >= last:
                break
        return found

    def close(self) -> None:
        """Let go."""
        self._admin.close()

    def _reader(self) -> KafkaConsumer:
        return KafkaConsumer(
            **_client(self._settings),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            isolation_level="read_committed",
        )
