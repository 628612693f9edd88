"""Layer: tests. A proxy between a client and a PostgreSQL server that fails in the ways that networks fail.

It takes the messages of the client apart, so that a connection can be cut at any of them: before it
reaches the server, or after the server has carried it out and before its answer comes back.
"""

import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

Where: TypeAlias = Literal["before", "after", "delivered", "dark"]
Wanted: TypeAlias = Callable[[bytes], bool]

_CHUNK: Final = 65_536
_STARTUP_HEAD: Final = 4
_HEAD: Final = 5
_SETTLE_S: Final = 0.3  # What the server is given to carry a message out.


class Proxy:
    """Listens on a port of this machine; every connection goes on to the server, until it is told to fail."""

    def __init__(self, server: str) -> None:
        """Listen."""
        self._upstream = _address(server)
        self._user = urlsplit(server).username or "postgres"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._plan: tuple[Where, Wanted] | None = None
        self._is_dark = False
        self._is_closed = False
        self.cuts = 0
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, database: str, password: str = "secret") -> str:  # noqa: S107  made up; no message may tell it
        """Name a database as it is reached through the proxy."""
        return (
            f"postgresql://{self._user}:{password}@127.0.0.1:{self.port}/{database}?sslmode=disable&gssencmode=disable"
        )

    def cut(self, where: Where, wanted: Wanted) -> None:
        """Cut the connection that next sends a message like this: once, or with `dark` be silent from then on."""
        self._plan = (where, wanted)

    def go_dark(self) -> None:
        """Take everything, pass nothing on, and close nothing."""
        self._is_dark = True

    def recover(self) -> None:
        """Work again, for connections that are made from now on."""
        self._is_dark, self._plan = False, None
        for one in [*self._open]:
            _close(one)

    def close(self) -> None:
        """Be a server that is down."""
        self._is_closed = True
        _close(self._listener)
        self.recover()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX if isinstance(self._upstream, str) else socket.AF_INET)
        with client, server, suppress(OSError, ValueError):
            self._open |= {client, server}
            server.connect(self._upstream)
            self._pass_on(client, server)
        self._open -= {client, server}

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        waiting, is_started = b"", False
        while True:
            ready, _, _ = select.select([client, server], [], [])
            if self._is_dark:
                threading.Event().wait(0.05)
                continue
            if server in ready:
                answer = server.recv(_CHUNK)
                client.sendall(answer)
                if not answer:
                    return
            if client in ready:
                sent = client.recv(_CHUNK)
                if not sent:
                    return
                waiting += sent
                while (length := _length(waiting, is_started=is_started)) is not None:
                    message, waiting, is_started = waiting[:length], waiting[length:], True
                    if self._fails(message, client, server):
                        return

    def _fails(self, message: bytes, client: socket.socket, server: socket.socket) -> bool:
        """Pass a message on, or fail as it was planned."""
        plan = self._plan
        if plan is None or not plan[1](message):
            server.sendall(message)
            return False
        where, self._plan = plan[0], None
        self.cuts += 1
        if where != "before":
            server.sendall(message)
            answered, _, _ = select.select([server], [], [], _SETTLE_S)
            if where == "delivered" and answered:
                client.sendall(server.recv(_CHUNK))
        if where == "dark":
            self._is_dark = True
            return False
        return True


@contextmanager
def between(server: str) -> Iterator[Proxy]:
    """Put a proxy before a server."""
    proxy = Proxy(server)
    try:
        yield proxy
    finally:
        proxy.close()


def nth(number: int) -> Wanted:
    """Wait for the so many-th message."""
    left = number

    def is_it(_message: bytes) -> bool:
        nonlocal left
        left -= 1
        return left == 0

    return is_it


def saying(text: bytes) -> Wanted:
    """Wait for a message with this in it."""
    return lambda message: text in message


def _length(waiting: bytes, *, is_started: bool) -> int | None:
    """Tell how long the first message is; None where not all of it is there."""
    at = 1 if is_started else 0  # The first message has no type.
    if len(waiting) < (_HEAD if is_started else _STARTUP_HEAD):
        return None
    length: int = at + struct.unpack_from("!I", waiting, at)[0]
    return length if len(waiting) >= length else None


def _address(server: str) -> str | tuple[str, int]:
    parts = urlsplit(server)
    host = parts.hostname or parse_qs(parts.query).get("host", ["/var/run/postgresql"])[0]
    port = parts.port or int(parse_qs(parts.query).get("port", ["5432"])[0])
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        one.close()
