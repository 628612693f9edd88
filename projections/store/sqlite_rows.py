"""Layer: projections. The SQL seam as SQLite speaks it: lists and keys go in as one JSON text."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

import msgspec

from projections.store import statements
from projections.store.port import Mark, UnusableProjections
from projections.store.statements import Dialect
from projections.store.tables import INTEGER, RECORD, ColumnType, Newest, ReadModel, RecordKey, Row, Table

_ROWS: Final = 1_000_000  # What the planner is told; ratios are what counts.
_DISTINCT: Final = {"account": 2, "object_type": 4, "kind": 4, "one_type": 4, "other_type": 4}
Step: TypeAlias = Callable[[str], None]  # Told the name of each step when it is done, so that tests can stop there.
_LIST: Final = re.compile(r"\bIN :(\w+)")
_encode: Final = msgspec.json.Encoder().encode

CREATE_MARK: Final = (
    "CREATE TABLE read_side (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL, stream TEXT NOT NULL,"
    " recorded_at TEXT NOT NULL) STRICT"
)
FIRST_MARK: Final = "INSERT INTO read_side VALUES (1, 0, '', '')"
SELECT_MARK: Final = "SELECT position, stream, recorded_at FROM read_side"
MOVE_MARK: Final = "UPDATE read_side SET position = ?, stream = ?, recorded_at = ?"


def nothing(_step: str) -> None:
    """Go on."""


def create_statements(model: ReadModel) -> Iterator[str]:
    """Write the tables, indexes and views of a generation."""
    yield CREATE_MARK
    yield FIRST_MARK
    yield "ANALYZE"  # Makes the table of statistics.
    for table in model.tables:
        yield from statements.create_table(table, DIALECT)
        yield from _statistics(table)
    yield from statements.create_views(model.views)


def _is_rowid(table: Table) -> bool:
    """Whether the key is a single number: SQLite keeps rows by it as they are."""
    return [table.columns[name] for name in table.key] == [INTEGER]


def _statistics(table: Table) -> Iterator[str]:
    """Tell the planner how selective keys are, before there are rows and whatever rows there will be.

    Left to itself it takes an account to be as selective as a record, and reads all of the account's rows.
    """
    by_key = f"sqlite_autoindex_{table.name}_1" if table.is_wide else table.name
    keys = {by_key: table.key, **{f"{table.name}_{at}": one.columns for at, one in enumerate(table.indexes)}}
    for name, columns in keys.items():
        if columns == table.key and _is_rowid(table):
            continue
        rows = _ROWS
        spread = []
        for column in columns:
            rows = max(1, rows // _DISTINCT.get(column, _ROWS // 10))
            spread.append(rows)
        yield f"INSERT INTO sqlite_stat1 VALUES ('{table.name}', '{name}', '{_ROWS} {' '.join(map(str, spread))}')"  # noqa: S608


def _column(kind: ColumnType) -> str:
    return kind.split()[0].upper() + ("" if kind.endswith("null") else " NOT NULL")


def _options(table: Table) -> str:
    return "STRICT" if table.is_wide or _is_rowid(table) else "STRICT, WITHOUT ROWID"


DIALECT: Final = Dialect(
    column=_column,
    options=_options,
    values=lambda columns: f"VALUES ({', '.join('?' * columns)})",
    keys=lambda _columns: "json_each(:keys) k",
    key=lambda at: f"json_extract(k.value, '$[{at}]')",
)


@lru_cache(maxsize=512)
def in_sqlite(sql: str) -> str:
    """Write portable SQL as SQLite takes it."""
    return _LIST.sub(r"IN (SELECT value FROM json_each(:\1))", sql)


@lru_cache(maxsize=64)
def _newest(table: str, columns: tuple[str, ...], order: tuple[str, ...], only: str) -> str:
    wanted = ", ".join(f"t.{name}" for name in columns)
    of_key = " AND ".join(f"{{}}.{name} = json_extract(k.value, '$[{at}]')" for at, name in enumerate(RECORD))
    also = f" AND {in_sqlite(only)}" if only else ""
    newest = ", ".join(f"{name} DESC" for name in order)
    return (
        f"SELECT {wanted} FROM json_each(:keys) k CROSS JOIN {table} t"  # noqa: S608  names of tables and columns
        f" WHERE {of_key.replace('{}', 't')} AND ({', '.join(order)}) IN (SELECT {', '.join(order)} FROM {table} u"
        f" WHERE {of_key.replace('{}', 'u')}{also} ORDER BY {newest} LIMIT :limit)"
    )


class SqliteRows:
    """One transaction or snapshot of a generation's file."""

    def __init__(self, connection: sqlite3.Connection, location: str, step: Step = nothing) -> None:
        """Read and write through this connection; `step` is told of every statement that wrote."""
        self._connection = connection
        self._location = location
        self._step = step
        self._writes: dict[str, str] = {}

    def select(self, sql: str, /, **params: object) -> list[tuple[Any, ...]]:
        """Run a query; `IN :name` takes a list."""
        return self._connection.execute(in_sqlite(sql), _bound(params)).fetchall()

    def by_keys(
        self,
        table: Table,
        columns: Sequence[str],
        on: Sequence[str],
        keys: Iterable[Row],
        only: str = "",
        /,
        **params: object,
    ) -> list[tuple[Any, ...]]:
        """Look up rows by key, in one query."""
        wanted = keys if isinstance(keys, list) else list(keys)
        if not wanted:
            return []
        sql = in_sqlite(statements.by_keys(table.name, tuple(columns), tuple(on), only, DIALECT))
        return self._connection.execute(sql, {"keys": _encode(wanted).decode(), **_bound(params)}).fetchall()

    def newest_of_records(
        self,
        table: Table,
        columns: Sequence[str],
        records: Iterable[RecordKey],
        newest: Newest,
        only: str,
        /,
        **params: object,
    ) -> list[tuple[Any, ...]]:
        """Look up each record's newest rows, in one query."""
        wanted = list(records)
        if not wanted:
            return []
        sql = _newest(table.name, tuple(columns), newest.order, only)
        bound = {"keys": _encode(wanted).decode(), "limit": newest.limit, **_bound(params)}
        return self._connection.execute(sql, bound).fetchall()

    def scan(self, table: Table) -> Iterator[tuple[Any, ...]]:
        """Go through a table in the order of its key."""
        yield from self._connection.execute(statements.scan(table))

    def write(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows, or replace those of the same key."""
        sql = self._writes.get(table.name)
        if sql is None:
            sql = self._writes[table.name] = statements.write(table, DIALECT)
        try:
            self._connection.executemany(sql, rows)
        except sqlite3.OperationalError as error:  # No room, no rights: of the file, not of an event.
            raise UnusableProjections(self._location, str(error)) from error
        self._step("rows written")

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """Delete the rows of these keys."""
        if keys:
            met = " AND ".join(f"{name} = ?" for name in table.key)
            self._connection.executemany(f"DELETE FROM {table.name} WHERE {met}", keys)  # noqa: S608

    def mark(self) -> Mark:
        """Return how far the generation is."""
        return Mark(*self._connection.execute(SELECT_MARK).fetchone())

    def move(self, mark: Mark) -> None:
        """Store how far it is now."""
        self._connection.execute(MOVE_MARK, mark)
        self._step("position moved")


def _bound(params: dict[str, object]) -> dict[str, object]:
    return {name: _encode(v).decode() if isinstance(v, list | tuple | set) else v for name, v in params.items()}
