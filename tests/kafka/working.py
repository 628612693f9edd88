"""What the tests on a real broker have in common: sending, workers in threads and in processes, waiting."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from tempfile import TemporaryFile
from typing import Any

from consumers.kafka.admin import KafkaAdmin
from consumers.kafka.settings import KafkaSettings
from consumers.kafka.sink import KafkaSink
from consumers.kafka.source import KafkaSource
from consumers.source import Headers, Message, Partition
from consumers.topics import TopicSpec
from consumers.worker.worker import Settings, Worker
from ledger.ledger import Ledger

SESSION_S = 3.0


def wait_until(what: Callable[[], Any], timeout_s: float = 60.0) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.1)


def make_topic(settings: KafkaSettings, name: str, partitions: int = 1, **configs: str) -> None:
    with closing(KafkaAdmin(settings)) as admin:
        spec = TopicSpec(name, "account", "a test", {key.replace("_", "."): value for key, value in configs.items()})
        admin.create([spec], partitions, 1)


def send(
    settings: KafkaSettings, topic: str, values: Sequence[bytes], key: bytes = b"main", headers: Headers = ()
) -> None:
    with closing(KafkaSink(settings)) as sink:
        for value in values:
            sink.send(topic, key, value, headers)
        sink.settle()


def read_all(settings: KafkaSettings, topic: str) -> list[tuple[Partition, Message]]:
    with closing(KafkaAdmin(settings)) as admin:
        return list(admin.read(topic))


@contextmanager
def worker_running(
    settings: KafkaSettings, topic: str, ledger: Ledger, *, group: str | None = None, batch_commands_max: int = 100
) -> Iterator[Worker]:
    """Run a worker in a thread, until left."""
    source = KafkaSource(settings, [topic], group or f"group-{topic}", session_timeout_s=SESSION_S)
    working = Worker(ledger, source, Settings(batch_commands_max=batch_commands_max, takeover_s=SESSION_S * 2))
    stop = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            working.run(lambda: not stop.is_set())
        except BaseException as error:  # noqa: BLE001  told below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield working
    finally:
        stop.set()
        thread.join(30)
    assert not failed, failed


def outcomes(ledger: Ledger) -> list[str]:
    """List the outcomes in the log: the streams that they stand on."""
    return [s.stream for s in ledger.read(0, 100_000) if s.stream.split("/")[1] in {"commands", "unreadable"}]


class WorkerProcess:
    """A worker as people start it: the command line, in a process of its own."""

    def __init__(self, settings: KafkaSettings, db: str, *arguments: str, **environment: str) -> None:
        told = {
            "MERGE_LEDGER_DB": db,
            "MERGE_LEDGER_KAFKA_BOOTSTRAP": ",".join(settings.bootstrap),
            "MERGE_LEDGER_KAFKA_SESSION_TIMEOUT_S": str(SESSION_S),
            **environment,
        }
        self._told = TemporaryFile("w+")  # noqa: SIM115  it ends with the process; a pipe that nobody reads would stop it.
        self.process = subprocess.Popen(  # noqa: S603  our own command line
            [sys.executable, "-m", "cli", "worker", *arguments],
            env={**os.environ, **told},
            stdout=subprocess.DEVNULL,
            stderr=self._told,
        )

    def said(self) -> str:
        """What it wrote so far; it goes on writing where it was."""
        return os.pread(self._told.fileno(), 1_000_000, 0).decode()

    def give(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 15.0) -> tuple[int, str]:
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(timeout_s)
        if not self._told.closed:
            self._told.seek(0)
            self.told = self._told.read()
            self._told.close()
        return self.process.returncode, self.told


def cli(settings: KafkaSettings, db: str, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a command to its end: its code, its data, its talk."""
    told = {
        "MERGE_LEDGER_DB": db,
        "MERGE_LEDGER_KAFKA_BOOTSTRAP": ",".join(settings.bootstrap),
        **environment,
    }
    done = subprocess.run(  # noqa: S603  our own command line
        [sys.executable, "-m", "cli", *arguments],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
