"""Layer: ledger. Opens and migrates a ledger by how it is named: one row per kind of database."""

import os
from collections.abc import Callable
from typing import Final, NamedTuple

from ledger.ledger import Ledger
from ledger.naming import Kind, kind_of, why_not_a_name
from ledger.store.port import MissingDriver, NotAName, Store, UnsafeSetting
from ledger.store.sqlite.store import SqliteStore

_LOSES_EVENTS: Final = "POSTGRES_ENABLE_DB_FUNCTIONS"  # Of the eventsourcing library.


class _Options(NamedTuple):
    create: bool
    read_only: bool
    inspect: bool


class _Store(NamedTuple):
    open: Callable[[str, _Options], Store]
    migrate: Callable[[str, bool], tuple[int, int]]


def open_ledger(db: str, *, create: bool, read_only: bool = False, inspect: bool = False) -> Ledger:
    """Open the ledger at a path or URL; with `create` a file is made. Raises StoreUnusable.

    With `inspect` a damaged ledger that can still be read is opened; what is wrong is in the store's `findings`.
    """
    if os.environ.get(_LOSES_EVENTS):
        raise UnsafeSetting(_LOSES_EVENTS)
    if why := why_not_a_name(db):
        raise NotAName(why)
    return Ledger(_STORES[kind_of(db)].open(db, _Options(create, read_only, inspect)))


def migrate_ledger(db: str, *, create: bool) -> tuple[int, int]:
    """Bring a ledger to the schema that this version knows, with `create` from nothing.

    Returns the schema before (0: none, or not known) and after. Raises StoreUnusable.
    """
    return _STORES[kind_of(db)].migrate(db, create)


def _open_sqlite(path: str, options: _Options) -> Store:
    return SqliteStore(path, create=options.create, read_only=options.read_only, inspect=options.inspect)


def _migrate_sqlite(path: str, create: bool) -> tuple[int, int]:  # noqa: FBT001  as the table calls it
    with open_ledger(path, create=create) as ledger:  # Opening a file migrates it.
        return 0, ledger.store.schema_version


def _open_postgres(url: str, options: _Options) -> Store:
    try:
        from ledger.store.postgres.store import PostgresStore  # noqa: PLC0415  its driver is an extra, and slow to load
    except ModuleNotFoundError as error:
        raise MissingDriver(error.name or "psycopg") from error
    return PostgresStore(url, read_only=options.read_only, inspect=options.inspect)


def _migrate_postgres(url: str, create: bool) -> tuple[int, int]:  # noqa: FBT001  as the table calls it
    try:
        from ledger.store.postgres.store import migrate  # noqa: PLC0415  as above
    except ModuleNotFoundError as error:
        raise MissingDriver(error.name or "psycopg") from error
    return migrate(url, create=create)


_STORES: Final[dict[Kind, _Store]] = {
    Kind.SQLITE: _Store(_open_sqlite, _migrate_sqlite),
    Kind.POSTGRES: _Store(_open_postgres, _migrate_postgres),
}
