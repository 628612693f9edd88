"""Layer: cli. The processes: `worker consume`, `worker publish` and `worker project`.

Each runs until SIGTERM or SIGINT, then finishes its current work within ten seconds. It logs JSON lines
to stderr, and with `health` set it serves its health and metrics over HTTP.
"""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from types import FrameType
from typing import Annotated, Any, Final, Literal

import msgspec
from cyclopts import Parameter

from cli.session import exits
from cli.session.arguments import Here
from cli.session.kafka import checked_settings, kafka_errors_reported, topic_name, topic_specs
from cli.session.masking import masked
from cli.session.opening import location_of, opened
from cli.session.session import Session, escaped
from consumers import topics
from consumers.kafka.settings import PORT_MAX, is_host
from consumers.operating.health import served, watched
from consumers.operating.metrics import Meter
from ledger.ledger import BATCH_COMMANDS_MAX, Ledger
from ledger.opening import open_ledger

DRAIN_S: Final = 10.0
_OWN_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

log: Final = logging.getLogger("merge_ledger.process")


def consume(*, batch: Annotated[int, Parameter(help="Commands per commit, at most.")] = 1_000, session: Here) -> int:
    """Read commands from Kafka and execute them, until stopped."""
    from consumers.kafka.check import make_sure  # noqa: PLC0415
    from consumers.kafka.source import KafkaSource  # noqa: PLC0415  slow to load
    from consumers.worker.worker import Settings, Worker  # noqa: PLC0415

    if not 1 <= batch <= BATCH_COMMANDS_MAX:
        msg = f"--batch: expected 1 to {BATCH_COMMANDS_MAX}, got {batch}"
        raise exits.Mistake(msg)
    kafka = session.settings.kafka
    topic = topic_name(session, topics.COMMANDS)
    with kafka_errors_reported(), _ledger_of(session) as ledger, _process(session) as (meter, keep_running):
        _log_if_new(ledger)
        settings = checked_settings(session)
        make_sure(settings, (topic,))
        source = KafkaSource(
            settings,
            [topic],
            kafka["kafka_group"],
            instance=kafka["kafka_instance"],
            session_timeout_s=kafka["kafka_session_timeout_s"],
            messages_max=batch,
        )
        how = Settings(session.account, batch, takeover_s=1.5 * kafka["kafka_session_timeout_s"])
        Worker(ledger, source, how, meter=meter).run(keep_running)
    return exits.DONE


def publish(
    *,
    envelope: Annotated[
        Literal["none", "connect"] | None,
        Parameter(help="connect: send a schema with each value, for Kafka Connect. Setting kafka_envelope."),
    ] = None,
    session: Here,
) -> int:
    """Publish the ledger to Kafka, until stopped; one process works, others are on standby."""
    from consumers.kafka.admin import KafkaAdmin  # noqa: PLC0415
    from consumers.kafka.check import make_sure  # noqa: PLC0415
    from consumers.kafka.sink import KafkaSink  # noqa: PLC0415
    from consumers.publisher import connect, messages  # noqa: PLC0415
    from consumers.publisher.publisher import Publisher  # noqa: PLC0415

    chosen = envelope or session.settings.kafka["kafka_envelope"]
    write = connect.message if chosen == "connect" else messages.message
    with kafka_errors_reported(), _ledger_of(session) as ledger, _process(session) as (meter, keep_running):
        _log_if_new(ledger)
        settings = checked_settings(session)
        written = published_topics(session)
        make_sure(settings, written)
        with closing(KafkaAdmin(settings)) as admin:
            publisher = Publisher(
                ledger,
                lambda: KafkaSink(settings, admin.bytes_max(written)),
                admin,
                _holder(),
                meter=meter,
                topic_prefix=topic_name(session, ""),
                write=write,
            )
            publisher.run(keep_running)
    return exits.DONE


def published_topics(session: Session) -> tuple[str, ...]:
    """Return the names of the topics that the publisher writes: every topic but that of the commands."""
    return tuple(spec.name for spec in topic_specs(session) if spec.name != topic_name(session, topics.COMMANDS))


def project(*, session: Here) -> int:
    """Keep the projections up to date, until stopped; several processes share the work by pages."""
    with opened(session, create=True) as sides, _process(session) as (meter, keep_running):
        _log_if_new(sides.ledger)
        sides.projector.run(keep_running, partial(meter.looked, "projections"), sides.ledger.store.wait)
    return exits.DONE


def _ledger_of(session: Session) -> Ledger:
    return open_ledger(location_of(session), create=True)


def _log_if_new(ledger: Ledger) -> None:
    if ledger.store.is_new:
        log.info("created a new ledger", extra={"location": ledger.store.location})


def _holder() -> str:
    """Return a name for this process that no other has."""
    return f"{socket.gethostname()}-{os.getpid()}-{time.time_ns()}"


@contextmanager
def _process(session: Session) -> Iterator[tuple[Meter, Callable[[], bool]]]:
    """Set up logs, signals, health and watchdog; yields the metrics and a function that is false once stopped."""
    _log_as_json()
    meter, stop = Meter(), threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def end(number: int, _: FrameType | None) -> None:
        log.info("process ends", extra={"signal": signal.Signals(number).name})
        stop.set()
        _end_in_time()

    with ExitStack() as stack:
        for number in before:
            signal.signal(number, end)
        stack.callback(lambda: [signal.signal(number, handler) for number, handler in before.items()])
        told = {}
        if session.settings.health:
            host, port = _health_address(session.settings.health)
            told["health"] = f"{host}:{stack.enter_context(served(meter, host, port))}"
        stack.enter_context(watched(meter))
        log.info("process began", extra={"pid": os.getpid(), **told})
        yield meter, lambda: not stop.is_set()
    log.info("process ended")


def _end_in_time() -> None:
    """Exit if draining takes too long; the next process repeats what was not committed."""
    timer = threading.Timer(DRAIN_S, lambda: os._exit(exits.INTERRUPTED))
    timer.daemon = True
    timer.start()


def _health_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    is_port = port.isascii() and port.isdigit() and len(port) <= len(str(PORT_MAX)) and int(port) <= PORT_MAX
    if not is_host(host) or not is_port:
        msg = f"health: expected HOST:PORT, a port up to {PORT_MAX}, got {text}"
        raise exits.Mistake(msg)
    return host, int(port)


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON, without the secrets of URLs."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        told: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        told |= {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}
        told = {name: masked(value) if isinstance(value, str) else value for name, value in told.items()}
        line = msgspec.json.encode(told, enc_hook=lambda value: masked(str(value))).decode()
        return escaped(line) if sys.stderr.isatty() else line


def _log_as_json() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    ours = logging.getLogger("merge_ledger")
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(logging.INFO)
    kafka = logging.getLogger("kafka")
    kafka.handlers, kafka.propagate = [handler], False
    kafka.setLevel(logging.ERROR)
