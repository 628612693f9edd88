"""Layer: projections. The read model in SQLite: each generation a file beside the ledger's, and one row that is live.

`ledger.db` has `ledger.db.projections.db`, whose table `generations` has the one live row, and
`ledger.db.projections-<number>.db`. Nothing here is worth a backup: all of it follows from the ledger.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from projections.store.port import (
    Generation,
    NotProjected,
    Numbers,
    OutdatedProjections,
    Snapshot,
    Stale,
    UnusableProjections,
    WritableRows,
)
from projections.store.sqlite_files import MARK_AS_OURS, ReadSideFiles
from projections.store.sqlite_rows import SqliteRows, Step, create_statements, nothing
from projections.store.tables import ReadModel

_CACHE_KIB: Final = 32 * 1024  # Full after some 45,000 events. A larger one made no rebuild faster, and grew on.
CREATE_GENERATIONS: Final = (
    "CREATE TABLE IF NOT EXISTS generations (number INTEGER PRIMARY KEY AUTOINCREMENT, tables_version TEXT NOT NULL,"
    " file TEXT NOT NULL DEFAULT '', state TEXT NOT NULL DEFAULT 'building')"
)
SELECT_GENERATION: Final = (
    "SELECT number, tables_version, file FROM generations WHERE state = ? ORDER BY number DESC LIMIT 1"
)
IS_KNOWN: Final = "SELECT 1 FROM generations WHERE number = ? AND state <> 'old'"
SELECT_NUMBERS: Final = (
    "SELECT coalesce(max(number), 0), coalesce(max(number) FILTER (WHERE state = 'live'), 0) FROM generations"
)
HAS_TABLES: Final = "SELECT 1 FROM sqlite_schema LIMIT 1"
INSERT_GENERATION: Final = "INSERT INTO generations (tables_version) VALUES (?) RETURNING number"
NAME_FILE: Final = "UPDATE generations SET file = ? WHERE number = ?"
GO_LIVE: Final = "UPDATE generations SET state = CASE WHEN number = ? THEN 'live' ELSE 'old' END"
DROP: Final = "DELETE FROM generations WHERE state = 'old' OR state = ? RETURNING number"


class SqliteReadStore:
    """The read models beside one ledger file."""

    def __init__(self, ledger_path: str | Path, model: ReadModel, *, step: Step = nothing) -> None:
        """Name the files; nothing is made before something is projected."""
        self.model = model
        self._step = step
        self._files = ReadSideFiles(ledger_path)
        self._writing: dict[int, sqlite3.Connection] = {}

    @property
    def location(self) -> str:
        """The file that says which generation is live."""
        return self._files.location

    # -- which generation

    def live(self) -> Generation | None:
        """Return the generation that readers read."""
        return self._generation("live")

    def building(self) -> Generation | None:
        """Return the generation that a rebuild is making, or left behind."""
        return self._generation("building")

    def _generation(self, state: str) -> Generation | None:
        if not self._files.control.exists():
            return None
        with self._control_connection() as control:
            found = control.execute(SELECT_GENERATION, (state,)).fetchone()
        if found is None:
            return None
        generation = self._files.generation(found[0], found[1])
        if found[2] != Path(generation.location).name:
            why = f"generation {found[0]} of it names another file than its own"
            raise UnusableProjections(self.location, why)
        return generation if Path(generation.location).exists() else None

    @contextmanager
    def _control_connection(self) -> Iterator[sqlite3.Connection]:
        """Open the file of generations. What is done in it is one transaction."""
        with self._explained():
            connection = self._files.connect(self._files.control)
        try:
            with self._explained():
                if connection.execute(HAS_TABLES).fetchone() is None:
                    connection.execute(MARK_AS_OURS)
                connection.execute(CREATE_GENERATIONS)
                yield connection
        finally:
            connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise UnusableProjections(self.location, str(error)) from error

    def numbers(self) -> Numbers:
        """Return which generations exist, whether or not they can be used."""
        if not self._files.control.exists():
            return Numbers(0, 0)
        with self._control_connection() as control:
            return Numbers(*control.execute(SELECT_NUMBERS).fetchone())

    def begin(self, seen: Numbers) -> Generation:
        """Make an empty generation beside the live one; see the port."""
        with self._control_connection() as control:
            control.execute("BEGIN IMMEDIATE")
            if control.execute(SELECT_NUMBERS).fetchone() != seen:
                raise Stale(seen)
            left_behind = control.execute(DROP, ("building",)).fetchall()
            (number,) = control.execute(INSERT_GENERATION, (self.model.version,)).fetchone()
            generation = self._files.generation(number, self.model.version)
            control.execute(NAME_FILE, (Path(generation.location).name, number))
            self._step("generation named")
            self._drop((*left_behind, (number,)))  # A file that no row speaks of may be left from a crash.
            # Pages get a connection of their own: what the planner is told is read when one is opened.
            with closing(self._open(generation)) as connection:
                connection.execute("BEGIN")
                connection.execute(MARK_AS_OURS)
                for statement in create_statements(self.model):
                    connection.execute(statement)
                connection.execute("COMMIT")
            self._step("tables made")
            control.execute("COMMIT")
        self._step("generation begun")
        return generation

    def go_live(self, generation: Generation) -> None:
        """Let readers read this generation from now on."""
        with self._control_connection() as control:
            control.execute(GO_LIVE, (generation.number,))
        self._step("gone live")

    def drop_old(self) -> None:
        """Delete the generations that were live before."""
        with self._control_connection() as control:
            control.execute("BEGIN IMMEDIATE")
            self._drop(control.execute(DROP, ("old",)).fetchall())
            self._step("files deleted")
            control.execute("COMMIT")

    def _drop(self, numbers: Iterable[tuple[object]]) -> None:
        for (number,) in numbers:
            generation = self._files.generation(number, "")
            if generation.number in self._writing:
                self._writing.pop(generation.number).close()
            self._files.delete(generation)

    # -- writing

    def _open(self, generation: Generation) -> sqlite3.Connection:
        connection = self._files.connect(generation.location)
        try:
            connection.execute("PRAGMA page_size = 8192")  # Counts before the first table alone.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            connection.execute("PRAGMA wal_autocheckpoint = 4000")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def page(self, generation: Generation) -> Iterator[WritableRows]:
        """Open the transaction of one page; see the port."""
        with self._explained():
            connection = self._writing.get(generation.number)
            if connection is None:
                if not Path(generation.location).exists():
                    raise Stale(generation)
                connection = self._writing[generation.number] = self._open(generation)
            connection.execute("BEGIN IMMEDIATE")
            try:
                # Opened while another runner deleted it, it is a new and empty file.
                if not self._is_known(generation) or connection.execute(HAS_TABLES).fetchone() is None:
                    raise Stale(generation)  # noqa: TRY301  it ends the transaction
                self._step("page begun")
                yield SqliteRows(connection, generation.location, self._step)
                self._step("committing")
                connection.execute("COMMIT")
            except BaseException as error:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                if isinstance(error, Stale) or not Path(generation.location).exists():
                    self._writing.pop(generation.number).close()
                    raise Stale(generation) from error
                raise

    def _is_known(self, generation: Generation) -> bool:
        """Whether it is live or being built: one look, for it may become the one from the other meanwhile."""
        if not self._files.control.exists():
            return False
        with self._control_connection() as control:
            return control.execute(IS_KNOWN, (generation.number,)).fetchone() is not None

    # -- reading

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open one moment of the live generation; see the port."""
        connection, rows = self._begin_reading()
        try:
            with self._explained():
                yield rows
        finally:
            connection.close()

    def _begin_reading(self) -> tuple[sqlite3.Connection, "SqliteSnapshot"]:
        while True:
            live = self.live()
            if live is None:
                raise NotProjected(self.location)
            if live.tables_version != self.model.version:
                raise OutdatedProjections(self.location)
            with self._explained():
                connection = self._files.connect_to_read(live)
                try:
                    connection.execute("BEGIN")
                    rows = SqliteSnapshot(connection, live)
                    rows.mark()  # The snapshot begins with the first look.
                except sqlite3.Error:
                    connection.close()
                    if self.live() == live:
                        raise
                    continue
            if self.live() == live:  # Begun before its file was dropped, so it stays readable.
                return connection, rows
            connection.close()

    def close(self) -> None:
        """Close the files that are open for writing."""
        while self._writing:
            self._writing.popitem()[1].close()


class SqliteSnapshot(SqliteRows):
    """One moment of a generation."""

    def __init__(self, connection: sqlite3.Connection, generation: Generation) -> None:
        super().__init__(connection, generation.location)
        self.generation = generation
