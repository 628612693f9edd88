"""Layer: tests. What `status` says of Kafka, well or not, and that it ends in time."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from consumers import topics
from consumers.kafka.admin import KafkaAdmin
from consumers.kafka.client import chosen_partition
from consumers.kafka.settings import KafkaSettings
from consumers.source import Partition
from deploy.kafka.broker import USER, Broker
from ledger.opening import open_ledger
from tests.consumers.feeding import create, plant_bug
from tests.kafka.raw import batch, body, produce
from tests.kafka.working import cli, outcomes, send, wait_until, worker_running

pytestmark = pytest.mark.kafka


class Status:
    """A run of `status` with these settings of Kafka: how it ended, and what it said of each check."""

    def __init__(self, settings: KafkaSettings, db: Path, **environment: str) -> None:
        began = time.monotonic()
        self.code, out, self.talk = cli(settings, str(db), "-o", "json", "status", **environment)
        self.seconds = time.monotonic() - began
        self.checks: dict[str, Any] = {check["name"]: check for check in json.loads(out)["kafka"]}

    @property
    def wrong(self) -> list[str]:
        return [f"{check['found']}; {check['next_step']}" for check in self.checks.values() if not check["ok"]]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    open_ledger(str(tmp_path / "ledger.db"), create=True).close()
    return tmp_path / "ledger.db"


@pytest.fixture
def prefix(settings: KafkaSettings, topic: str) -> str:
    """Topics as they should be, with a prefix of their own."""
    with closing(KafkaAdmin(settings)) as admin:
        specs = [topics.TopicSpec(f"{topic}.{one.name}", one.key, one.what, one.configs) for one in topics.SPECS]
        admin.create(specs[1:], 2, 1)
        admin.create(specs[:1], 2, 1)
    return f"{topic}."


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never says anything."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield f"127.0.0.1:{silent.getsockname()[1]}"


def test_all_is_well_where_it_is(settings: KafkaSettings, db: Path, prefix: str) -> None:
    send(settings, prefix + topics.RESULTS, [b"{}"])
    status = Status(settings, db, MERGE_LEDGER_KAFKA_TOPIC_PREFIX=prefix)
    assert (status.code, status.wrong, status.talk) == (0, [], "")
    assert [name for name in status.checks if " 127" not in name] == [
        "codecs", "ask", "topics", "partitions", "compaction", "message sizes", "partitioner",
        "clock of the senders", "halted partitions", "clock of the database",
    ]  # fmt: skip
    assert status.checks["partitions"]["found"] == "2 of each topic, all with a leader"
    assert "the newest message was produced" in status.checks["clock of the senders"]["found"]


def test_a_partition_halted_at_a_failed_command_is_listed_until_a_person_steps_over_it(
    settings: KafkaSettings, db: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_bug(monkeypatch).add("create-1")
    topic = prefix + topics.COMMANDS
    partition = Partition(topic, chosen_partition("main", 2))
    send(settings, topic, [create(number) for number in range(3)])
    with open_ledger(str(db), create=False) as ledger, worker_running(settings, topic, ledger) as working:
        wait_until(lambda: any("the command at offset 1 failed: KeyError" in why for why in working.meter.not_ready()))
        assert outcomes(ledger) == ["main/commands/create-0"]
        status = Status(settings, db, MERGE_LEDGER_KAFKA_TOPIC_PREFIX=prefix)
        (wrong,) = status.wrong
        assert wrong.startswith(f"{partition.source} at offset 1: the command at offset 1 failed: KeyError at ")
        assert f"merge-ledger worker resume {partition.source}" in wrong
        assert status.code == 1
        moving_on = "worker", "resume", partition.source, "--reason", "agreed", "--actor", "ann", "--yes"
        code, _, said = cli(settings, str(db), *moving_on, "--from", "earliest")
        assert (code, "offsets 1 to 1 failed, and are never carried out" in said) == (0, True), said
        wait_until(lambda: outcomes(ledger)[-1] == "main/commands/create-2")
        wait_until(lambda: working.meter.not_ready() == [])
    assert Status(settings, db, MERGE_LEDGER_KAFKA_TOPIC_PREFIX=prefix).checks["halted partitions"]["found"] == "none"


def test_topics_that_are_not_as_they_were_made_are_told(settings: KafkaSettings, db: Path, prefix: str) -> None:
    from kafka import KafkaAdminClient  # noqa: PLC0415  what the product itself never does
    from kafka.admin import ConfigResource, ConfigResourceType  # noqa: PLC0415

    with closing(KafkaAdminClient(bootstrap_servers=list(settings.bootstrap))) as admin:
        admin.create_partitions({prefix + topics.RESULTS: 3})
        admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC,
                    prefix + topics.STATE,
                    {"cleanup.policy": "delete", "max.message.bytes": "1000000"},
                )
            ]
        )
    status = Status(settings, db, MERGE_LEDGER_KAFKA_TOPIC_PREFIX=prefix)
    partitions, compaction, sizes = status.wrong
    assert f"{prefix}merge.commands.v1 has 2 partitions, and {prefix}merge.results.v1 has 3; make those" in partitions
    assert f"{prefix}record.state.v1 has cleanup.policy=delete; set cleanup.policy=compact of" in compaction
    assert f"{prefix}record.state.v1 has max.message.bytes=1000000; set max.message.bytes=16777216 of" in sizes
    assert status.code == 1
    assert status.talk.startswith("merge-ledger: Kafka: partitions: ")
    assert status.talk.count("\n") == 1


def test_accounts_on_another_partition_than_murmur2_chooses_are_named_once(
    settings: KafkaSettings, db: Path, prefix: str
) -> None:
    right = {account: chosen_partition(account, 2) for account in ("main", "acme", "bluebird")}
    for account, number in right.items():
        value = create(1)[:-1] + b',"account":"' + account.encode() + b'"}'
        one = batch([body(0, b"", value), body(1, b"", value), body(2, b"", b"{no")])
        for at in (0, 1) if account == "bluebird" else (number,):
            produce(settings, Partition(prefix + topics.COMMANDS, at), one)
    status = Status(settings, db, MERGE_LEDGER_KAFKA_TOPIC_PREFIX=prefix)
    (wrong,) = status.wrong
    expected = f"chooses: bluebird on {1 - right['bluebird']}, not {right['bluebird']}; of 12 messages; key commands"
    assert expected in wrong
    assert status.code == 1


def test_topics_that_are_missing_are_named(settings: KafkaSettings, db: Path) -> None:
    status = Status(settings, db, MERGE_LEDGER_KAFKA_TOPIC_PREFIX="nowhere.")
    (wrong,) = status.wrong
    assert "nowhere.record.idmap.v1" in wrong
    assert wrong.endswith("; run merge-ledger topics create")
    assert status.code == 5


def test_a_wrong_password_is_told_and_never_shown(broker: Broker, db: Path) -> None:
    status = Status(
        KafkaSettings(bootstrap=(broker.addresses["sasl_ssl"],)),
        db,
        MERGE_LEDGER_KAFKA_PROTOCOL="SASL_SSL",
        MERGE_LEDGER_KAFKA_MECHANISM="SCRAM-SHA-512",
        MERGE_LEDGER_KAFKA_USERNAME=USER,
        MERGE_LEDGER_KAFKA_PASSWORD="not-the-password",  # noqa: S106  that is the point
        MERGE_LEDGER_KAFKA_CA_FILE=broker.addresses["ca_file"],
        MERGE_LEDGER_KAFKA_DEADLINE_S="3",
    )
    assert status.code == 5
    assert [(name, check["ok"]) for name, check in status.checks.items() if "127" not in name] == [
        ("codecs", True),
        ("log in", False),
        ("clock of the database", True),
    ]
    assert "not-the-password" not in status.talk + str(status.checks)
    assert status.seconds < 8


def test_tls_to_a_plaintext_port_is_told_in_time(settings: KafkaSettings, db: Path) -> None:
    status = Status(settings, db, MERGE_LEDGER_KAFKA_PROTOCOL="SSL", MERGE_LEDGER_KAFKA_DEADLINE_S="2")
    (wrong,) = status.wrong
    assert wrong.startswith("no TLS is spoken there")
    assert status.code == 5
    assert status.seconds < 6


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
def test_a_black_hole_is_told_in_time(protocol: str, black_hole: str, db: Path) -> None:
    status = Status(
        KafkaSettings(bootstrap=(black_hole,)),
        db,
        MERGE_LEDGER_KAFKA_PROTOCOL=protocol,
        MERGE_LEDGER_KAFKA_DEADLINE_S="1",
    )
    assert status.checks[f"connect {black_hole}"]["ok"]
    assert len(status.wrong) == 1
    assert status.code == 5
    assert status.seconds < 5


def test_one_broker_that_is_away_is_told_and_the_others_are_enough(settings: KafkaSettings, db: Path) -> None:
    status = Status(KafkaSettings(bootstrap=("127.0.0.1:1", *settings.bootstrap)), db)
    assert not status.checks["connect 127.0.0.1:1"]["ok"]
    assert status.checks["ask"]["ok"]


def test_settings_that_cannot_be_are_a_check_too(settings: KafkaSettings, db: Path) -> None:
    status = Status(settings, db, MERGE_LEDGER_KAFKA_PROTOCOL="SASL_SSL")
    assert (status.code, list(status.checks)) == (5, ["settings", "clock of the database"])


def test_where_no_kafka_is_configured_status_asks_none(db: Path) -> None:
    script = "import sys; sys.modules['kafka'] = None; from cli.__main__ import main; sys.exit(main(['status']))"
    done = subprocess.run(  # noqa: S603  our own command line
        [sys.executable, "-c", script],
        env={**os.environ, "MERGE_LEDGER_DB": str(db), "MERGE_LEDGER_OUTPUT": "json"},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout).keys() == {"database", "projections", "settings"}
