"""Layer: ledger. The files beside a ledger's: their names follow from its own, and their owner alone reads them."""

import os
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
READ_MODEL_ID: Final = 0x4D4C5250  # "MLRP", in the header of a read model's files: tells them from any other database.
_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
_ID_AT: Final = slice(68, 72)


def ledger_file(path: str | Path) -> Path:
    """Name the file itself, whatever link leads to it: files beside it are shared by all who open it."""
    return Path(os.path.realpath(path))


def read_side_file(ledger: Path) -> Path:
    """Name the file that says which generation of the read model is live."""
    return ledger.with_name(f"{ledger.name}.projections.db")


def generation_file(ledger: Path, number: int) -> Path:
    """Name the file of one generation of the read model."""
    return ledger.with_name(f"{ledger.name}.projections-{number}.db")


def write_ahead_log(ledger: Path) -> Path:
    """Name the file that SQLite keeps commits in before it copies them into the ledger's."""
    return ledger.with_name(f"{ledger.name}-wal")


def is_filled(path: Path) -> bool:
    """Whether there is a file with something in it."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def application_id(path: Path) -> int | None:
    """Read from a database's header whose it is; None where the file is no database. Raises OSError."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    return int.from_bytes(header[_ID_AT], "big") if header.startswith(_MAGIC) else None


def is_read_model(path: Path) -> bool:
    """Whether this is a file of a read model, as far as we may look."""
    try:
        return application_id(path) == READ_MODEL_ID
    except OSError:
        return False


def make_private(path: Path) -> None:
    """Make an empty file for its owner alone, whatever the umask; one that is there stays as it is. Raises OSError.

    SQLite gives the files that it makes beside a database the rights of the database's.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        return
    try:
        os.fchmod(descriptor, PRIVATE)
    finally:
        os.close(descriptor)
