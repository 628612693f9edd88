"""Layer: projections. The SQL seam: what a table is, and the few things done with one.

Projections and readers speak through `Rows` alone, in SQL that every store understands: named
parameters (`:name`), lists as `IN :name`, keys of several columns through `by_keys`. Each store
writes that in its own dialect. Times are text of one width (`YYYY-MM-DDTHH:MM:SS.ffffffZ`), so that
they sort; documents are JSON text.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

ColumnType: TypeAlias = Literal["text", "text null", "integer", "integer null"]
Row: TypeAlias = Sequence[Any]
RecordKey: TypeAlias = tuple[str, str, str]  # Account, object type, record id.

TEXT: Final = "text"
TEXT_NULL: Final = "text null"
INTEGER: Final = "integer"
INTEGER_NULL: Final = "integer null"
RECORD: Final = ("account", "object_type", "record_id")

# What was so at a position; rows that end keep both.
STOOD_AT: Final = "from_position <= :at AND (to_position IS NULL OR to_position > :at)"
STILL_SO: Final = "to_position IS NULL"


class Index(NamedTuple):
    """An index over these columns, of the rows that meet `only`."""

    columns: tuple[str, ...]
    only: str = ""


class Table(NamedTuple):
    """A table of a projection. Rows are tuples in the order of `columns`; `key` begins them."""

    name: str
    columns: dict[str, ColumnType]
    key: tuple[str, ...]
    indexes: tuple[Index, ...] = ()
    is_log: bool = False  # Rows are added, never changed; a second one of the same key is a bug and fails.
    is_wide: bool = False  # Rows are large: kept apart from the key.


class View(NamedTuple):
    """A view, for whoever reads the tables by SQL."""

    name: str
    columns: tuple[str, ...]
    select: str


class ReadModel(NamedTuple):
    """All tables and views of the projections; `version` changes whenever what they hold does."""

    version: str
    tables: tuple[Table, ...]
    views: tuple[View, ...]


class Newest(NamedTuple):
    """How many rows of each record to look up, and the columns in which those are greatest."""

    order: tuple[str, ...]
    limit: int


class Rows(Protocol):
    """One transaction, or one snapshot, of the read model."""

    def select(self, sql: str, /, **params: object) -> list[tuple[Any, ...]]:
        """Run a query; `IN :name` takes a list."""
        ...

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
        """Look up rows whose `on` columns are among the keys, in one query; `only` is a further condition."""
        ...

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
        """Look up each record's newest rows of those that meet `only`, in one query and in no order."""
        ...

    def scan(self, table: Table) -> Iterator[tuple[Any, ...]]:
        """Go through a whole table in the order of its key, bytewise."""
        ...

    def write(self, table: Table, rows: Sequence[Row]) -> None:
        """Insert rows, or replace those of the same key, in one statement."""
        ...

    def delete(self, table: Table, keys: Sequence[Row]) -> None:
        """Delete the rows of these keys, those that exist."""
        ...


def by_record(rows: Iterable[tuple[Any, ...]]) -> dict[RecordKey, list[tuple[Any, ...]]]:
    """Put rows that begin with account, object type and record id in lists by these, without them."""
    found: dict[RecordKey, list[tuple[Any, ...]]] = {}
    for row in rows:
        found.setdefault((row[0], row[1], row[2]), []).append(row[3:])
    return found


def sql_time(at: datetime) -> str:
    """Write an instant as the tables keep it."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:-6] + "Z"


def read_time(text: str) -> datetime:
    """Read an instant from a table."""
    return datetime.fromisoformat(text)


_encode: Final = msgspec.json.Encoder().encode


def as_json(value: object) -> str:
    """Write a document as the tables keep it, in the order in which it came: the same for the same events, always."""
    return _encode(value).decode()
