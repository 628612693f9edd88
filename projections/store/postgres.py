"""Layer: projections. The read models in the ledger's own PostgreSQL database: each generation a schema.

One row says which generation is live, and whoever reads looks it up in the snapshot that it reads by.
The row of a generation's position is locked for the whole page: it is the lease, and a crash lets go of
it. For whoever reads by SQL the schema `merge_ledger_read` has a view of every table that is live.

Tables are made and dropped by functions that the ledger's owner made (`projections.store.postgres_schema`):
whoever projects writes rows, and can put nothing of its own between a reader and what is read.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from psycopg import errors

from ledger.store.postgres.connection import Connection, Connections, Server, Timeouts
from ledger.store.postgres.errors import MissingRights
from projections.store.port import (
    Generation,
    NotPrepared,
    NotProjected,
    Numbers,
    OutdatedProjections,
    Snapshot,
    Stale,
    UnusableProjections,
    WritableRows,
)
from projections.store.postgres_rows import LOCK_MARK, SELECT_MARK, PostgresRows
from projections.store.tables import ReadModel

_IS_THERE: Final = "SELECT to_regclass('merge_ledger_read.generations') IS NOT NULL"
_GENERATION: Final = """
    SELECT number, tables_version FROM merge_ledger_read.generations WHERE state = %s ORDER BY number DESC LIMIT 1
"""
_IS_KNOWN: Final = "SELECT FROM merge_ledger_read.generations WHERE number = %s AND state <> 'old'"
_NUMBERS: Final = """
    SELECT coalesce(max(number), 0), coalesce(max(number) FILTER (WHERE state = 'live'), 0)
    FROM merge_ledger_read.generations
"""
_ONE_AT_A_TIME: Final = "LOCK TABLE merge_ledger_read.generations IN SHARE UPDATE EXCLUSIVE MODE"
_BEGIN_GENERATION: Final = "SELECT merge_ledger_read.begin_generation(%s)"
_SHOW_LIVE: Final = "SELECT merge_ledger_read.show_live()"
_DROP_OLD: Final = "SELECT merge_ledger_read.drop_old(%s)"
_OF_STATE: Final = "SELECT number FROM merge_ledger_read.generations WHERE state = %s"
_GO_LIVE: Final = """
    UPDATE merge_ledger_read.generations SET state = CASE WHEN number = %s THEN 'live' ELSE 'old' END
"""
_NOT_PREPARED: Final = (errors.UndefinedFunction, errors.InvalidSchemaName, errors.ObjectNotInPrerequisiteState)
_GONE: Final = (errors.UndefinedTable, errors.InvalidSchemaName)
# Its commits may be lost with the machine's power: position and rows together, and they are made again.
_BEGIN_PAGE: Final = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = off"
_BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# A list is written while it is read, at the speed of whoever reads the output. A reader holds up nobody.
_MAY_PAUSE: Final = "SET LOCAL idle_in_transaction_session_timeout = '10min'"


def _schema(number: int) -> str:
    return f"merge_ledger_read_{number}"


class PostgresReadStore:
    """The read models of the ledger in one database."""

    def __init__(self, url: str, model: ReadModel, *, timeouts: Timeouts | None = None) -> None:
        """Name the database; `prepare` made it ready."""
        self.model = model
        self._server = Server(url, timeouts or Timeouts())
        self._connections = Connections(self._server)

    @property
    def location(self) -> str:
        """The database, without a password."""
        return self._server.location

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._connections.one() as connection:
                yield connection
        except MissingRights as error:  # Who may read need not be who may write.
            raise UnusableProjections(self.location, str(error)) from error

    # -- which generation

    def live(self) -> Generation | None:
        """Return the generation that readers read."""
        return self._generation("live")

    def building(self) -> Generation | None:
        """Return the generation that a rebuild is making, or left behind."""
        return self._generation("building")

    def _generation(self, state: str) -> Generation | None:
        with self._connection() as connection:
            return _found(connection, state)

    def numbers(self) -> Numbers:
        """Return which generations exist, whether or not they can be used."""
        with self._connection() as connection:
            return _numbers(connection) if _is_there(connection) else Numbers(0, 0)

    def begin(self, seen: Numbers) -> Generation:
        """Make an empty generation beside the live one; see the port."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                connection.execute(_ONE_AT_A_TIME)
                if _numbers(connection) != seen:
                    raise Stale(seen)
                row = connection.execute(_BEGIN_GENERATION, [self.model.version]).fetchone()
            except _NOT_PREPARED as error:
                raise NotPrepared(self.location) from error
            connection.execute("COMMIT")
        number = int(row[0]) if row else 0
        return Generation(number, self.model.version, _schema(number))

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
        with self._connection() as connection, suppress(errors.LockNotAvailable):
            connection.execute(_SHOW_LIVE)
            for (number,) in connection.execute(_OF_STATE, ["old"]).fetchall():
                connection.execute(_DROP_OLD, [number])

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
    def snapshot(self) -> Iterator[Snapshot]:
        """Open one moment of the live generation; see the port."""
        with self._connection() as connection:
            yield self._begun(connection)

    def _begun(self, connection: Connection) -> "PostgresSnapshot":
        while True:
            connection.execute(_BEGIN_READING)
            connection.execute(_MAY_PAUSE)
            live = _found(connection, "live")
            if live is None:
                raise NotProjected(self.location)
            if live.tables_version != self.model.version:
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


def _numbers(connection: Connection) -> Numbers:
    row = connection.execute(_NUMBERS).fetchone()
    return Numbers(*row) if row else Numbers(0, 0)


def _found(connection: Connection, state: str) -> Generation | None:
    if not _is_there(connection):
        return None
    row = connection.execute(_GENERATION, [state]).fetchone()
    return None if row is None else Generation(row[0], row[1], _schema(row[0]))


def _use(connection: Connection, number: int) -> None:
    connection.execute(f"SET LOCAL search_path = pg_catalog, {_schema(number)}, pg_temp", prepare=False)
