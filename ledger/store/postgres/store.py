"""Layer: ledger. Keeps the ledger in a PostgreSQL database: several processes write at once, serialisably.

A unit of work loads without locks and notes the last position before it begins. Its append takes the
one lock there is (the row of `head`), and fails when a stream, claim or lineage that it read has
changed since; the work is then done once more under the lock, where nothing changes. Positions
are given under that lock and commit in their order, so that whoever reads up to a position has read
all there will ever be. The schema is made by `merge-ledger db init`, never on the way.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, cast

import psycopg
from psycopg import errors

from ledger.store.damage import Damaged, LostLedger
from ledger.store.port import BookmarkMoved, Conflict, NewerSchema, ReadOnlyDatabase, StoreUnusable
from ledger.store.postgres.connection import CONNECTIONS_MAX, Connection, Connections, Server, Timeouts
from ledger.store.postgres.errors import NoSchema, NotUtf8, OlderSchema
from ledger.store.postgres.guard import findings
from ledger.store.postgres.schema import SCHEMA_VERSION, STEPS
from ledger.store.postgres.snapshot import LAST, PostgresSnapshot
from ledger.store.postgres.unit import Began, PostgresUnit

_BEGIN: Final = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; {LAST}"
_BEGIN_ALONE: Final = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT merge_ledger.keep_others_out(); {LAST}"
_BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_NOW: Final = "SELECT clock_timestamp()"
_SCHEMA_VERSION: Final = "SELECT version FROM merge_ledger.schema_version"
# A lock that needs the right to change the table: an advisory lock is anybody's to hold, and so to keep from others.
# Whoever reads the table does not hold it up.
ONE_AT_A_TIME: Final = "LOCK TABLE merge_ledger.schema_version IN SHARE ROW EXCLUSIVE MODE"


def _nothing(_step: str) -> None:
    """Go on."""


class PostgresStore:
    """One PostgreSQL database."""

    schema_version: int = SCHEMA_VERSION
    is_new: bool = False  # Opening never makes one.

    def __init__(  # noqa: PLR0913  options of one server
        self,
        url: str,
        *,
        read_only: bool = False,
        inspect: bool = False,
        timeouts: Timeouts | None = None,
        connections_max: int = CONNECTIONS_MAX,
        clock: Callable[[], datetime] | None = None,
        step: Callable[[str], None] = _nothing,
    ) -> None:
        """Connect, and look whether there is a ledger that this version knows. Raises StoreUnusable.

        With `inspect` damage that can be lived with is no error: it is in `findings`.
        `clock` tells when events are recorded, instead of the server's.
        `step` is told the name of each step of an append when it is done, so that tests can stop it there.
        """
        self._server = Server(url, timeouts or Timeouts(), read_only=read_only)
        self.location = self._server.location
        self._read_only = read_only
        self._clock = clock
        self._step = step
        self.findings = check_schema(self._server)
        if self.findings and not inspect:
            raise self.findings[0]
        self._connections = Connections(self._server, connections_max)
        self._listener: Connection | None = None
        self._listening = threading.Lock()

    def now(self) -> datetime:
        """Tell the time by the clock of the server."""
        with self._connections.one() as connection:
            row = connection.execute(_NOW).fetchone()
            return row[0] if row else datetime.min.replace(tzinfo=UTC)

    @contextmanager
    def reading(self) -> Iterator[PostgresSnapshot]:
        """Open one moment for reading."""
        with self._connections.one() as connection:
            connection.execute(_BEGIN_READING, prepare=False)
            yield PostgresSnapshot(connection)

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[PostgresUnit]:
        """Open a unit of work. With `alone` no other commits before it has."""
        if self._read_only:
            raise ReadOnlyDatabase(self.location)
        with self._connections.one() as connection:
            cursor = connection.execute(_BEGIN_ALONE if alone else _BEGIN, prepare=False)
            while cursor.nextset():
                pass
            now, position, recorded_at = cast("tuple[datetime, int | None, datetime | None]", cursor.fetchone())
            seen = position or 0
            self._step("begun")
            try:
                yield PostgresUnit(connection, Began(seen, now, recorded_at), self._clock, self._step)
            except (Conflict, BookmarkMoved, psycopg.Error):
                raise
            except Exception as error:
                if isinstance(error, StoreUnusable) and not isinstance(error, Damaged):
                    raise
                # What was loaded piece by piece, while another committed, may contradict itself.
                if not alone and self._changed_since(connection, seen):
                    raise Conflict(str(error)) from error
                raise
            self._step("committing")
            ended = connection.execute("COMMIT", prepare=False).statusmessage
            if ended != "COMMIT":
                msg = "the append failed, and its unit of work went on as if it had not"
                raise Conflict(msg)
        self._step("committed")

    def wait(self, timeout_s: float) -> bool:
        """Wait until somebody may have appended, or the time is up: a hint, so look in any case. Raises nothing."""
        give_up_at = time.monotonic() + timeout_s
        with self._listening:
            try:
                if self._listener is None or self._listener.closed:
                    self._listener = self._server.connect()
                    self._listener.execute("LISTEN merge_ledger")
                    return True
                return any(True for _ in self._listener.notifies(timeout=timeout_s, stop_after=1))
            except (psycopg.Error, StoreUnusable):  # Who looks in any case finds out, and says so.
                time.sleep(max(0.0, give_up_at - time.monotonic()))
                return True

    def close(self) -> None:
        """Let go of the server."""
        self._connections.close()
        with self._listening:
            if self._listener is not None:
                self._listener.close()
                self._listener = None

    def _changed_since(self, connection: Connection, seen: int) -> bool:
        connection.rollback()
        return PostgresSnapshot(connection).head() != seen


def check_schema(server: Server) -> list[Damaged]:
    """Make sure that there is a ledger of the schema that this version knows; lists what is wrong with its guards."""
    connection = server.connect()
    try:
        connection.execute(_BEGIN_READING, prepare=False)
        row = connection.execute(_SCHEMA_VERSION).fetchone()
        found_of_guards = findings(connection, server.location)
    except psycopg.Error as error:
        raise server.told(error) from error
    finally:
        connection.close()
    found = int(row[0]) if row else 0
    if found > SCHEMA_VERSION:
        raise NewerSchema(server.location, found, SCHEMA_VERSION)
    if found < SCHEMA_VERSION:
        raise OlderSchema(server.location, found, SCHEMA_VERSION)
    return found_of_guards


def schema_found(connection: Connection) -> int | None:
    """Tell the version of the schema that is there; None where there is none."""
    there = connection.execute("SELECT to_regclass('merge_ledger.schema_version') IS NOT NULL").fetchone()
    if there is None or not there[0]:
        return None
    row = connection.execute(_SCHEMA_VERSION).fetchone()
    return int(row[0]) if row else 0


def _has_read_model(connection: Connection) -> bool:
    row = connection.execute("SELECT to_regclass('merge_ledger_read.generations') IS NOT NULL").fetchone()
    return bool(row and row[0])


def migrate(url: str, *, create: bool, timeouts: Timeouts | None = None) -> tuple[int, int]:
    """Bring the schema to the version that this one knows, step by step; with `create` from nothing.

    Returns the versions before and after. Two at once end with one schema. Raises StoreUnusable.
    """
    server = Server(url, timeouts or Timeouts())
    connection = server.connect()
    try:
        encoding: Any = connection.execute("SHOW server_encoding").fetchone()
        if encoding[0] != "UTF8":
            raise NotUtf8(server.location, encoding[0])
        try:
            return _migrate(connection, server.location, create=create)
        except (errors.DuplicateSchema, errors.UniqueViolation):  # Another made it since we looked.
            connection.rollback()
            return _migrate(connection, server.location, create=False)
    except psycopg.Error as error:
        raise server.told(error) from error
    finally:
        connection.close()


def _migrate(connection: Connection, location: str, *, create: bool) -> tuple[int, int]:
    connection.execute("BEGIN")
    has_read_model = _has_read_model(connection)  # Before the ledger is looked for: it is made after the ledger.
    found = schema_found(connection)
    if found is None and not create:
        raise NoSchema(location)
    if found is None and has_read_model:
        raise LostLedger(location, "gone", "the schema merge_ledger_read")
    if found is not None and found < SCHEMA_VERSION:
        connection.execute(ONE_AT_A_TIME)
        found = schema_found(connection)
    before = found or 0
    if before > SCHEMA_VERSION:
        raise NewerSchema(location, before, SCHEMA_VERSION)
    for version in range(before + 1, SCHEMA_VERSION + 1):
        connection.execute(STEPS[version].encode(), prepare=False)
        connection.execute("UPDATE merge_ledger.schema_version SET version = %s", [version])
    connection.execute("COMMIT", prepare=False)
    return before, SCHEMA_VERSION
