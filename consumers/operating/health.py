"""Layer: consumers. Tells a process's health on a small HTTP port, and ends it when it is stuck.

`/healthz` says whether the process lives, `/readyz` whether it does its work (503 and the reasons
where not), `/metrics` its figures. Nothing here touches the store or the source.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Protocol

LOOK_EVERY_S: Final = 1.0
STUCK_EXIT_CODE: Final = 70

log: Final = logging.getLogger("merge_ledger.health")


class Healthy(Protocol):
    """What tells of its health."""

    def not_alive(self) -> Sequence[str]:
        """Say why the process should be ended."""
        ...

    def not_ready(self) -> Sequence[str]:
        """Say what keeps it from its work."""
        ...

    def text(self) -> str:
        """Write its figures as Prometheus reads them."""
        ...


@contextmanager
def served(healthy: Healthy, host: str, port: int) -> Iterator[int]:
    """Answer on this port until left; gives the port, which the system chooses where 0 was asked for."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, healthy.text(), "text/plain; version=0.0.4; charset=utf-8")
                return
            ask = {"/healthz": healthy.not_alive, "/readyz": healthy.not_ready}.get(self.path)
            if ask is None:
                self._answer(404, "not found\n")
                return
            why = ask()
            self._answer(503 if why else 200, "".join(f"{line}\n" for line in why) or "ok\n")

        def _answer(self, status: int, text: str, content_type: str = "text/plain; charset=utf-8") -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name it has there
            log.debug("asked", extra={"request": format % args})

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _end_process() -> None:
    os._exit(STUCK_EXIT_CODE)  # A poll that spins hears nothing, no signal's handler and no exception.


@contextmanager
def watched(
    healthy: Healthy, *, end: Callable[[], None] = _end_process, look_every_s: float = LOOK_EVERY_S
) -> Iterator[None]:
    """End the process when it no longer lives: whoever started it starts it again."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(look_every_s):
            if why := healthy.not_alive():
                log.critical("process was ended", extra={"why": "; ".join(why)})
                end()
                return

    thread = threading.Thread(target=watch, name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
