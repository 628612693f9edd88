"""Layer: projections. Rows that begin and end: folded by key in memory, written in one statement.

Such a row keeps `from_position` and `to_position` (NULL: still so), so that what stood at any
position is a filter and no replay. A table of intervals has its key's columns first, then
`from_position` (the last of the key), `to_position`, and what else is told.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

from projections.store.tables import INTEGER, INTEGER_NULL, STILL_SO, ColumnType, Index, Row, Rows, Table

Key: TypeAlias = tuple[Any, ...]


def interval_table(
    name: str, key: dict[str, ColumnType], told: dict[str, ColumnType] | None = None, indexes: tuple[Index, ...] = ()
) -> Table:
    """Define a table of intervals."""
    columns: dict[str, ColumnType] = {**key, "from_position": INTEGER, "to_position": INTEGER_NULL, **(told or {})}
    return Table(name, columns, (*key, "from_position"), indexes)


class Intervals:
    """The rows of one table that a page touches. Load first what may stand already under the keys touched."""

    def __init__(self, table: Table, rows: Rows) -> None:
        """Begin with nothing loaded."""
        self.table = table
        self._rows = rows
        self._width: Final = len(table.key) - 1
        self._standing: dict[Key, list[Any]] = {}
        self._changed: dict[Key, list[Any]] = {}

    def load(self, on: Sequence[str], keys: Iterable[Row]) -> None:
        """Load the rows that stand under these keys, which may be of some columns of the table's alone."""
        wanted = set(map(tuple, keys))
        if wanted:
            for row in self._rows.by_keys(self.table, list(self.table.columns), on, wanted, STILL_SO):
                self._standing.setdefault(row[: self._width], [*row])

    def standing(self) -> Iterable[Key]:
        """List the keys under which a row stands."""
        return self._standing

    def stands(self, key: Key) -> bool:
        """Whether a row stands under this key."""
        return key in self._standing

    def told(self, key: Key) -> list[Any]:
        """Tell what the row that stands under this key tells. Raises KeyError."""
        return self._standing[key][self._width + 2 :]

    def begin(self, key: Key, position: int, *told: object) -> None:
        """Begin a row, or go on with the one that tells the same."""
        standing = self._standing.get(key)
        if standing is not None:
            if standing[self._width + 2 :] == [*told]:
                return
            self.end(key, position)
        row = [*key, position, None, *told]
        self._standing[key] = self._changed[(*key, position)] = row

    def end(self, key: Key, position: int) -> bool:
        """End the row that stands under this key; tells whether there was one."""
        row = self._standing.pop(key, None)
        if row is None:
            return False
        row[self._width + 1] = position
        self._changed[(*key, row[self._width])] = row
        return True

    def write(self) -> None:
        """Write every row that changed."""
        if self._changed:
            self._rows.write(self.table, list(self._changed.values()))
