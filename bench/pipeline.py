"""A real broker for the benches, workers as people start them, and topics of their own for each pipeline.

The broker is the launcher's (`deploy/kafka/broker.py`), is started for the bench and is gone with it.
What a turn is to carry out is sent in one transaction of Kafka: the workers, which run already, see
none of it until it is committed, and then all of it. So a turn has neither sending nor starting in it.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final, Self
from urllib.request import urlopen

import msgspec
from kafka import KafkaProducer

from consumers import topics
from consumers.kafka.admin import KafkaAdmin
from consumers.kafka.client import client_config
from consumers.kafka.settings import KafkaSettings
from consumers.publisher.publisher import NAME as PUBLISHER
from deploy.kafka.broker import Broker, free_ports
from domain.language.commands import AnyCommand
from ledger.ledger import Ledger
from ledger.opening import open_ledger

ROOT: Final = Path(__file__).resolve().parents[1]
PARTITIONS: Final = 2
MEBIBYTE: Final = 1 << 20
IN_FLIGHT_MAX: Final = 5_000
TIMEOUT_S: Final = 600.0  # Without anything coming to an end.
LOOK_EVERY_S: Final = 0.01
_encode: Final = msgspec.json.Encoder().encode


def _partitions(worker: "Process") -> int:
    return sum("partition_state" in name and 'state="reading"' in name for name in worker.figures())


@contextmanager
def broker() -> Iterator[KafkaSettings]:
    """Start a broker, and clear it away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="merge-ledger-"))
    started = Broker(folder, free_ports())
    try:
        started.start()
        yield KafkaSettings(bootstrap=(started.addresses["plaintext"],))
    finally:
        started.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Process:
    """A worker: the command line, in a process of its own."""

    def __init__(self, role: str, environment: Mapping[str, str]) -> None:
        """Start it."""
        with socket.socket() as any_port:
            any_port.bind(("127.0.0.1", 0))
            self._health = f"127.0.0.1:{any_port.getsockname()[1]}"
        self._process = subprocess.Popen(  # noqa: S603  our own command line
            [sys.executable, "-m", "cli", "worker", role],
            env={**os.environ, **environment, "MERGE_LEDGER_HEALTH": self._health},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def figures(self) -> dict[str, float]:
        """Ask it for its figures; none while it begins."""
        try:
            with urlopen(f"http://{self._health}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        told = (line.removeprefix("merge_ledger_").rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in told}

    def memory(self) -> float:
        """Tell how much memory it has, in mebibytes."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / MEBIBYTE

    def look(self) -> None:
        """Make sure that it runs."""
        if self._process.poll() is not None:
            msg = f"a worker ended by itself, with {self._process.returncode}"
            raise RuntimeError(msg)

    def end(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(15)


class Pipeline:
    """Topics of its own, a ledger of its own, and workers between them."""

    def __init__(self, settings: KafkaSettings, db: str, name: str) -> None:
        """Make the topics."""
        self.settings = settings
        self.prefix = f"{name}."
        self.workers: list[Process] = []
        self._end = [0] * PARTITIONS  # The offset behind the last message of each partition.
        self._db = db
        self._ends = ExitStack()
        self.ledger: Ledger = self._ends.enter_context(open_ledger(db, create=False))
        with closing(KafkaAdmin(settings)) as admin:
            admin.create(
                [msgspec.structs.replace(spec, name=self.prefix + spec.name) for spec in topics.SPECS], PARTITIONS, 1
            )

    def __enter__(self) -> Self:
        """Give it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the workers."""
        self._ends.close()

    def start(self, role: str) -> Process:
        """Start a worker."""
        environment = {
            "MERGE_LEDGER_DB": self._db,
            "MERGE_LEDGER_KAFKA_BOOTSTRAP": ",".join(self.settings.bootstrap),
            "MERGE_LEDGER_KAFKA_GROUP": self.prefix,
            "MERGE_LEDGER_KAFKA_TOPIC_PREFIX": self.prefix,
        }
        worker = Process(role, environment)
        self._ends.callback(worker.end)
        self.workers.append(worker)
        return worker

    def start_consuming(self, workers: int) -> None:
        """Start workers, and wait until each has as many partitions as the others."""
        started = [self.start("consume") for _ in range(workers)]
        each = PARTITIONS // workers
        self._wait_until(lambda: all(_partitions(worker) == each for worker in started), 0.2)

    def start_publishing(self) -> None:
        """Start what writes results, and wait until it works."""
        started = self.start("publish")
        self._wait_until(lambda: _partitions(started) == 1, 0.2)

    def send(self, commands: Iterable[tuple[int, AnyCommand]]) -> int:
        """Send commands, each to its partition, so that all of them are seen at once; tells how many."""
        producer = KafkaProducer(
            **client_config(self.settings),
            transactional_id=f"{self.prefix}{time.monotonic_ns()}",
            transaction_timeout_ms=600_000,
            acks="all",
            linger_ms=20,
            batch_size=128 * 1024,
        )
        count, last = 0, {}
        with closing(producer):
            producer.init_transactions()
            producer.begin_transaction()
            for partition, command in commands:
                last[partition] = producer.send(
                    self.prefix + topics.COMMANDS, _encode(command), command.account.encode(), partition=partition
                )
                count += 1
                if count % IN_FLIGHT_MAX == 0:
                    producer.flush()  # What is not sent yet is kept, however much it is.
            producer.commit_transaction()
            for partition, sent in last.items():
                self._end[partition] = sent.get().offset + 1  # type: ignore[no-untyped-call]
        return count

    def wait(self, look: Callable[[int], object] | None = None) -> None:
        """Wait until all that was sent is committed; `look` is told again and again how many offsets are."""

        def is_done() -> bool:
            sources = [f"{self.prefix}{topics.COMMANDS}/{number}" for number in range(PARTITIONS)]
            at = [0 if found is None else found.at for found in map(self.ledger.bookmark, sources)]
            if look is not None:
                look(sum(at))
            return all(one >= end for one, end in zip(at, self._end, strict=True))

        self._wait_until(is_done, LOOK_EVERY_S)

    def wait_published(self) -> None:
        """Wait until all that is committed is on the topics."""
        head = self.ledger.head()

        def is_done() -> bool:
            bookmark = self.ledger.bookmark(PUBLISHER)
            return bookmark is not None and bookmark.at >= head

        self._wait_until(is_done, LOOK_EVERY_S)

    def figures(self) -> dict[str, float]:
        """Add up what the workers counted: commands by outcome, batches, conflicts."""
        told = Counter[str]()
        for worker in self.workers:
            told.update(worker.figures())
        return {name: count for name, count in told.items() if "_total" in name and count}

    def _wait_until(self, is_so: Callable[[], bool], every_s: float) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        looked_at = 0.0
        while not is_so():
            now = time.monotonic()
            if now > looked_at + 1:
                looked_at = now
                for worker in self.workers:
                    worker.look()
            if now > deadline:
                msg = f"{self.prefix}: not done within {TIMEOUT_S:g} s"
                raise RuntimeError(msg)
            time.sleep(every_s)
