"""Layer: consumers. The settings that every Kafka client needs (addresses, TLS, login), and its translated errors.

The library is imported here, and in `source`, `records`, `sink` and `admin` of this folder. Every call
has its own deadline: the library waits for ever in some cases (a TLS client on a plaintext port, a
missing codec), and reports "unable to bootstrap" in all others.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from kafka import codec as codecs
from kafka import errors as kafka_errors
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.partitioner import murmur2

from consumers.kafka.settings import KafkaSettings
from consumers.kafka.tokens import Tokens
from consumers.source import SourceUnusable

CALL_TIMEOUT_MS: Final = 5_000


class _Tokens(AbstractTokenProvider):
    """OAuth tokens, in the form that the library asks for."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self._tokens = tokens

    def token(self) -> str:
        return self._tokens.token()


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """Make the TLS context: trusted authorities, and the client certificate. Raises SourceUnusable."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file is not None:
            context.load_cert_chain(settings.cert_file, settings.key_file, settings.key_password)
    except (OSError, ssl.SSLError) as error:
        msg = f"the certificates cannot be used: {error}; check kafka_ca_file, kafka_cert_file and kafka_key_file"
        raise SourceUnusable(msg) from error
    return context


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """Return the options that every client of the library gets. Raises SourceUnusable."""
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


def chosen_partition(key: str, partitions: int) -> int:
    """Choose a partition as Java's client and kafka-python do, by murmur2."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


@contextmanager
def translated() -> Iterator[None]:
    """Translate errors of the library into SourceUnusable."""
    try:
        yield
    except (kafka_errors.KafkaError, OSError) as error:
        msg = f"Kafka cannot be used: {type(error).__name__}: {error}"
        raise SourceUnusable(msg) from error


def missing_codecs() -> list[str]:
    """Name the codecs that cannot be read here; one batch in such a codec would make a poll spin for ever."""
    has = {"gzip": codecs.has_gzip, "snappy": codecs.has_snappy, "lz4": codecs.has_lz4, "zstd": codecs.has_zstd}
    return [name for name, is_installed in has.items() if not is_installed()]  # type: ignore[no-untyped-call]
