"""Layer: tests. Where the contract suite keeps a ledger on PostgreSQL: a database of its own."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg

from ledger.store.port import Store
from ledger.store.postgres.store import PostgresStore
from tests.postgres.server import run_sql

# A claim that was released leaves a row behind, for those at work.
INDEXES: Final = {
    "claims": "SELECT account, kind, value, object_type, record_id, position FROM claims WHERE held",
    "lineage_members": "SELECT * FROM lineage_members",
    "lineages": "SELECT * FROM lineages",
}


class PostgresPlace:
    """A database."""

    driver_error: type[Exception] = psycopg.Error

    def __init__(self, new_database: Callable[[], str]) -> None:
        self._new_database = new_database
        self.url = new_database()

    def open(self, clock: Callable[[], datetime], step: Callable[[str], None] | None = None) -> Store:
        return PostgresStore(self.url, clock=clock, step=step or (lambda _: None))

    def inspect(self) -> Store:
        return PostgresStore(self.url, inspect=True)

    def sql(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return run_sql(self.url, statement.replace("?", "%s"), parameters)

    def indexes(self) -> dict[str, list[tuple[Any, ...]]]:
        return {name: sorted(self.sql(select)) for name, select in INDEXES.items()}

    def another(self) -> "PostgresPlace":
        return PostgresPlace(self._new_database)
