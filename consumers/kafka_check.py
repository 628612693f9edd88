"""Layer: consumers. Finds out why a Kafka cannot be reached, step by step, each under a deadline of ours.

The library says "unable to bootstrap" of a wrong password, of a missing certificate and of TLS spoken
to a plaintext port alike, and waits long before it does. Here the first step that fails is named.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Final, TypeVar

from msgspec import Struct

from consumers.kafka_admin import KafkaAdmin
from consumers.kafka_client import missing_codecs, tls_context
from consumers.kafka_settings import KafkaSettings
from consumers.port import SourceUnusable

T = TypeVar("T")
STEP_S: Final = 3.0


class Check(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A thing that was looked at."""

    name: str
    is_ok: bool
    said: str
    seconds: float


class _Failed(Exception):  # noqa: N818  carries one line
    pass


def checks(settings: KafkaSettings, topics: tuple[str, ...] = ()) -> Iterator[Check]:
    """Look at one thing after another, until one is not as it has to be."""
    steps: list[tuple[str, Callable[[], str]]] = [("codecs", _codecs)]
    steps += [(f"connect {host}:{port}", lambda h=host, p=port: _connect(h, p)) for host, port in settings.hosts()]  # type: ignore[misc]
    if settings.is_encrypted:
        steps += [
            (f"TLS {host}:{port}", lambda h=host, p=port: _shake_hands(settings, h, p))  # type: ignore[misc]
            for host, port in settings.hosts()
        ]
    steps.append(("log in" if settings.mechanism or settings.cert_file else "ask", lambda: _log_in(settings, topics)))
    for name, step in steps:
        began = time.monotonic()
        try:
            said, is_ok = step(), True
        except (_Failed, SourceUnusable) as failed:
            said, is_ok = str(failed), False
        yield Check(name=name, is_ok=is_ok, said=said, seconds=round(time.monotonic() - began, 3))
        if not is_ok:
            return


def make_sure(settings: KafkaSettings, topics: tuple[str, ...] = ()) -> None:
    """Find all well. Raises SourceUnusable with the step that failed."""
    for check in checks(settings, topics):
        if not check.is_ok:
            msg = f"Kafka at {','.join(settings.bootstrap)}: {check.name}: {check.said}"
            raise SourceUnusable(msg)


def _codecs() -> str:
    missing = missing_codecs()
    if missing:
        msg = f"{', '.join(missing)} cannot be read; install the `kafka` extra of this package"
        raise _Failed(msg)
    return "all can be read"


def _connect(host: str, port: int) -> str:
    try:
        with socket.create_connection((host, port), timeout=STEP_S) as connection:
            return f"connected to {connection.getpeername()[0]}"
    except OSError as error:
        msg = f"no connection ({error}); check kafka_bootstrap, and whether the broker runs"
        raise _Failed(msg) from error


def _shake_hands(settings: KafkaSettings, host: str, port: int) -> str:
    context = tls_context(settings)
    try:
        with (
            socket.create_connection((host, port), timeout=STEP_S) as connection,
            context.wrap_socket(connection, server_hostname=host) as encrypted,
        ):
            return f"{encrypted.version()}, the certificate is trusted"
    except ssl.SSLCertVerificationError as error:
        msg = f"its certificate is not trusted ({error.verify_message}); check kafka_ca_file and the name in it"
        raise _Failed(msg) from error
    except (TimeoutError, ConnectionResetError, ssl.SSLError) as error:
        msg = f"no TLS is spoken there ({type(error).__name__}); check the port, and kafka_protocol"
        raise _Failed(msg) from error
    except OSError as error:
        msg = f"no connection ({error})"
        raise _Failed(msg) from error


def _log_in(settings: KafkaSettings, topics: tuple[str, ...]) -> str:
    def ask() -> set[str]:
        with closing(KafkaAdmin(settings)) as admin:
            return set(topics) - set(admin.topics(topics))

    try:
        missing = within(settings.deadline_s, ask)
    except SourceUnusable as error:
        why = "it does not let us in, or speaks another protocol"
        msg = f"{why}; check kafka_protocol, kafka_mechanism, user, password and certificates ({error})"
        raise _Failed(msg) from error
    if missing:
        msg = f"there is no topic {', '.join(sorted(missing))}; run merge-ledger topics create"
        raise _Failed(msg)
    return "it answers" + (f", and has {len(topics)} topics" if topics else "")


def within(seconds: float, work: Callable[[], T]) -> T:
    """Do something that may never end, and stop waiting for it in time. Raises SourceUnusable then."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  raised below, in the thread that waits
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    with suppress(RuntimeError):
        thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        msg = f"no answer within {seconds:g} s"
        raise SourceUnusable(msg)
    return done[0]
