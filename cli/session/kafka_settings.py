"""Layer: cli. The settings of Kafka: their names, and what they become. Imports no library of Kafka."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cli.session.exits import Mistake

if TYPE_CHECKING:
    from consumers.kafka.settings import KafkaSettings

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
ENVELOPES: Final = ("none", "connect")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
# Of each of these the value may also stand in a file that `…_file` names, where secrets are mounted.
SECRETS: Final = ("kafka_password", "kafka_key_password", "kafka_token_client_secret")


_PREFIX: Final = re.compile(r"[A-Za-z0-9._\-]{1,200}")  # As Kafka names topics.
SECONDS_MAX: Final = 24 * 60 * 60


def text(value: object) -> str:
    """Read text that is not empty, and that names of files and of servers can hold."""
    if not isinstance(value, str) or not value:
        msg = "expected text"
        raise ValueError(msg)
    if "\0" in value:
        msg = "expected text without the character U+0000"
        raise ValueError(msg)
    if not value.isascii() and value.encode(errors="replace").decode() != value:
        msg = "expected text in UTF-8"
        raise ValueError(msg)
    return value


def seconds(value: object) -> float:
    """Read a number of seconds, above 0 and within a day: what waits longer waits for ever."""
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        number = 0.0
    if not 0 < number <= SECONDS_MAX:
        msg = f"expected a number of seconds above 0, {SECONDS_MAX} at most"
        raise ValueError(msg)
    return number


def _prefix(value: object) -> str:
    if not isinstance(value, str) or not _PREFIX.fullmatch(value):
        msg = "expected 1 to 200 of A-Z a-z 0-9 . _ -"
        raise ValueError(msg)
    return value


def _protocol(value: object) -> str:
    return _one_of(value, PROTOCOLS)


def _mechanism(value: object) -> str:
    return _one_of(value, MECHANISMS)


def _envelope(value: object) -> str:
    return _one_of(value, ENVELOPES)


def _one_of(value: object, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        msg = f"expected one of {', '.join(allowed)}"
        raise ValueError(msg)
    return str(value)


# Name: how it is read, what it is for, its default.
KAFKA: Final[dict[str, tuple[Any, str, Any]]] = {
    "kafka_bootstrap": (text, "the brokers, as host:port, separated by commas", "127.0.0.1:9092"),
    "kafka_protocol": (_protocol, f"one of {', '.join(PROTOCOLS)}", "PLAINTEXT"),
    "kafka_mechanism": (_mechanism, f"how to log in, with SASL: {', '.join(MECHANISMS)}", None),
    "kafka_username": (text, "the user, with PLAIN and SCRAM", None),
    "kafka_password": (text, "the user's password", None),
    "kafka_password_file": (text, "a file with the password", None),
    "kafka_ca_file": (text, "the certificates to trust, in PEM; by default the system's", None),
    "kafka_cert_file": (text, "our own certificate, in PEM", None),
    "kafka_key_file": (text, "its private key, in PEM", None),
    "kafka_key_password": (text, "the private key's password", None),
    "kafka_key_password_file": (text, "a file with the private key's password", None),
    "kafka_token_url": (text, "where OAuth tokens are given, with OAUTHBEARER", None),
    "kafka_token_client_id": (text, "who asks for tokens", None),
    "kafka_token_client_secret": (text, "the secret of who asks for tokens", None),
    "kafka_token_client_secret_file": (text, "a file with that secret", None),
    "kafka_token_scope": (text, "the scope to ask for", None),
    "kafka_deadline_s": (seconds, "how long to wait for a connection, a handshake, a login", 10.0),
    "kafka_group": (text, "the consumer group of `worker consume`", "merge-ledger"),
    "kafka_instance": (text, "a name of this worker, for static membership", None),
    "kafka_session_timeout_s": (seconds, "how long the group waits for a worker that is silent", 45.0),
    "kafka_topic_prefix": (_prefix, "what every topic's name begins with", ""),
    "kafka_envelope": (_envelope, "none, or connect: `worker publish` sends a schema with each value", "none"),
}


def kafka_settings(values: Mapping[str, Any]) -> "KafkaSettings":
    """Put the settings of a connection together. Raises Mistake."""
    from consumers.kafka.settings import KafkaSettings  # noqa: PLC0415  most commands need none

    fields = {name.removeprefix("kafka_"): value for name, value in values.items()}
    told = {name: fields[name] for name in KafkaSettings.__struct_fields__ if name in fields}
    for name in SECRETS:
        file = values.get(f"{name}_file")
        if file and not values.get(name):
            told[name.removeprefix("kafka_")] = _read_secret(f"{name}_file", file)
    told["bootstrap"] = tuple(part.strip() for part in str(values["kafka_bootstrap"]).split(",") if part.strip())
    settings = KafkaSettings(**told)
    for mistake in settings.mistakes():
        raise Mistake(mistake)
    return settings


def _read_secret(name: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        msg = f"{name}: {file} cannot be read: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}"
        raise Mistake(msg) from None
