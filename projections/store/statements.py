"""Layer: projections. The SQL that every store writes alike; what differs is in its Dialect."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from projections.store.tables import ColumnType, Table, View


class Dialect(NamedTuple):
    """What one database writes differently."""

    column: Callable[[ColumnType], str]  # A column's type and whether it may be null.
    options: Callable[[Table], str]  # What follows the columns of a table.
    values: Callable[[int], str]  # The rows to insert, of so many columns.
    keys: Callable[[int], str]  # The keys to look up, of so many columns, named `k`.
    key: Callable[[int], str]  # Of such a key the column at this index.


def create_table(table: Table, dialect: Dialect) -> Iterator[str]:
    """Write a table and its indexes."""
    columns = ", ".join(f"{name} {dialect.column(kind)}" for name, kind in table.columns.items())
    key = ", ".join(table.key)
    yield f"CREATE TABLE {table.name} ({columns}, PRIMARY KEY ({key})) {dialect.options(table)}"
    for at, index in enumerate(table.indexes):
        only = f" WHERE {index.only}" if index.only else ""
        yield f"CREATE INDEX {table.name}_{at} ON {table.name} ({', '.join(index.columns)}){only}"


def create_views(views: Iterable[View]) -> Iterator[str]:
    """Write views, which read alike everywhere."""
    for view in views:
        yield f"CREATE VIEW {view.name} ({', '.join(view.columns)}) AS {view.select}"


@lru_cache(maxsize=512)
def by_keys(table: str, columns: tuple[str, ...], on: tuple[str, ...], only: str, dialect: Dialect) -> str:
    """Look rows up by keys. CROSS JOIN keeps the keys outside in SQLite: each is one look-up in an index."""
    wanted = ", ".join(f"t.{name}" for name in columns)
    met = _met(on, dialect)
    also = f" AND {only}" if only else ""
    return f"SELECT {wanted} FROM {dialect.keys(len(on))} CROSS JOIN {table} t WHERE {met}{also}"  # noqa: S608  names


def _met(on: Iterable[str], dialect: Dialect) -> str:
    return " AND ".join(f"t.{name} = {dialect.key(at)}" for at, name in enumerate(on))


def write(table: Table, dialect: Dialect) -> str:
    """Insert rows, or replace those of the same key; rows of a log are only added."""
    columns = ", ".join(table.columns)
    insert = f"INSERT INTO {table.name} ({columns}) {dialect.values(len(table.columns))}"
    rest = [name for name in table.columns if name not in table.key]
    if table.is_log or not rest:
        return insert
    changed = ", ".join(f"{name} = excluded.{name}" for name in rest)
    return f"{insert} ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {changed}"


def scan(table: Table) -> str:
    """Read a table in the order of its key."""
    return f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {', '.join(table.key)}"  # noqa: S608  names
