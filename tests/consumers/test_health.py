import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from threading import Event

import pytest

from consumers import meter as meters
from consumers.health import served, watched
from consumers.meter import Meter, PartitionGauge

GOOD = PartitionGauge("merge.commands.v1/0", "reading", "", 5, 5, 0, 0.0)
HALTED = PartitionGauge("merge.commands.v1/0", "halted", "the offset is out of range", 5, 9, 4, 0.0)


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def address(meter: Meter) -> Iterator[str]:
    with served(meter, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


def ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  our own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_worker_that_reads_is_alive_and_ready(meter: Meter, address: str) -> None:
    meter.partitions = (GOOD,)
    assert ask(f"{address}/healthz") == (200, "ok\n")
    assert ask(f"{address}/readyz") == (200, "ok\n")


def test_a_halted_partition_makes_it_unready_and_says_why(meter: Meter, address: str) -> None:
    meter.partitions = (GOOD, HALTED)
    assert ask(f"{address}/healthz") == (200, "ok\n")
    assert ask(f"{address}/readyz") == (503, "merge.commands.v1/0 is halted: the offset is out of range\n")


def test_a_group_that_does_not_answer_makes_it_unready(meter: Meter, address: str) -> None:
    meter.heartbeat_age_s = 31.0
    assert ask(f"{address}/readyz") == (503, "no heartbeat of the group for 31 s\n")


def test_figures_are_told_as_prometheus_reads_them(address: str) -> None:
    status, text = ask(f"{address}/metrics")
    assert status == 200
    assert "# TYPE merge_ledger_conflicts_total counter\nmerge_ledger_conflicts_total 0\n" in text


def test_nothing_else_is_there(address: str) -> None:
    assert ask(f"{address}/etc/passwd")[0] == 404


def test_a_poll_that_never_comes_back_ends_the_process(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "STUCK_AFTER_S", 0.05)
    ended = Event()
    with watched(meter, end=ended.set, look_every_s=0.01):
        with meter.polling(0.0):
            time.sleep(0.02)
        assert not ended.is_set()
        with meter.polling(0.0):
            assert ended.wait(5)
    assert meter.not_alive() == []
