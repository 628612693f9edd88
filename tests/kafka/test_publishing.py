"""Layer: tests. What a newcomer makes of the topics on a real broker, though whoever wrote them was killed."""

import multiprocessing
import random
import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consumers import topics
from consumers.kafka.admin import KafkaAdmin
from consumers.kafka.settings import KafkaSettings
from consumers.kafka.sink import KafkaSink
from consumers.publisher.dead_letters import dead_letters
from consumers.publisher.publisher import NAME, Publisher
from consumers.topics import MESSAGE_BYTES_MAX, SPECS
from domain.language.commands import CreateRecord, Envelope
from domain.language.ids import RecordRef
from ledger.ledger import Ledger
from ledger.opening import open_ledger
from tests.builders import create
from tests.conftest import Demonstrated
from tests.consumers.test_publish import projected
from tests.kafka.killed_worker import publish
from tests.kafka.working import wait_until

pytestmark = pytest.mark.kafka


class Newcomer:
    """Reads a compacted topic to its end, and then follows it."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self.settings, self.topic = settings, topic
        self.known: dict[str, dict[str, Any]] = {}
        self._next: dict[int, int] = {}

    def read_on(self) -> None:
        with closing(KafkaAdmin(self.settings)) as admin:
            for partition, message in admin.read(self.topic, begin=self._next or None):
                self._next[partition.number] = message.offset + 1
                told = msgspec.json.decode(message.value or b"")
                key = (message.key or b"").decode()
                if told["position"] >= self.known.get(key, told)["position"]:
                    self.known[key] = told


@pytest.fixture
def db(demonstrated: Demonstrated, tmp_path: Path) -> str:
    shutil.copy(demonstrated.folder / "merge-ledger-demo.db", tmp_path / "ledger.db")
    return str(tmp_path / "ledger.db")


def published(ledger: Ledger) -> int:
    bookmark = ledger.bookmark(NAME)
    return bookmark.at if bookmark else 0


def test_a_newcomer_has_what_the_projections_have_though_publishers_were_killed(
    settings: KafkaSettings, db: str, topic: str
) -> None:
    prefix, chance = f"{topic}.", random.Random(7)  # noqa: S311  no secret
    with closing(KafkaAdmin(settings)) as admin:
        admin.create([msgspec.structs.replace(spec, name=prefix + spec.name) for spec in SPECS], 3, 1)
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.kafka.killed_worker"])
    with open_ledger(db, create=False) as ledger:
        kills = 0
        while published(ledger) < ledger.head():
            process = forks.Process(
                target=publish, args=(settings.bootstrap[0], db, f"holder-{kills}", prefix), daemon=True
            )
            process.start()
            time.sleep(chance.uniform(1.0, 2.5))
            process.kill()
            process.join()
            kills += 1
            assert kills < 100
        records, ids = projected(db, ledger)
        state, id_map = Newcomer(settings, prefix + topics.STATE), Newcomer(settings, prefix + topics.ID_MAP)
        state.read_on()
        id_map.read_on()
        assert {key: one["current_id"] for key, one in id_map.known.items()} == ids
        current = {key: one["version"] for key, one in state.known.items() if one["status"] != "merged_away"}
        assert current == {key: record.version for key, record in records.items()}
        assert_in_order(settings, prefix + topics.RESULTS, ledger)

        ledger.execute([Envelope(CreateRecord(command_id="late", object_type="contacts", record_id="late"))])
        process = forks.Process(target=publish, args=(settings.bootstrap[0], db, "last", prefix), daemon=True)
        process.start()
        wait_until(lambda: published(ledger) == ledger.head())
        process.kill()
        process.join()
        state.read_on()
        assert state.known["main/contacts/late"]["status"] == "active"
    assert kills > 1


@pytest.mark.parametrize("bytes_max", [20_000, 40 * 1024 * 1024], ids=["for the broker", "for the client"])
def test_what_is_too_large_is_set_aside_and_everything_else_arrives(
    settings: KafkaSettings, tmp_path: Path, topic: str, bytes_max: int
) -> None:
    prefix, chance = f"{topic}.", random.Random(3)  # noqa: S311  no secret
    with closing(KafkaAdmin(settings)) as admin:
        specs = [msgspec.structs.replace(spec, name=prefix + spec.name) for spec in SPECS]
        limits = {prefix + topics.STATE: bytes_max}
        admin.create(
            [
                msgspec.structs.replace(
                    one, configs={**one.configs, "max.message.bytes": str(limits.get(one.name, 16 * 1024 * 1024))}
                )
                for one in specs
            ],
            1,
            1,
        )
        too_large = 100_000 if bytes_max < MESSAGE_BYTES_MAX else MESSAGE_BYTES_MAX + 1
        with open_ledger(str(tmp_path / "new.db"), create=True) as ledger:
            for number in range(30):  # Random text, which cannot be compressed much.
                size = too_large if number == 11 else 2_000
                note = chance.randbytes(size // 2).hex()
                ledger.execute([Envelope(create(RecordRef("contacts", str(number)), note=note))])
            working = Publisher(
                ledger,
                lambda: KafkaSink(settings, admin.bytes_max(topic.name for topic in specs)),
                admin,
                "one",
                topic_prefix=prefix,
            )
            working.run(lambda: working.position != ledger.head(), sleep=lambda _: None)
            assert published(ledger) == ledger.head()
            assert working.meter.set_aside == {prefix + topics.STATE: 1}
        states = [message.key for _, message in admin.read(prefix + topics.STATE)]
        assert states == [f"main/contacts/{number}".encode() for number in range(30) if number != 11]
        assert len(list(admin.read(prefix + topics.RESULTS))) == 30
        ((letter, _),) = dead_letters(admin, prefix + topics.DEAD_LETTERS)
        assert (letter.code, letter.original_topic, letter.original_offset) == (
            "TOO_LARGE",
            prefix + topics.STATE,
            None,
        )


def assert_in_order(settings: KafkaSettings, topic: str, ledger: Ledger) -> None:
    """Read as a consumer that remembers what it has seen: nothing is missing, and each key is in order."""
    seen: dict[str, bytes | None] = {}
    positions: dict[bytes | None, list[int]] = {}
    with closing(KafkaAdmin(settings)) as admin:
        for _, message in admin.read(topic):
            headers = {name: content for name, content in message.headers if content is not None}
            if seen.setdefault(headers["ce_id"].decode(), message.value) != message.value:
                pytest.fail("a message came again with its id and another body")
            order = positions.setdefault(message.key, [])
            position = int(headers["position"])
            if position not in order[-2_000:] and (not order or position > max(order[-2_000:])):
                order.append(position)
    stored = [one.position for one in ledger.read(0, 1_000_000) if one.type.startswith("command.")]
    assert sorted(position for order in positions.values() for position in order) == stored
