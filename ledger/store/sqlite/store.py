"""Layer: ledger. Keeps the ledger in one SQLite file: the embedded default, with every feature.

One writer at a time, excluded from the first load to the commit; readers see the last commit and
wait for nobody. A commit is on the disk when it returns (`synchronous=FULL`).
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ledger.store.damage import Damaged, DamagedDatabase, LostLedger
from ledger.store.port import (
    MissingDatabase,
    ReadOnlyDatabase,
    StoreUnusable,
    UnreachableDatabase,
)
from ledger.store.sqlite.checks import damage, has_tables, one_moment, pragma, schema_of
from ledger.store.sqlite.errors import FailedStatement, OldSqlite, unusable
from ledger.store.sqlite.files import (
    is_filled,
    is_read_model,
    ledger_file,
    make_private,
    read_side_file,
    write_ahead_log,
)
from ledger.store.sqlite.schema import SCHEMA, SCHEMA_VERSION, is_as_made, upgrade
from ledger.store.sqlite.unit import SqliteSnapshot, SqliteUnit

BUSY_TIMEOUT_MS: Final = 5_000
FULL_SYNC: Final = "PRAGMA synchronous = FULL"
WAL: Final = "PRAGMA journal_mode = WAL"
# A batch of merges is 7 MB: by default each commit would copy all of it back at once, and again the pages of
# the indexes, which every batch changes. 32 MB of log and of cache take a tenth off a merge; more cache would go on
# filling, and look like a leak, for hundred thousands of events.
ROOM_TO_WRITE: Final = ("PRAGMA wal_autocheckpoint = 8000", "PRAGMA cache_size = -32768")
SYNCHRONOUS_FULL: Final = 2  # NORMAL lost acknowledged commits in power cuts, OFF broke the file.
_IMMUTABLE: Final = "mode=ro&immutable=1"
_SQLITE_MIN: Final = (3, 38, 0)  # The first with the operator `->>`.


def _nothing(_step: str) -> None:
    """Go on."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqliteStore:
    """One SQLite file."""

    schema_version: int = SCHEMA_VERSION

    def __init__(  # noqa: PLR0913  options of one file
        self,
        path: str | Path,
        *,
        create: bool,
        read_only: bool = False,
        inspect: bool = False,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
        clock: Callable[[], datetime] = _utc_now,
        step: Callable[[str], None] = _nothing,
    ) -> None:
        """Open the file, or with `create` make it. Raises StoreUnusable.

        With `inspect` damage that can be lived with is no error: it is in `findings`.
        `step` is told the name of each step of an append when it is done, so that tests can stop it there.
        """
        self.location = str(path)
        self._path = Path(path)
        self._read_only = read_only
        self._inspect = inspect
        self.findings: list[Damaged] = []
        self._busy_timeout_ms = busy_timeout_ms
        self._clock = clock
        self._step = step
        self._idle: list[sqlite3.Connection] = []  # For reading; append and pop are atomic.
        self._write_lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._is_closed = False
        self._reading = "mode=ro" if read_only else "mode=rw"
        self._opened: tuple[int, ...] | None = None
        if sqlite3.sqlite_version_info < _SQLITE_MIN:
            raise OldSqlite(sqlite3.sqlite_version, ".".join(map(str, _SQLITE_MIN)))
        self.is_new = False
        with self._telling():
            left = self._left_behind()
            if create and not read_only:
                self._create(left)
            elif not self._path.exists():
                raise MissingDatabase(self.location)
            self._idle.append(self._open_checked())

    def wait(self, timeout_s: float) -> bool:
        """Wait for the time: a file tells nobody that it has grown."""
        time.sleep(timeout_s)
        return True

    def now(self) -> None:
        """There is no server, and no clock but ours."""

    @contextmanager
    def reading(self) -> Iterator[SqliteSnapshot]:
        """Open one moment for reading."""
        with self._telling():
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect(self._reading)
            try:
                connection.execute("BEGIN")
                yield SqliteSnapshot(connection)
            finally:
                connection.rollback()
                self._idle.append(connection)
                if self._is_closed:  # Meanwhile, in another thread.
                    self._close_idle()

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[SqliteUnit]:  # noqa: ARG002  it always is
        """Open a unit of work; nobody else writes until it has ended."""
        if self._read_only:
            raise ReadOnlyDatabase(self.location)
        with self._write_lock, self._telling():
            if self._writer is None:
                self._writer = self._connect("mode=rw", WAL, *ROOM_TO_WRITE)
            connection = self._writer
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._step("begun")
                yield SqliteUnit(connection, self._clock, self._step)
                self._step("committing")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # A full disk ends it by itself.
                    connection.rollback()
                raise
            self._step("committed")

    def close(self) -> None:
        """Let go of the file; a read that is under way ends first, and closes its own connection."""
        self._is_closed = True
        with self._write_lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self._close_idle()

    def _close_idle(self) -> None:
        with suppress(IndexError):  # Empty, or emptied by another thread.
            while True:
                self._idle.pop().close()

    def _connect(self, mode: str, *statements: str) -> sqlite3.Connection:
        """Open a connection and run these on it; it is closed where that fails."""
        connection = sqlite3.connect(
            f"file:{quote(str(self._path))}?{mode}",
            uri=True,
            timeout=self._busy_timeout_ms / 1_000,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for statement in (FULL_SYNC, *statements):
                connection.execute(statement)
            self._promise(connection, wal=WAL in statements)
        except BaseException:
            connection.close()
            raise
        return connection

    def _promise(self, connection: sqlite3.Connection, *, wal: bool) -> None:
        """Make sure that a commit is on the disk when it returns, and that readers do not wait for writers."""
        if pragma(connection, "synchronous") != SYNCHRONOUS_FULL:
            raise UnreachableDatabase(self.location, "SQLite does not take synchronous=FULL")
        if wal and pragma(connection, "journal_mode") != "wal":
            raise UnreachableDatabase(self.location, "its disk cannot hold a write-ahead log")

    def _left_behind(self) -> Path | None:
        """Name the read model beside the file, if there is one. Raises LostLedger where the file itself is not.

        What is beside the file is looked at first: whoever made that had made the file before.
        """
        file = ledger_file(self._path)
        beside, log = read_side_file(file), write_ahead_log(file)
        has_read_side = is_read_model(beside)
        if (has_read_side or is_filled(log)) and not is_filled(file):
            left = beside if has_read_side else log
            raise LostLedger(self.location, "empty" if file.exists() else "gone", left.name)
        return beside if has_read_side else None

    def _create(self, read_side: Path | None) -> None:
        """Make the file and its tables, where they are not there yet; two at once end with one ledger."""
        if not self._path.parent.is_dir():
            raise UnreachableDatabase(self.location, "its folder does not exist")
        try:
            make_private(ledger_file(self._path))
        except OSError as error:
            raise UnreachableDatabase(self.location, error.strerror or "it cannot be made") from error
        with closing(self._connect("mode=rw")) as connection:
            if pragma(connection, "application_id") != 0 or has_tables(connection):
                return  # Something is there; whether it is a ledger is checked next.
        with closing(self._connect("mode=rw", WAL)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not has_tables(connection):
                if read_side is not None:
                    raise LostLedger(self.location, "empty", read_side.name)
                for statement in SCHEMA:
                    connection.execute(statement)
                self.is_new = True
            self._step("tables made")
            connection.execute("COMMIT")

    def _open_checked(self) -> sqlite3.Connection:
        self._opened = self._identity()
        try:
            return self._checked(self._connect(self._reading))
        except sqlite3.OperationalError:
            log = Path(f"{self._path}-wal")
            if not self._read_only or log.exists():
                raise
        self._reading = _IMMUTABLE  # On a medium where SQLite cannot put even its index of the log.
        self._opened = self._identity()
        return self._checked(self._connect(self._reading))

    def _checked(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        try:
            if schema_of(connection, self.location) < SCHEMA_VERSION and not self._read_only:
                upgrade(connection)
            with one_moment(connection):
                self._check(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        self.findings = damage(connection, self.location)
        if self.findings and not self._inspect:
            raise self.findings[0]

    # -- what went wrong

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Say in our own words what SQLite says about a file that cannot be used."""
        try:
            yield
        except DamagedDatabase as damaged:
            raise self._sure(damaged) from damaged.__cause__
        except sqlite3.DatabaseError as error:
            raise self._sure(unusable(error, self._path, self.location)) from error
        except UnicodeDecodeError as error:  # Python cannot even read what SQLite says.
            raise self._sure(DamagedDatabase(self.location, "text that is no text")) from error

    def _sure(self, told: Exception) -> Exception:
        """Look again before a file is called damaged: whoever restores a copy loses what only the file holds."""
        is_doubtful = isinstance(told, DamagedDatabase | FailedStatement)
        if is_doubtful and self._opened not in (None, self._identity()):
            return UnreachableDatabase(self.location, "its file was replaced while it was open, so run this again")
        if not isinstance(told, FailedStatement):
            return told
        damaged = DamagedDatabase(self.location, str(told))
        try:
            with closing(self._connect(self._reading)) as connection, one_moment(connection):
                schema_of(connection, self.location)
                return told if is_as_made(connection) else damaged
        except StoreUnusable as found:
            return found
        except sqlite3.DatabaseError:
            return damaged

    def _identity(self) -> tuple[int, ...] | None:
        """Tell one file from another at the same path; one that is read as immutable also from itself, changed."""
        try:
            file = self._path.stat()
        except OSError:
            return None
        same = file.st_dev, file.st_ino
        return (*same, file.st_size, file.st_mtime_ns) if self._reading == _IMMUTABLE else same
