import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from threading import Event

import pytest
from msgspec import structs

from consumers.operating import metrics as meters
from consumers.operating.health import served, watched
from consumers.operating.metrics import Meter, PartitionGauge
from domain.language.outcomes import Outcome

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


def test_a_group_that_has_not_answered_yet_is_told_in_words(meter: Meter, address: str) -> None:
    meter.heartbeat_age_s = float("inf")
    assert ask(f"{address}/readyz") == (503, "the group has not answered yet\n")
    assert "merge_ledger_heartbeat_age_seconds +Inf\n" in ask(f"{address}/metrics")[1]


def test_figures_have_all_their_digits(meter: Meter, address: str) -> None:
    meter.partitions = (PartitionGauge("topic/0", "reading", "", 123_456_789, 9_223_372_036_854_775_807, 0, 0.25),)
    text = ask(f"{address}/metrics")[1]
    assert 'position{source="topic/0"} 123456789\n' in text
    assert 'end_offset{source="topic/0"} 9223372036854775807\n' in text
    assert 'lag_seconds{source="topic/0"} 0.25\n' in text


def test_a_command_that_had_its_answer_is_counted_as_repeated_alone(meter: Meter, address: str) -> None:
    applied = Outcome(command_id="c-1", status="applied", position=1)
    meter.carried_out([applied, structs.replace(applied, repeated=True)], 0.1)
    text = ask(f"{address}/metrics")[1]
    assert 'commands_total{status="applied",code=""} 1\n' in text
    assert "repeated_total 1\n" in text


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
