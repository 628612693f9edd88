"""Layer: tests. A real Kafka Connect on this machine, in its standalone mode, with Debezium's JDBC sink.

The jars that two lists beside this module pin are fetched once, into the user's cache.
"""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.kafka.broker import HERE, free_ports, jars, java

LISTS: Final = Path(__file__).parent
CONNECT: Final = "connect-4.3.1"
SINK: Final = "debezium-jdbc-3.3.1"
# Connect has these too, and two versions of them in one process do not fit together.
LEFT_TO_CONNECT: Final = ("jackson-annotations-", "jackson-core-", "jackson-databind-")
STOP_TIMEOUT_S: Final = 30.0

WORKER: Final = {
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": "true",
    "offset.flush.interval.ms": "1000",
}


class Connect:
    """A worker of Kafka Connect, and what it logged."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        """Watch this process, which writes to this file."""
        self._process, self._log = process, log

    def assert_well(self) -> None:
        """Fail with its own words where it ended, or one of its tasks did."""
        log = self._log.read_text(errors="replace")
        assert self._process.poll() is None, log[-3_000:]
        _, _, failure = log.partition("Task threw an uncaught")
        assert not failure, failure[:3_000]


@contextmanager
def connect_running(folder: Path, bootstrap: str, connectors: Mapping[str, Mapping[str, str]]) -> Iterator[Connect]:
    """Run a worker with these connectors, by name, until left."""
    plugin = folder / "plugins" / SINK
    plugin.mkdir(parents=True)
    for jar in jars(LISTS / "jdbc-sink-jars.txt", SINK).glob("*.jar"):
        if not jar.name.startswith(LEFT_TO_CONNECT):
            (plugin / jar.name).symlink_to(jar)
    classes = f"{jars()}/*:{jars(LISTS / 'connect-jars.txt', CONNECT)}/*"
    worker = _written(
        folder / "worker.properties",
        {
            **WORKER,
            "bootstrap.servers": bootstrap,
            "listeners": f"http://127.0.0.1:{free_ports()}",
            "offset.storage.file.filename": str(folder / "offsets"),
            "plugin.path": str(plugin.parent),
        },
    )
    files = [
        _written(folder / f"{name}.properties", {"name": name, **settings}) for name, settings in connectors.items()
    ]
    log = folder / "connect.log"
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603  the test's own worker
            [
                java(), "-Xmx512m", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
                "-cp", classes, "org.apache.kafka.connect.cli.ConnectStandalone", str(worker), *map(str, files),
            ],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        yield Connect(process, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _written(file: Path, settings: Mapping[str, str]) -> Path:
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return file
