"""Layer: projections. The SQL seam as PostgreSQL speaks it: lists, keys and rows go in as binary arrays, one a column.

Names of tables stand alone in the SQL; the transaction's search path says of which generation they are.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import psycopg

from ledger.store.postgres.arrays import (
    Column,
    Integers,
    NullableIntegers,
    NullableTexts,
    Texts,
    read_text,
    stored_text,
)
from ledger.store.postgres.connection import Connection
from ledger.store.postgres.errors import first_line
from projections.store import statements
from projections.store.port import Mark, UnusableProjections
from projections.store.statements import Dialect
from projections.store.tables import RECORD, ColumnType, Newest, ReadModel, RecordKey, Row, Table

_LIST: Final = re.compile(r"\bIN :(\w+)")
_NAME: Final = re.compile(r"(?<!:):(\w+)")
_SCANNED_AT_ONCE: Final = 5_000
_OF_THE_DATABASE: Final = (psycopg.OperationalError, psycopg.InternalError, psycopg.errors.InsufficientPrivilege)
_PACKED: Final[dict[ColumnType, Callable[[Any], Column]]] = {
    "text": Texts,
    "text null": NullableTexts,
    "integer": Integers,
    "integer null": NullableIntegers,
}
_SQL_TYPES: Final[dict[ColumnType, str]] = {
    "text": 'text COLLATE "C" NOT NULL',
    "text null": 'text COLLATE "C"',
    "integer": "bigint NOT NULL",
    "integer null": "bigint",
}

# Rows of more than 2 KB are compressed, unless they need not be shorter: for documents that was half of their writing.
_AS_THEY_ARE: Final = "toast_tuple_target = 8160"

# `has_escapes`: some text here has a NUL, and what is read must be looked through.
CREATE_MARK: Final = (
    "CREATE TABLE read_side (one boolean PRIMARY KEY CHECK (one), position bigint NOT NULL, stream text NOT NULL,"
    " recorded_at text NOT NULL, has_escapes boolean NOT NULL)"
)
FIRST_MARK: Final = "INSERT INTO read_side VALUES (true, 0, '', '', false)"
SELECT_MARK: Final = "SELECT position, stream, recorded_at, has_escapes FROM read_side"
LOCK_MARK: Final = f"{SELECT_MARK} FOR UPDATE"
MOVE_MARK: Final = "UPDATE read_side SET position = %s, stream = %s, recorded_at = %s, has_escapes = %s"


def _keys_of(columns: int) -> str:
    names = [f"key_{at}" for at in range(columns)]
    return f"unnest({', '.join(f':{name}' for name in names)}) AS k ({', '.join(names)})"


DIALECT: Final = Dialect(
    column=_SQL_TYPES.__getitem__,
    options=lambda _table: f"WITH ({_AS_THEY_ARE})",
    values=lambda columns: f"SELECT * FROM unnest({', '.join(['%s'] * columns)})",  # noqa: S608  marks alone
    keys=_keys_of,
    key=lambda at: f"k.key_{at}",
)


def create_statements(model: ReadModel) -> Iterator[str]:
    """Write the tables, indexes and views of a generation."""
    yield CREATE_MARK
    yield FIRST_MARK
    for table in model.tables:
        yield from statements.create_table(table, DIALECT)
    yield from statements.create_views(model.views)


@lru_cache(maxsize=512)
def in_postgres(sql: str) -> bytes:
    """Write portable SQL as the driver takes it."""
    listed = _LIST.sub(r"= ANY(:\1)", sql.replace("%", "%%"))
    return _NAME.sub(r"%(\1)s", listed).encode()


@lru_cache(maxsize=64)
def _newest(table: str, columns: tuple[str, ...], order: tuple[str, ...], only: str) -> str:
    wanted = ", ".join(columns)
    of_key = " AND ".join(f"u.{name} = k.{name}" for name in RECORD)
    also = f" AND {only}" if only else ""
    newest = ", ".join(f"{name} DESC" for name in order)
    return (
        f"SELECT {', '.join(f't.{name}' for name in columns)}"  # noqa: S608  names of tables and columns
        f" FROM unnest(:key_0, :key_1, :key_2) AS k ({', '.join(RECORD)})"
        f" CROSS JOIN LATERAL (SELECT {wanted} FROM {table} u WHERE {of_key}{also} ORDER BY {newest} LIMIT :limit) AS t"
    )


class PostgresRows:
    """One transaction or snapshot of a generation."""

    def __init__(self, connection: Connection, location: str, *, has_escapes: bool) -> None:
        """Read and write through this connection, whose search path is the generation's."""
        self._connection = connection
        self._location = location
        self._has_escapes = has_escapes

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Tell a database that cannot be used from an event that cannot be folded."""
        try:
            yield
        except _OF_THE_DATABASE as error:
            raise UnusableProjections(self._location, first_line(error)) from error

    def _all(self, sql: bytes, params: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401  what the driver takes
        with self._explained():
            found = self._connection.execute(sql, params, prepare=True, binary=True).fetchall()
        return _read(found) if self._has_escapes else found

    def select(self, sql: str, /, **params: object) -> list[tuple[Any, ...]]:
        """Run a query; `IN :name` takes a list."""
        return self._all(in_postgres(sql), _bound(params))

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
        sql = in_postgres(statements.by_keys(table.name, tuple(columns), tuple(on), only, DIALECT))
        return self._all(sql, {**_keys(table, on, wanted), **_bound(params)})

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
        sql = in_postgres(_newest(table.name, tuple(columns), newest.order, only))
        return self._all(sql, {**_keys(table, RECORD, wanted), "limit": newest.limit, **_bound(params)})

    def scan(self, table: Table) -> Iterator[tuple[Any, ...]]:
        """Go through a table in the order of its key."""
        with self._explained(), self._connection.cursor("scan", binary=True) as cursor:
            cursor.execute(statements.scan(table).encode())
            while found := cursor.fetchmany(_SCANNED_AT_ONCE):
                yield from _read(found) if self._has_escapes else found

    def write(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows, or replace those of the same key."""
        if not rows:
            return
        columns = [
            self._column(kind, column)
            for kind, column in zip(table.columns.values(), zip(*rows, strict=True), strict=True)
        ]
        sql = statements.write(table, DIALECT)
        with self._explained():
            self._connection.execute(sql.encode(), columns, prepare=True)

    def _column(self, kind: ColumnType, values: Sequence[Any]) -> Column:
        if not self._has_escapes and kind.startswith("text"):
            joined = "".join([value for value in values if value is not None])
            self._has_escapes = "\0" in joined or "\1" in joined
        return _PACKED[kind](values)

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """Delete the rows of these keys."""
        if not keys:
            return
        met = " AND ".join(f"t.{name} = k.key_{at}" for at, name in enumerate(table.key))
        names = [f"key_{at}" for at in range(len(table.key))]
        asked = ", ".join(f":{name}" for name in names)
        sql = f"DELETE FROM {table.name} t USING unnest({asked}) AS k ({', '.join(names)}) WHERE {met}"  # noqa: S608
        with self._explained():
            self._connection.execute(in_postgres(sql), _keys(table, table.key, keys), prepare=True)

    def mark(self) -> Mark:
        """Return how far the generation is."""
        position, stream, recorded_at, _ = self._all(SELECT_MARK.encode(), None)[0]
        return Mark(position, stream, recorded_at)

    def move(self, mark: Mark) -> None:
        """Store how far it is now."""
        with self._explained():
            self._connection.execute(MOVE_MARK, [*mark, self._has_escapes], prepare=True)


def _read(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(read_text(one) if isinstance(one, str) else one for one in row) for row in rows]


def _keys(table: Table, on: Sequence[str], keys: Sequence[Row]) -> dict[str, Column]:
    columns = zip(on, zip(*keys, strict=True), strict=True)
    return {f"key_{at}": _PACKED[table.columns[name]](column) for at, (name, column) in enumerate(columns)}


def _bound(params: dict[str, object]) -> dict[str, object]:
    return {name: _value(v) for name, v in params.items()}


def _value(v: object) -> object:
    if isinstance(v, str):
        return stored_text(v)
    if isinstance(v, list | tuple | set):
        items = [*v]
        return Integers(items) if items and isinstance(items[0], int) else Texts(items)
    return v
