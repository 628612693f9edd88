"""Layer: tests. Commands from a real broker."""

import time

import msgspec
import pytest

from consumers.kafka.settings import KafkaSettings
from consumers.kafka.source import KafkaSource
from consumers.source import Partition
from ledger.ledger import Ledger
from tests.consumers.feeding import create, merge
from tests.kafka.working import SESSION_S, cli, make_topic, outcomes, send, wait_until, worker_running

pytestmark = pytest.mark.kafka


def test_commands_are_carried_out_and_read_on_after_a_restart(
    settings: KafkaSettings, topic: str, ledger: Ledger
) -> None:
    make_topic(settings, topic)
    send(settings, topic, [create(1), create(2), merge(1, 2)])
    with worker_running(settings, topic, ledger) as working:
        wait_until(lambda: len(outcomes(ledger)) == 3)
        wait_until(lambda: working.meter.not_ready() == [])
    send(settings, topic, [create(3)])
    with worker_running(settings, topic, ledger) as working:
        wait_until(lambda: len(outcomes(ledger)) == 4)
        assert working.meter.repeated == 0
    bookmark = ledger.bookmark(f"{topic}/0")
    assert bookmark is not None
    assert (bookmark.at, len(bookmark.of)) == (4, 36)


def test_what_cannot_be_read_does_not_stop_the_partition(settings: KafkaSettings, topic: str, ledger: Ledger) -> None:
    make_topic(settings, topic, max_message_bytes="3000000")
    send(settings, topic, [b"\xff", b"{", b'{"x":"' + b"x" * 1_100_000 + b'"}', create(1)])
    with worker_running(settings, topic, ledger):
        wait_until(lambda: "main/commands/create-1" in outcomes(ledger))
    assert outcomes(ledger)[:-1] == [f"main/unreadable/{topic}/0/{offset}" for offset in range(3)]


def test_cloudevents_are_commands(settings: KafkaSettings, topic: str, ledger: Ledger) -> None:
    make_topic(settings, topic)
    send(settings, topic, [create(1)], headers=[("ce_specversion", b"1.0"), ("ce_id", b"create-1"), ("ce_type", b"x")])
    with worker_running(settings, topic, ledger):
        wait_until(lambda: outcomes(ledger) == ["main/commands/create-1"])


def test_two_workers_split_the_partitions_and_one_takes_all_when_the_other_leaves(
    settings: KafkaSettings, topic: str, ledger: Ledger
) -> None:
    make_topic(settings, topic, partitions=4)
    for number in range(4):
        send(settings, topic, [create(number)], key=f"account-{number}".encode())
    with worker_running(settings, topic, ledger) as first:
        with worker_running(settings, topic, ledger) as second:
            wait_until(lambda: len(first.feeds) == len(second.feeds) == 2)
            assert not first.feeds.keys() & second.feeds.keys()
            send(settings, topic, [create(10)], key=b"a")
            wait_until(lambda: len(outcomes(ledger)) == 5)
        wait_until(lambda: len(first.feeds) == 4)
        for number in range(20, 28):
            send(settings, topic, [create(number)], key=f"account-{number}".encode())
        wait_until(lambda: len(outcomes(ledger)) == 13)


def test_messages_that_ran_out_of_retention_halt_the_partition_until_a_person_moves_it_on(
    settings: KafkaSettings, topic: str, ledger: Ledger
) -> None:
    make_topic(settings, topic, retention_ms="1000", segment_ms="500", segment_bytes="1048576")
    send(settings, topic, [create(1)])
    with worker_running(settings, topic, ledger):
        wait_until(lambda: outcomes(ledger) == ["main/commands/create-1"])
    send(settings, topic, [create(2)])
    source = KafkaSource(settings, [topic], "looking", session_timeout_s=SESSION_S)
    try:
        partition, number = Partition(topic, 0), 10
        while source.beginning(partition) < 2:
            time.sleep(0.5)
            send(settings, topic, [create(number)])
            number += 1
            assert number < 100
    finally:
        source.close(5)
    with worker_running(settings, topic, ledger) as working:
        wait_until(lambda: any("is halted: the offset is out of range" in why for why in working.meter.not_ready()))
        assert f"merge-ledger worker resume {topic}/0" in working.meter.not_ready()[0]
        assert outcomes(ledger) == ["main/commands/create-1"]
        moving_on = "worker", "resume", f"{topic}/0", "--from", "latest", "--reason", "lost", "--actor", "ann"
        code, _, told = cli(settings, ledger.store.location, *moving_on)
        assert (code, "offsets 1 to" in told, "pass --yes" in told) == (2, True, True)
        code, out, _ = cli(settings, ledger.store.location, *moving_on, "--yes")
        assert (code, msgspec.json.decode(out)["from_offset"]) == (0, 1)
        wait_until(lambda: working.meter.not_ready() == [])
        send(settings, topic, [create(1_000)])
        wait_until(lambda: outcomes(ledger)[-1] == "main/commands/create-1000")
    assert outcomes(ledger)[1:-1] == [f"main/unreadable/{topic}/0/1"]
    code, _, told = cli(settings, ledger.store.location, *moving_on, "--yes")
    assert (code, "is not halted" in told) == (3, True)


def test_a_topic_made_anew_halts_the_partition(settings: KafkaSettings, topic: str, ledger: Ledger) -> None:
    make_topic(settings, topic)
    send(settings, topic, [create(1)])
    with worker_running(settings, topic, ledger):
        wait_until(lambda: outcomes(ledger) == ["main/commands/create-1"])
    delete_topic(settings, topic)
    make_topic(settings, topic)
    send(settings, topic, [create(2), create(3)])
    with worker_running(settings, topic, ledger) as working:
        wait_until(lambda: any("the topic was made anew" in why for why in working.meter.not_ready()))
        assert outcomes(ledger) == ["main/commands/create-1"]
        moving_on = "worker", "resume", f"{topic}/0", "--reason", "it was meant", "--actor", "ann", "--yes"
        code, _, told = cli(settings, ledger.store.location, *moving_on, "--from", "7")
        assert (code, "an existing offset, 0 to 2" in told) == (2, True)
        assert cli(settings, ledger.store.location, *moving_on, "--from", "1")[0] == 0
        wait_until(lambda: outcomes(ledger)[-1] == "main/commands/create-3")
    assert len(outcomes(ledger)) == 3


def delete_topic(settings: KafkaSettings, topic: str) -> None:
    from kafka import KafkaAdminClient  # noqa: PLC0415  what the product itself never does

    admin = KafkaAdminClient(bootstrap_servers=list(settings.bootstrap))
    admin.delete_topics([topic])
    wait_until(lambda: topic not in admin.list_topics())
    admin.close()
