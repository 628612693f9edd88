"""Layer: tests. Reaching a broker: who may, and what is said in time when somebody may not."""

import json
import socket
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from msgspec.structs import replace

from consumers.kafka.admin import KafkaAdmin
from consumers.kafka.check import checks, make_sure
from consumers.kafka.settings import KafkaSettings, split_address
from consumers.source import SourceUnusable
from deploy.kafka.broker import PASSWORD, USER, Broker
from ledger.ledger import Ledger
from tests.consumers.feeding import create
from tests.kafka.working import make_topic, outcomes, send, wait_until, worker_running

DEADLINE_S = 4.0
FAILING_S = 2.0  # Where it has to fail.


@pytest.fixture
def scram(broker: Broker) -> KafkaSettings:
    return KafkaSettings(
        bootstrap=(broker.addresses["sasl_ssl"],),
        protocol="SASL_SSL",
        mechanism="SCRAM-SHA-512",
        username=USER,
        password=PASSWORD,
        ca_file=broker.addresses["ca_file"],
        deadline_s=DEADLINE_S,
    )


@pytest.fixture
def mutual(broker: Broker) -> KafkaSettings:
    told = broker.addresses
    return KafkaSettings(
        bootstrap=(told["ssl"],),
        protocol="SSL",
        ca_file=told["ca_file"],
        cert_file=told["cert_file"],
        key_file=told["key_file"],
        deadline_s=DEADLINE_S,
    )


@pytest.fixture
def token_url() -> Iterator[str]:
    """A token endpoint that gives tokens which nobody signed, as the broker's listener takes them."""

    def part(told: dict[str, object]) -> str:
        return urlsafe_b64encode(json.dumps(told).encode()).decode().rstrip("=")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Authorization"].startswith("Basic ")
            now = time.time()
            token = f"{part({'alg': 'none'})}.{part({'sub': 'merge', 'iat': now, 'exp': now + 300})}."
            body = json.dumps({"access_token": token, "expires_in": 300}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/token"
    server.shutdown()
    thread.join()
    server.server_close()


def consumes(settings: KafkaSettings, topic: str, ledger: Ledger) -> None:
    make_sure(settings)
    make_topic(settings, topic)
    send(settings, topic, [create(1)])
    with worker_running(settings, topic, ledger):
        wait_until(lambda: outcomes(ledger) == ["main/commands/create-1"])


def test_commands_come_over_tls_with_a_password(scram: KafkaSettings, topic: str, ledger: Ledger) -> None:
    consumes(scram, topic, ledger)
    assert outcomes(ledger)


def test_commands_come_over_tls_with_a_certificate_of_ours(mutual: KafkaSettings, topic: str, ledger: Ledger) -> None:
    consumes(mutual, topic, ledger)
    assert outcomes(ledger)


def test_commands_come_over_tls_with_a_token(
    scram: KafkaSettings, broker: Broker, token_url: str, topic: str, ledger: Ledger
) -> None:
    with_token = replace(
        scram,
        bootstrap=(broker.addresses["oauth"],),
        mechanism="OAUTHBEARER",
        token_url=token_url,
        token_client_id="merge-ledger",  # noqa: S106  no password
        token_client_secret="secret",  # noqa: S106  of a token endpoint in a test
    )
    consumes(with_token, topic, ledger)
    assert outcomes(ledger)


def fails(settings: KafkaSettings, *words: str) -> None:
    began = time.monotonic()
    with pytest.raises(SourceUnusable) as failed:
        make_sure(replace(settings, deadline_s=FAILING_S))
    assert time.monotonic() - began < FAILING_S + 3
    for word in words:
        assert word in str(failed.value)
    assert PASSWORD not in str(failed.value)


def test_a_wrong_password_is_told_in_time(scram: KafkaSettings) -> None:
    fails(replace(scram, password="wrong"), "log in", "login refused, or another protocol")  # noqa: S106


def test_a_certificate_that_nobody_we_trust_signed_is_told(scram: KafkaSettings) -> None:
    fails(replace(scram, ca_file=None), "TLS 127.0.0.1", "not trusted", "kafka_ca_file")


def test_tls_to_a_plaintext_port_is_told_in_time(scram: KafkaSettings, broker: Broker) -> None:
    fails(replace(scram, bootstrap=(broker.addresses["plaintext"],)), "no TLS is spoken there", "kafka_protocol")


def test_no_certificate_where_one_is_asked_for_is_told_in_time(mutual: KafkaSettings) -> None:
    fails(replace(mutual, cert_file=None, key_file=None), "login refused, or another protocol")


def test_plaintext_to_a_tls_port_is_told_in_time(settings: KafkaSettings, broker: Broker) -> None:
    fails(replace(settings, bootstrap=(broker.addresses["ssl"],)), "ask")


def test_nobody_there_is_told_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    fails(KafkaSettings(bootstrap=(f"127.0.0.1:{port}",)), f"connect 127.0.0.1:{port}", "whether the broker runs")


def test_a_server_that_never_answers_is_told_in_time(scram: KafkaSettings) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        fails(replace(scram, bootstrap=(address,)), "no TLS is spoken there")
        fails(KafkaSettings(bootstrap=(address,)), "ask")


def test_a_topic_that_is_missing_is_named(settings: KafkaSettings) -> None:
    found = list(checks(settings, ("nowhere",)))
    assert [(check.name, check.ok) for check in found[2:]] == [("ask", True), ("topics", False)]
    assert found[-1].line == "topics: there is no topic nowhere; run merge-ledger topics create"


def test_all_is_well_where_it_is(settings: KafkaSettings, topic: str) -> None:
    make_topic(settings, topic, partitions=2)
    assert all(check.ok for check in checks(settings, (topic,)))
    with closing(KafkaAdmin(settings)) as admin:
        assert admin.topics([topic])[topic].partitions == 2


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("kafka:9093", ("kafka", 9093)),
        ("kafka", ("kafka", 9092)),
        ("[::1]:9093", ("::1", 9093)),
        ("[::1]", ("::1", 9092)),
    ],
)
def test_addresses_are_taken_apart(address: str, parts: tuple[str, int]) -> None:
    assert split_address(address) == parts


def test_plaintext_to_another_machine_is_warned_of_and_to_this_one_is_not() -> None:
    assert KafkaSettings(bootstrap=("127.0.0.1:9092", "localhost")).warnings() == []
    (warning,) = KafkaSettings(bootstrap=("kafka.example:9092", "127.0.0.1")).warnings()
    assert warning.startswith("kafka.example is spoken to in PLAINTEXT")
    secured = KafkaSettings(bootstrap=("kafka.example",), protocol="SSL")
    assert secured.warnings() == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (KafkaSettings(bootstrap=()), "no broker is named"),
        (KafkaSettings(bootstrap=("a",), protocol="SASL_SSL"), "kafka_mechanism belongs to"),
        (KafkaSettings(bootstrap=("a",), mechanism="PLAIN", username="u", password="p"), "kafka_mechanism belongs to"),  # noqa: S106
        (KafkaSettings(bootstrap=("a",), protocol="SASL_SSL", mechanism="PLAIN"), "PLAIN needs kafka_username"),
        (KafkaSettings(bootstrap=("a",), protocol="SASL_SSL", mechanism="OAUTHBEARER"), "needs kafka_token_url"),
        (KafkaSettings(bootstrap=("a",), protocol="SSL", cert_file="c"), "belong together"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_told(settings: KafkaSettings, said: str) -> None:
    assert any(said in mistake for mistake in settings.mistakes())
