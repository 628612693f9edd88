import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.kafka import broker as launcher
from deploy.kafka.broker import Broker

SCRIPT = Path(launcher.__file__)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)  # noqa: S603  our own script


def test_a_broker_that_runs_says_where_it_listens(broker: Broker) -> None:
    told = run("status", str(broker.folder))
    assert told.returncode == 0
    for name, value in broker.addresses.items():
        assert f"{name}={value}" in told.stdout.splitlines()


def test_it_listens_on_the_loopback_address_alone(broker: Broker) -> None:
    settings = (broker.folder / "server.properties").read_text()
    listening = next(line for line in settings.splitlines() if line.startswith("listeners="))
    hosts = {one.split("://")[1].rsplit(":", 1)[0] for one in listening.removeprefix("listeners=").split(",")}
    assert hosts == {"127.0.0.1"}
    with socket.create_connection(("127.0.0.1", broker.port), timeout=5):
        pass


@pytest.mark.parametrize("name", ["ca.pem", "broker.pem", "client.pem"])
def test_its_certificates_pass_a_strict_check(broker: Broker, name: str) -> None:
    authority = broker.folder / "tls" / "ca.pem"
    checked = subprocess.run(  # noqa: S603  a tool that the launcher needs too
        ["openssl", "verify", "-x509_strict", "-CAfile", authority, broker.folder / "tls" / name],  # noqa: S607  as above
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_client_that_checks_strictly_trusts_it(broker: Broker) -> None:
    """As every client does by default from Python 3.13 on."""
    context = ssl.create_default_context(cafile=broker.addresses["ca_file"])
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    host, port = broker.addresses["sasl_ssl"].split(":")
    with (
        socket.create_connection((host, int(port)), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as secured,
    ):
        assert secured.version()


def test_starting_a_broker_that_runs_leaves_it_as_it_is(broker: Broker) -> None:
    before = broker.pid
    assert run("start", str(broker.folder)).returncode == 0
    assert broker.pid == before


def test_where_no_broker_runs_status_says_so_and_stopping_does_nothing(tmp_path: Path) -> None:
    assert run("stop", str(tmp_path / "none")).returncode == 0
    told = run("status", str(tmp_path / "none"))
    assert (told.returncode, told.stderr) == (1, "broker: not running\n")
