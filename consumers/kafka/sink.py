"""Layer: consumers. Sends messages to Kafka: idempotent, acknowledged by all replicas in sync, bounded in flight.

A message that is too large for its topic is not sent: after one rejection the client sends nothing
more (kafka-python 3.0.12), so a broker must never see one.
"""

import threading
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from kafka import KafkaProducer
from kafka import errors as kafka_errors
from kafka.codec import zstd_encode

from consumers.kafka.client import client_config, translated
from consumers.kafka.settings import KafkaSettings
from consumers.source import Headers, SourceUnusable, TooLarge, size_of
from consumers.topics import MESSAGE_BYTES_MAX

IN_FLIGHT_MAX: Final = 1_000
DEFAULT_BYTES_MAX: Final = 1_048_588  # Kafka's own, of topics whose limit we may not ask for.
OVERHEAD_BYTES: Final = 1_024  # More than a batch adds to its one message, with the lengths of its headers.
BATCH_BYTES: Final = 256 * 1024  # Of one partition. Larger batches compress better and need fewer requests.
DELIVERY_TIMEOUT_S: Final = 15.0


class SendFailed(SourceUnusable):
    """Something that was sent was not acknowledged; all since the last position stored is sent again."""


class KafkaSink:
    """Sends messages, in order per key, each acknowledged by all replicas in sync or sent again."""

    def __init__(self, settings: KafkaSettings, bytes_max: Mapping[str, int] = MappingProxyType({})) -> None:
        """Connect. `bytes_max` is the `max.message.bytes` of topics. Raises SourceUnusable."""
        self._bytes_max = bytes_max
        with translated():
            self._producer = KafkaProducer(
                **client_config(settings),
                acks="all",
                enable_idempotence=True,
                delivery_timeout_ms=DELIVERY_TIMEOUT_S * 1000,
                request_timeout_ms=int(DELIVERY_TIMEOUT_S * 1000 / 2),
                max_block_ms=int(DELIVERY_TIMEOUT_S * 1000),
                max_request_size=MESSAGE_BYTES_MAX,
                batch_size=min([BATCH_BYTES, *bytes_max.values()]),
                linger_ms=5,
                compression_type="zstd",
                allow_auto_create_topics=False,
                reconnect_backoff_max_ms=1_000,
            )
        self._in_flight = threading.BoundedSemaphore(IN_FLIGHT_MAX)
        self._failed: BaseException | None = None
        self._too_large: list[TooLarge] = []

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Send a message when there is room. Raises SendFailed when this or one before it failed.

        Headers without a value are left out: the client cannot send them.
        """
        self._raise_if_failed()
        size_bytes = len(key or b"") + len(value or b"") + size_of(headers) + OVERHEAD_BYTES
        if not self._fits(topic, size_bytes, value or b""):
            self._too_large.append(TooLarge(topic, key, headers, size_bytes))
            return
        if not self._in_flight.acquire(timeout=2 * DELIVERY_TIMEOUT_S):
            msg = "nothing was acknowledged in time"
            raise SendFailed(msg)
        valued = [(name, content) for name, content in headers if content is not None]
        try:
            future = self._producer.send(topic, value=value, key=key, headers=valued)
        except (kafka_errors.KafkaError, OSError) as error:
            self._in_flight.release()
            msg = f"{topic}: {type(error).__name__}: {error}"
            raise SendFailed(msg) from error
        future.add_both(self._done)
        future.add_errback(self._note)

    def _fits(self, topic: str, size_bytes: int, value: bytes) -> bool:
        """Whether a topic accepts this much; a limit is on what is sent, which is compressed."""
        limit = self._bytes_max.get(topic, DEFAULT_BYTES_MAX)
        if size_bytes > MESSAGE_BYTES_MAX:
            return False
        return size_bytes <= limit or size_bytes - len(value) + len(zstd_encode(value)) <= limit  # type: ignore[no-untyped-call]  # kafka-python has no types for it

    def settle(self) -> list[TooLarge]:
        """Wait until all that was sent is acknowledged, but for what is too large. Raises SendFailed."""
        try:
            self._producer.flush(timeout=2 * DELIVERY_TIMEOUT_S)
        except (kafka_errors.KafkaError, OSError) as error:
            self._note(error)
        self._raise_if_failed()
        too_large, self._too_large = self._too_large, []
        return too_large

    def close(self, timeout_s: float = 5.0) -> None:
        """Let go; what is not acknowledged by then is sent again by whoever comes next."""
        with suppress(kafka_errors.KafkaError):  # What could not be sent, which is known already.
            self._producer.close(timeout=timeout_s)

    def _done(self, _: object) -> None:
        self._in_flight.release()

    def _note(self, error: BaseException) -> None:
        self._failed = self._failed or error

    def _raise_if_failed(self) -> None:
        if self._failed is not None:
            msg = f"a message was not acknowledged: {type(self._failed).__name__}: {self._failed}"
            raise SendFailed(msg) from self._failed
