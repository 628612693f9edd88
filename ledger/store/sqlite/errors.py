"""Layer: ledger. The ways in which a SQLite file cannot be used, each said in one line.

A file is called damaged only when that is sure: whoever follows the advice and restores a copy loses
what the file holds and the copy does not.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ledger.store.damage import DamagedDatabase
from ledger.store.port import (
    FullDatabase,
    LockedDatabase,
    NotALedger,
    ReadOnlyDatabase,
    StoreUnusable,
    UnreachableDatabase,
)

_BY_CODE: Final[dict[int, Callable[[str], StoreUnusable]]] = {
    sqlite3.SQLITE_BUSY: LockedDatabase,
    sqlite3.SQLITE_LOCKED: LockedDatabase,
    sqlite3.SQLITE_PROTOCOL: LockedDatabase,
    sqlite3.SQLITE_READONLY: ReadOnlyDatabase,
    sqlite3.SQLITE_FULL: FullDatabase,
    sqlite3.SQLITE_NOTADB: NotALedger,
}
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT}
_UNREACHABLE: Final = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_PRIMARY_CODE = 0xFF  # An extended code of SQLite has more in its higher bytes.


class OldSqlite(StoreUnusable):
    """The library that Python brings is older than our statements."""

    def __init__(self, found: str, needed: str) -> None:
        super().__init__(f"SQLite {found} is too old, {needed} or newer is needed; use a Python that comes with one")


class FailedStatement(Exception):  # noqa: N818  a question, not an answer
    """SQLite rejects a statement of ours: the tables are not as this version makes them, or it is a bug of ours."""


def unusable(error: sqlite3.DatabaseError, path: Path, location: str) -> Exception:
    """Say what SQLite says in our own words; FailedStatement where only the tables can tell."""
    said = " ".join(str(error).split())[:200]
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # Of Python's own: text in the file is no text any more, or we misuse the module.
        return DamagedDatabase(location, said) if type(error) is sqlite3.OperationalError else error
    code &= _PRIMARY_CODE
    if code in _BY_CODE:
        return _BY_CODE[code](location)
    if code in _DAMAGED:
        return DamagedDatabase(location, said)
    if code == sqlite3.SQLITE_ERROR:
        return FailedStatement(said)
    if code == sqlite3.SQLITE_CANTOPEN and path.is_file() and not _is_writable(path):
        return ReadOnlyDatabase(location)
    return UnreachableDatabase(location, said) if code in _UNREACHABLE else error


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
