"""Layer: consumers. How a Kafka is reached: addresses, and who we are to it. Holds no library of Kafka."""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

Protocol: TypeAlias = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism: TypeAlias = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

DEFAULT_PORT: Final = 9092
PORT_MAX: Final = 65_535
LOOPBACK: Final = ("localhost", "::1")


class KafkaSettings(Struct, frozen=True, kw_only=True):
    """Everything that a connection needs. Secrets are shown by nothing that prints this."""

    bootstrap: tuple[str, ...]
    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism | None = None
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password: str | None = None
    token_url: str | None = None
    token_client_id: str | None = None
    token_client_secret: str | None = None
    token_scope: str | None = None
    deadline_s: float = 10.0  # For all that we do before anything works: resolve, connect, shake hands, log in.

    @property
    def is_encrypted(self) -> bool:
        """Whether others on the way see nothing."""
        return self.protocol in {"SSL", "SASL_SSL"}

    def hosts(self) -> list[tuple[str, int]]:
        """Take the addresses apart."""
        return [split_address(address) for address in self.bootstrap]

    def _wrong_addresses(self) -> list[str]:
        return [
            f"kafka_bootstrap: expected host:port, with a port from 1 to {PORT_MAX}, in place {number}"
            for number, (host, port) in enumerate(self.hosts(), start=1)
            if not is_host(host) or not 0 < port <= PORT_MAX
        ]

    def mistakes(self) -> list[str]:
        """Say what cannot be so, each in a line."""
        found = []
        if not self.bootstrap:
            found.append("no broker is named; set kafka_bootstrap, such as 127.0.0.1:9092")
        found += self._wrong_addresses()
        if self.protocol.startswith("SASL") != (self.mechanism is not None):
            found.append("kafka_mechanism belongs to SASL_SSL and SASL_PLAINTEXT, and they need one")
        if self.mechanism == "OAUTHBEARER":
            if not (self.token_url and self.token_client_id and self.token_client_secret):
                found.append("OAUTHBEARER needs kafka_token_url, kafka_token_client_id and kafka_token_client_secret")
        elif self.mechanism is not None and not (self.username and self.password):
            found.append(f"{self.mechanism} needs kafka_username and kafka_password")
        if (self.cert_file is None) != (self.key_file is None):
            found.append("kafka_cert_file and kafka_key_file belong together")
        return found

    def warnings(self) -> list[str]:
        """Say what is possible and not wise, each in a line."""
        if self.is_encrypted:
            return []
        return [
            f"{host} is spoken to in {self.protocol}: everyone on the way reads along; use SASL_SSL or SSL"
            for host, _ in self.hosts()
            if host not in LOOPBACK and not host.startswith("127.")
        ]


def is_host(name: str) -> bool:
    """Whether this can be the name of a host: each part has 1 to 63 characters."""
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False


def split_address(address: str) -> tuple[str, int]:
    """Take `host:port` apart; IPv6 stands in brackets, and the port may be absent."""
    host, separator, port = address.rpartition(":")
    if not separator or address.endswith("]"):
        host, port = address, ""
    if not port.isascii() or not port.isdigit():
        return host.strip("[]"), DEFAULT_PORT
    return host.strip("[]"), int(port) if len(port) <= len(str(PORT_MAX)) else PORT_MAX + 1
