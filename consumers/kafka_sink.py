"""Layer: consumers. Sends messages to Kafka: idempotent, acknowledged by all replicas in sync, bounded in flight."""

import threading
from typing import Final

from kafka import KafkaProducer
from kafka import errors as kafka_errors

from consumers.kafka_client import client_config, telling
from consumers.kafka_settings import KafkaSettings
from consumers.port import Headers, SourceUnusable

IN_FLIGHT_MAX: Final = 1_000
PRODUCE_BYTES_MAX: Final = 4 * 1024 * 1024
DELIVERY_TIMEOUT_S: Final = 15.0


class SendFailed(SourceUnusable):
    """Something that was sent was not acknowledged; all since the last position stored is sent again."""


class KafkaSink:
    """Sends messages, in order per key, each acknowledged by all replicas in sync or sent again."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connect. Raises SourceUnusable."""
        with telling():
            self._producer = KafkaProducer(
                **client_config(settings),
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
