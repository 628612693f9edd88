"""One real broker a session, started by the launcher that people use; `KAFKA_BOOTSTRAP` names another one."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from consumers.kafka.settings import KafkaSettings
from deploy.kafka.broker import Broker, free_ports
from ledger.ledger import Ledger
from ledger.opening import open_ledger

_numbers = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "broker" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kafka)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of our own, that may be stopped and killed."""
    started = Broker(tmp_path_factory.mktemp("kafka"), free_ports())
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def bootstrap(broker: Broker) -> str:
    """The address of the broker that the suite runs on."""
    return os.environ.get("KAFKA_BOOTSTRAP") or broker.addresses["plaintext"]


@pytest.fixture
def topic() -> str:
    """Name a topic that nobody used before."""
    return f"test-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def settings(bootstrap: str) -> KafkaSettings:
    """How the suite reaches the broker."""
    return KafkaSettings(bootstrap=tuple(bootstrap.split(",")))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new ledger in a file."""
    with open_ledger(str(tmp_path / "ledger.db"), create=True) as opened:
        yield opened
