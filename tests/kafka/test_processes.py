"""Layer: tests. The processes as people run them, on a real broker, and what may happen to them."""

import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumers import topics
from consumers.kafka.settings import KafkaSettings
from consumers.kafka.sink import KafkaSink
from consumers.publisher.connect import schema_of
from consumers.publisher.shapes import IdMapping, RecordState
from deploy.kafka.broker import Broker
from ledger.ledger import Ledger
from ledger.opening import open_ledger
from ledger.store.port import LockedDatabase
from ledger.store.sqlite.store import SqliteStore
from tests.consumers.feeding import create, merge
from tests.kafka.working import SESSION_S, WorkerProcess, cli, outcomes, read_all, send, wait_until

pytestmark = pytest.mark.kafka


class Place:
    """A ledger in a folder, topics with a prefix of their own, and processes that end with the test."""

    def __init__(self, settings: KafkaSettings, db: Path, prefix: str) -> None:
        self.settings, self.db, self.prefix = settings, str(db), prefix
        self.environment = {"MERGE_LEDGER_KAFKA_TOPIC_PREFIX": prefix, "MERGE_LEDGER_KAFKA_GROUP": prefix}
        self.ends = ExitStack()

    @property
    def commands(self) -> str:
        return self.prefix + topics.COMMANDS

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        return cli(self.settings, self.db, *arguments, **self.environment, **environment)

    def start(self, *arguments: str, **environment: str) -> WorkerProcess:
        process = WorkerProcess(self.settings, self.db, *arguments, **self.environment, **environment)
        self.ends.callback(process.end, signal.SIGKILL)
        return process

    def compacted(self, topic: str) -> dict[str, dict[str, object]]:
        last = {m.key.decode(): m.value for _, m in read_all(self.settings, self.prefix + topic) if m.key}
        return {key: msgspec.json.decode(value) for key, value in last.items() if value}


@pytest.fixture
def place(settings: KafkaSettings, tmp_path: Path, topic: str) -> Iterator[Place]:
    made = Place(settings, tmp_path / "ledger.db", f"{topic}.")
    assert made.run("topics", "create", "--partitions", "2", "--replication", "1")[0] == 0
    with made.ends:
        yield made


@pytest.fixture
def ledger(place: Place) -> Iterator[Ledger]:
    with open_ledger(place.db, create=True) as opened:
        yield opened


def test_topics_are_made_once_and_what_differs_is_told(place: Place) -> None:
    code, _, told = place.run("topics", "create", "--partitions", "2", "--replication", "1")
    assert (code, told.count(": exists\n")) == (0, 6)
    code, _, told = place.run("topics", "create", "--partitions", "3", "--replication", "1")
    assert (code, told.count("exists, with 2 partitions on 1 brokers")) == (1, 6)


def test_from_commands_to_results_state_and_id_map(place: Place) -> None:
    with_publisher = place.start("publish")
    consumer, projector = place.start("consume"), place.start("project")
    send(place.settings, place.commands, [create(1), create(2), merge(1, 2), b"{no"])
    wait_until(lambda: len(read_all(place.settings, place.prefix + topics.RESULTS)) == 4)
    wait_until(lambda: len(read_all(place.settings, place.prefix + topics.DEAD_LETTERS)) == 1)
    results = [msgspec.json.decode(m.value or b"") for _, m in read_all(place.settings, place.prefix + topics.RESULTS)]
    assert [one["status"] for one in results] == ["applied", "applied", "applied", "unreadable"]
    (event,) = [msgspec.json.decode(m.value or b"") for _, m in read_all(place.settings, place.prefix + topics.EVENTS)]
    wait_until(lambda: len(place.compacted(topics.STATE)) == 3)
    states, ids = place.compacted(topics.STATE), place.compacted(topics.ID_MAP)
    result = event["result_id"]
    assert {key: one["current_id"] for key, one in ids.items()} == dict.fromkeys(
        ("main/contacts/1", "main/contacts/2"), result
    )
    assert {key: one["status"] for key, one in states.items()} == {
        "main/contacts/1": "merged_away",
        "main/contacts/2": "merged_away",
        f"main/contacts/{result}": "active",
    }
    wait_until(lambda: b"merged" in place.run("--no-catch-up", "resolve", "contacts", "1")[1].encode())
    for process in (with_publisher, consumer, projector):
        began = time.monotonic()
        code, told = process.end()
        assert code == 0, told
        assert time.monotonic() - began < 10
        assert '"event":"process ended"' in told


@pytest.mark.parametrize("by", ["flag", "environment"])
def test_the_envelope_of_connect_is_published_where_it_is_asked_for(place: Place, by: str) -> None:
    place.start("consume")
    send(place.settings, place.commands, [create(1), create(2), merge(1, 2)])
    if by == "flag":
        place.start("publish", "--envelope", "connect")
    else:
        place.start("publish", MERGE_LEDGER_KAFKA_ENVELOPE="connect")
    wait_until(lambda: len(place.compacted(topics.STATE)) == 3)
    for topic, shape in ((topics.ID_MAP, IdMapping), (topics.STATE, RecordState)):
        for key, value in place.compacted(topic).items():
            assert value.keys() == {"schema", "payload"}
            assert value["schema"] == schema_of(shape)
            payload = value["payload"]
            assert isinstance(payload, dict)
            assert key == "/".join(payload[name] for name in ("account", "object_type", "record_id"))


def test_an_envelope_that_does_not_exist_is_a_mistake(place: Place) -> None:
    code, _, message = place.run("worker", "publish", MERGE_LEDGER_KAFKA_ENVELOPE="avro")
    assert code == 2
    assert "expected one of none, connect" in message


def test_dead_letters_are_listed_shown_and_sent_again(place: Place, ledger: Ledger) -> None:
    place.start("consume")
    place.start("publish")
    send(place.settings, place.commands, [b"{no"], headers=[("trace", b"abc")])
    wait_until(lambda: len(read_all(place.settings, place.prefix + topics.DEAD_LETTERS)) == 1)
    code, out, _ = place.run("-o", "json", "dlq", "list")
    (letter,) = msgspec.json.decode(out)["results"]
    assert (code, letter["code"], letter["original_topic"]) == (0, "INVALID_JSON", place.commands)
    code, out, _ = place.run("-o", "json", "dlq", "show", letter["letter"])
    shown = msgspec.json.decode(out)
    assert (code, shown["value"], shown["headers"]["trace"]) == (0, "{no", "abc")
    assert place.run("dlq", "show", "7-7")[0] == 4
    assert place.run("dlq", "redrive", letter["letter"])[0] == 0
    wait_until(lambda: len(outcomes(ledger)) == 2)


def test_dead_letters_are_listed_in_pages_and_a_message_without_key_is_sent_again_without_one(place: Place) -> None:
    with closing(KafkaSink(place.settings)) as sink:
        for name in ("0", "1", "2", "3", "4", "keyless"):
            letter = [
                ("dlt-original-topic", place.commands.encode()),
                ("dlt-error-code", b"INVALID_JSON"),
                ("dlt-event-id", f"dead-letter-{name}".encode()),
            ]
            if name == "keyless":
                sink.send(place.prefix + topics.DEAD_LETTERS, None, b"keyless", letter)
                continue
            for _ in range(2):  # Published twice.
                sink.send(place.prefix + topics.DEAD_LETTERS, name.encode(), b"{no", letter)
        sink.settle()
    seen: list[dict[str, Any]] = []
    after: list[str] = []
    for _ in range(10):
        code, out, _ = place.run("-o", "json", "dlq", "list", "--limit", "2", *after)
        page = msgspec.json.decode(out)
        seen += page["results"]
        assert code == 0
        if "paging" not in page:
            break
        after = ["--after", page["paging"]["next"]["after"]]
    assert len({one["letter"] for one in seen}) == len(seen) == 6
    assert place.run("dlq", "list", "--after", "nothing")[0] == 2

    (keyless,) = (one["letter"] for one in seen if one["size_bytes"] == len(b"keyless"))
    assert place.run("dlq", "redrive", keyless)[0] == 0
    ((_, sent),) = read_all(place.settings, place.commands)
    assert (sent.key, sent.value) == (None, b"keyless")


def test_a_killed_worker_is_evicted_and_another_takes_all(place: Place, ledger: Ledger) -> None:
    first, second = place.start("consume"), place.start("consume")
    send(place.settings, place.commands, [create(1)])
    wait_until(lambda: len(outcomes(ledger)) == 1)
    wait_until(lambda: all("partition was started" in one.said() for one in (first, second)))
    first.end(signal.SIGKILL)
    began = time.monotonic()
    for number in range(10, 20):
        send(place.settings, place.commands, [create(number)], key=f"account-{number}".encode())
    wait_until(lambda: len(outcomes(ledger)) == 11)
    assert time.monotonic() - began < SESSION_S + 20
    assert second.end()[0] == 0


def test_a_worker_that_was_stopped_for_long_does_nothing_twice(place: Place, ledger: Ledger) -> None:
    commands = [create(number) for number in range(3_000)]
    zombie = place.start("consume", "--batch", "20")
    send(place.settings, place.commands, commands)
    wait_until(lambda: ledger.head() > 0)
    stop_in_mid_work(zombie, place.db)
    other = place.start("consume")
    send(place.settings, place.commands, [create(number) for number in range(3_000, 3_100)])
    wait_until(lambda: len(outcomes(ledger)) == 3_100, 90)
    zombie.give(signal.SIGCONT)
    send(place.settings, place.commands, [create(number) for number in range(3_100, 3_200)])
    wait_until(lambda: len(outcomes(ledger)) == 3_200, 60)
    assert len(set(outcomes(ledger))) == 3_200
    assert other.end()[0] == 0
    assert zombie.end()[0] == 0


def stop_in_mid_work(process: WorkerProcess, db: str) -> None:
    """Stop a process at work, but not in the middle of a commit: SQLite would wait for it for ever."""
    while True:
        process.give(signal.SIGSTOP)
        with closing(SqliteStore(db, create=False, busy_timeout_ms=200)) as store, suppress(LockedDatabase):
            with store.writing():
                pass
            return
        process.give(signal.SIGCONT)
        time.sleep(0.01)


def test_the_broker_is_restarted_and_killed_and_all_goes_on(broker: Broker, tmp_path: Path, topic: str) -> None:
    settings = KafkaSettings(bootstrap=(broker.addresses["plaintext"],))
    place = Place(settings, tmp_path / "other.db", f"{topic}.")
    with place.ends, closing(open_ledger(place.db, create=True)) as ledger:
        assert place.run("topics", "create", "--partitions", "2", "--replication", "1")[0] == 0
        consumer, publisher = place.start("consume"), place.start("publish")
        send(settings, place.commands, [create(number) for number in range(100)])
        wait_until(lambda: len(outcomes(ledger)) == 100)
        for nth, how in enumerate((signal.SIGTERM, signal.SIGKILL), start=1):
            broker.stop(how)
            broker.start()
            wait_until(lambda: sends(settings, place.commands, nth), 90)  # noqa: B023  waited for at once
            wait_until(lambda: len(outcomes(ledger)) == 100 + 10 * nth, 90)  # noqa: B023
            wait_until(
                lambda: len({m.offset for _, m in read_all(settings, place.prefix + topics.RESULTS)}) >= 100 + 10 * nth,  # noqa: B023
                90,
            )
        assert consumer.end()[0] == 0
        assert publisher.end()[0] == 0


def sends(settings: KafkaSettings, topic: str, nth: int) -> bool:
    """Send ten commands; false where the broker is not there yet."""
    try:
        send(settings, topic, [create(1000 * nth + number) for number in range(10)])
    except Exception:  # noqa: BLE001  it is not there yet
        return False
    return True


def test_processes_that_lack_a_topic_say_so_and_end(settings: KafkaSettings, tmp_path: Path, topic: str) -> None:
    place = Place(settings, tmp_path / "none.db", f"{topic}.")
    code, _, told = place.run("worker", "consume")
    assert (code, "run merge-ledger topics create" in told) == (5, True)


def test_health_and_figures_are_told(place: Place) -> None:
    process = place.start("consume", MERGE_LEDGER_HEALTH="127.0.0.1:0")
    send(place.settings, place.commands, [create(1)])
    wait_until(lambda: "process began" in process.said())
    began = next(line for line in process.said().splitlines() if "process began" in line)
    address = msgspec.json.decode(began)["health"]

    def told(path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    wait_until(lambda: 'merge_ledger_commands_total{status="applied",code=""} 1' in told("/metrics"))
    wait_until(lambda: told("/readyz") == "ok\n")
    wait_until(lambda: told("/healthz") == "ok\n")
