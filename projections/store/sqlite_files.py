"""Layer: projections. The files of a read model in SQLite: what they are named, and that each is what it should be.

Names follow from the ledger's name and a generation's number, never from what a row says: rows may be
anybody's, and files are deleted by them. Nothing is written to or deleted that is not a read model's.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ledger.store.sqlite.files import (
    READ_MODEL_ID,
    application_id,
    generation_file,
    is_filled,
    ledger_file,
    make_private,
    read_side_file,
)
from projections.store.port import Generation, UnusableProjections

BUSY_S: Final = 60.0
MARK_AS_OURS: Final = f"PRAGMA application_id = {READ_MODEL_ID}"
_OURS: Final = {
    READ_MODEL_ID,
    0,
    None,
}  # A crash came before it was marked; or it is so damaged that it is no database.


class ReadSideFiles:
    """The files of the read model beside one ledger."""

    def __init__(self, ledger_path: str | Path) -> None:
        """Name them; nothing is made."""
        self._ledger = ledger_file(ledger_path)
        self.control = read_side_file(self._ledger)
        self.location = str(self.control)

    def generation(self, number: object, tables_version: str) -> Generation:
        """Name the file of a generation by its number, as a row has it. Raises UnusableProjections."""
        if not isinstance(number, int):
            raise UnusableProjections(self.location, "the number of a generation is no number")
        return Generation(number, tables_version, str(generation_file(self._ledger, number)))

    def connect(self, path: str | Path) -> sqlite3.Connection:
        """Open a file, or make it for its owner alone. Raises UnusableProjections where it is something else."""
        with self._reachable():
            make_private(Path(path))
            self._make_sure_of(Path(path))
        return sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)

    def connect_to_read(self, generation: Generation) -> sqlite3.Connection:
        """Open a generation that is there, to read it."""
        address = f"file:{quote(generation.location)}?mode=ro"
        return sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None)

    def delete(self, generation: Generation) -> None:
        """Delete what there is of a generation. Raises UnusableProjections where it is something else."""
        with self._reachable():
            self._make_sure_of(Path(generation.location))
            for suffix in ("", "-wal", "-shm"):
                Path(generation.location + suffix).unlink(missing_ok=True)

    def _make_sure_of(self, path: Path) -> None:
        if is_filled(path) and application_id(path) not in _OURS:
            raise UnusableProjections(self.location, f"{path.name} beside it is something else, so move that away")

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = f"{Path(str(error.filename)).name}: {error.strerror}"
            raise UnusableProjections(self.location, why) from error
