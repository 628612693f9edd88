"""Layer: projections. Opens a ledger together with its read side: one row per kind of database."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final, NamedTuple

from ledger.ledger import Ledger
from ledger.naming import Kind, kind_of
from ledger.opening import open_ledger
from projections.models.catalogue import READ_MODEL
from projections.running.runner import Projector
from projections.store.port import ReadStore
from projections.store.sqlite import SqliteReadStore


class Opened(NamedTuple):
    """A ledger and the store of its read models."""

    ledger: Ledger
    store: ReadStore

    @property
    def projector(self) -> Projector:
        """What brings the read side up to date."""
        return Projector(self.ledger, self.store)


class _Store(NamedTuple):
    open: Callable[[str], ReadStore]
    prepare: Callable[[str], None]


@contextmanager
def opened(db: str, *, create: bool = False, inspect: bool = False) -> Iterator[Opened]:
    """Open the ledger at a path or URL and its read side; see `open_ledger`. Raises StoreUnusable."""
    with open_ledger(db, create=create, inspect=inspect) as ledger, closing(read_store(db)) as store:
        yield Opened(ledger, store)


def read_store(db: str) -> ReadStore:
    """Open the read models of the ledger at a path or URL; nothing is made before something is projected."""
    return _STORES[kind_of(db)].open(db)


def prepare_read_store(db: str) -> None:
    """Make the database ready for this version's read models; again does nothing. Raises StoreUnusable."""
    _STORES[kind_of(db)].prepare(db)


def _open_sqlite(path: str) -> ReadStore:
    return SqliteReadStore(path, READ_MODEL)


def _prepare_sqlite(_path: str) -> None:
    """Do nothing: its files are made when something is projected."""


def _open_postgres(url: str) -> ReadStore:
    from projections.store.postgres import PostgresReadStore  # noqa: PLC0415  its driver is an extra, and slow to load

    return PostgresReadStore(url, READ_MODEL)


def _prepare_postgres(url: str) -> None:
    from projections.store.postgres_schema import prepare  # noqa: PLC0415  as above

    prepare(url, READ_MODEL)


_STORES: Final[dict[Kind, _Store]] = {
    Kind.SQLITE: _Store(_open_sqlite, _prepare_sqlite),
    Kind.POSTGRES: _Store(_open_postgres, _prepare_postgres),
}
