"""Layer: tests. Where the contract suite keeps its ledgers: one class a store, the tests are the same for all.

A new store joins by a class here and a line in `PLACES`.
"""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol, cast

from domain.language.commands import AnyCommand, Command, Envelope
from ledger.store.port import Store
from ledger.store.sqlite.store import SqliteStore

Clock = Callable[[], datetime]
Step = Callable[[str], None]
INDEXES: Final = ("claims", "lineage_members", "lineages")
START: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Place(Protocol):
    """A place for one ledger, made when it is first opened."""

    def open(self, clock: Clock, step: Step | None = None) -> Store:
        """Open the ledger there, or make it."""

    def inspect(self) -> Store:
        """Open the ledger there though it is damaged."""

    def sql(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement past the ledger, and commit; raises the driver's error."""

    def another(self) -> "Place":
        """Name another place beside this one."""

    def indexes(self) -> dict[str, list[tuple[Any, ...]]]:
        """Dump claims and lineages as they are kept, sorted."""

    driver_error: type[Exception]


class SqlitePlace:
    """A file."""

    driver_error: type[Exception] = sqlite3.Error

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "ledger.db"

    def open(self, clock: Clock, step: Step | None = None) -> Store:
        return SqliteStore(self.path, create=True, clock=clock, step=step or (lambda _: None))

    def inspect(self) -> Store:
        return SqliteStore(self.path, create=False, inspect=True)

    def sql(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            return connection.execute(statement, parameters).fetchall()
        finally:
            connection.close()

    def indexes(self) -> dict[str, list[tuple[Any, ...]]]:
        return {table: sorted(self.sql(f"SELECT * FROM {table}")) for table in INDEXES}  # noqa: S608  names of ours

    def another(self) -> "SqlitePlace":
        folder = self._folder / "another"
        folder.mkdir()
        return SqlitePlace(folder)


PLACES: Final[dict[str, Callable[[Path], Place]]] = {"sqlite": SqlitePlace}


class TickingClock:
    """A clock that goes on by a second whenever somebody looks, until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def batch(*commands: Command) -> list[Envelope]:
    """Send these together."""
    return [Envelope(cast("AnyCommand", command)) for command in commands]
