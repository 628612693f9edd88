"""Layer: projections. The read models in the ledger's own PostgreSQL database: each generation a schema.

One row says which generation is live, and whoever reads looks it up in the snapshot that it reads by.
The row of a generation's position is locked for the whole page: it is the lease, and a crash lets go of
it. For whoever reads by SQL the schema `merge_ledger_read` has a view of every table that is live.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg import errors

from ledger.postgres_connection import Connection, Connections, Place, Timeouts
from ledger.postgres_errors import MissingRights
from projections.catalogue import TABLES, VIEWS
from projections.postgres_rows import LOCK_MARK, SELECT_MARK, PostgresRows, create_statements
from projections.store import (
    Generation,
    NotProjected,
    OutdatedProjections,
    Snapshot,
    Stale,
    UnusableProjections,
    WritableRows,
)

_CREATE_CONTROL: Final = """
    CREATE SCHEMA IF NOT EXISTS merge_ledger_read;
    CREATE TABLE IF NOT EXISTS merge_ledger_read.generations (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tables_version text NOT NULL,
        state text NOT NULL DEFAULT 'building' CHECK (state IN ('building', 'live', 'old'))
    )
"""
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('merge_ledger generations'))"
_IS_THERE: Final = "SELECT to_regclass('merge_ledger_read.generations') IS NOT NULL"
_GENERATION: Final = """
    SELECT number, tables_version FROM merge_ledger_read.generations WHERE state = %s ORDER BY number DESC LIMIT 1
"""
_IS_KNOWN: Final = "SELECT FROM merge_ledger_read.generations WHERE number = %s AND state <> 'old'"
_INSERT: Final = "INSERT INTO merge_ledger_read.generations (tables_version) VALUES (%s) RETURNING number"
_FORGET: Final = "DELETE FROM merge_ledger_read.generations WHERE number = %s"
_OF_STATE: Final = "SELECT number FROM merge_ledger_read.generations WHERE state = %s"
_GO_LIVE: Final = """
    UPDATE merge_ledger_read.generations SET state = CASE WHEN number = %s THEN 'live' ELSE 'old' END
"""
_GONE: Final = (errors.UndefinedTable, errors.InvalidSchemaName)
# Its commits may be lost with the machine's power: position and rows together, and they are made again.
_BEGIN_PAGE: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = off"
_BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# A list is written while it is read, at the speed of whoever reads the output. A reader holds up nobody.
_MAY_PAUSE: Final = "SET LOCAL idle_in_transaction_session_timeout = '10min'"
_DROP_WAIT: Final = "SET LOCAL lock_timeout = '1s'"


def _schema(number: int) -> str:
    return f"merge_ledger_read_{number}"


class PostgresReadStore:
    """The read models of the ledger in one database."""

    def __init__(self, url: str, *, timeouts: Timeouts | None = None) -> None:
        """Name the database; nothing is made before something is projected."""
        self._place = Place(url, timeouts or Timeouts())
        self._connections = Connections(self._place)

    @property
    def location(self) -> str:
        """The database, without a password."""
        return self._place.location

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._connections.one() as connection:
                yield connection
        except MissingRights as error:  # Who may read need not be who may write.
            raise UnusableProjections(self.location, str(error)) from error

    # -- which generation

    def live(self) -> Generation | None:
        """Tell the generation that readers read."""
        return self._generation("live")

    def building(self) -> Generation | None:
        """Tell the generation that a rebuild is making, or left behind."""
        return self._generation("building")

    def _generation(self, state: str) -> Generation | None:
        with self._connection() as connection:
            return _found(connection, state)

    def begin(self, tables_version: str) -> Generation:
        """Make an empty generation beside the live one, in place of any other that is not live."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            connection.execute(_ONE_AT_A_TIME)
            if not _is_there(connection):
                connection.execute(_CREATE_CONTROL, prepare=False)
            for (number,) in connection.execute(_OF_STATE, ["building"]).fetchall():
                _drop(connection, number)
            row = connection.execute(_INSERT, [tables_version]).fetchone()
            number = int(row[0]) if row else 0
            connection.execute(f"CREATE SCHEMA {_schema(number)}")
            _use(connection, number)
            for statement in create_statements(TABLES, VIEWS):
                connection.execute(statement.encode())
            connection.execute("COMMIT")
        return Generation(number, tables_version, _schema(number))

    def go_live(self, generation: Generation) -> None:
        """Let readers read this generation from now on."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            connection.execute(_GO_LIVE, [generation.number])
            connection.execute("COMMIT")

    def drop_old(self) -> None:
        """Show the live generation to whoever reads by SQL, and delete those that were live before.

        Whoever reads one goes on reading: it is deleted the next time.
        """
        with self._connection() as connection:
            live = _found(connection, "live")
            try:
                if live is not None:
                    _show(connection, live.number)
                for (number,) in connection.execute(_OF_STATE, ["old"]).fetchall():
                    connection.execute("BEGIN")
                    connection.execute(_DROP_WAIT)
                    connection.execute(_ONE_AT_A_TIME)
                    _use(connection, number)
                    connection.execute("LOCK TABLE read_side IN ACCESS EXCLUSIVE MODE NOWAIT")
                    _drop(connection, number)
                    connection.execute("COMMIT")
            except (errors.LockNotAvailable, *_GONE):
                connection.rollback()

    # -- writing

    @contextmanager
    def page(self, generation: Generation) -> Iterator[WritableRows]:
        """Open the transaction of one page; see the port."""
        with self._connection() as connection:
            connection.execute(_BEGIN_PAGE, prepare=False)
            try:
                _use(connection, generation.number)
                mark = connection.execute(LOCK_MARK).fetchone()
                known = connection.execute(_IS_KNOWN, [generation.number]).rowcount
            except _GONE as error:
                raise Stale(generation) from error
            if mark is None or not known:
                raise Stale(generation)
            yield PostgresRows(connection, self.location, has_escapes=mark[3])
            connection.execute("COMMIT")

    # -- reading

    @contextmanager
    def snapshot(self, tables_version: str) -> Iterator[Snapshot]:
        """Open one moment of the live generation; see the port."""
        with self._connection() as connection:
            yield self._begun(connection, tables_version)

    def _begun(self, connection: Connection, tables_version: str) -> "PostgresSnapshot":
        while True:
            connection.execute(_BEGIN_READING)
            connection.execute(_MAY_PAUSE)
            live = _found(connection, "live")
            if live is None:
                raise NotProjected(self.location)
            if live.tables_version != tables_version:
                raise OutdatedProjections(self.location)
            try:
                _use(connection, live.number)
                mark = connection.execute(SELECT_MARK).fetchone()  # Keeps it from being deleted, too.
            except _GONE:  # Another went live, and this one was deleted before we touched it.
                connection.rollback()
                continue
            return PostgresSnapshot(connection, live, self.location, has_escapes=bool(mark and mark[3]))

    def close(self) -> None:
        """Let go of the server."""
        self._connections.close()


class PostgresSnapshot(PostgresRows):
    """One moment of a generation."""

    def __init__(self, connection: Connection, generation: Generation, location: str, *, has_escapes: bool) -> None:
        """Read in the transaction that this connection is in."""
        super().__init__(connection, location, has_escapes=has_escapes)
        self.generation = generation


def _is_there(connection: Connection) -> bool:
    row = connection.execute(_IS_THERE).fetchone()
    return bool(row and row[0])


def _found(connection: Connection, state: str) -> Generation | None:
    if not _is_there(connection):
        return None
    row = connection.execute(_GENERATION, [state]).fetchone()
    return None if row is None else Generation(row[0], row[1], _schema(row[0]))


def _use(connection: Connection, number: int) -> None:
    connection.execute(f"SET LOCAL search_path = {_schema(number)}", prepare=False)


def _drop(connection: Connection, number: int) -> None:
    connection.execute(f"DROP SCHEMA IF EXISTS {_schema(number)} CASCADE", prepare=False)
    connection.execute(_FORGET, [number])


def _show(connection: Connection, number: int) -> None:
    """Let the views of `merge_ledger_read` show this generation, if they do not yet."""
    connection.execute("BEGIN")
    connection.execute(_DROP_WAIT)
    connection.execute(_ONE_AT_A_TIME)
    for name in (*(table.name for table in TABLES), *(view.name for view in VIEWS)):
        connection.execute(f"DROP VIEW IF EXISTS merge_ledger_read.{name}", prepare=False)
        connection.execute(
            f"CREATE VIEW merge_ledger_read.{name} AS SELECT * FROM {_schema(number)}.{name}",  # noqa: S608  ours
            prepare=False,
        )
    connection.execute("COMMIT")
