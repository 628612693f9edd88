"""Layer: projections. Which store of read models belongs to a ledger, by how the ledger is named."""

from ledger.naming import is_postgres
from projections.models.catalogue import READ_MODEL
from projections.store.port import ReadStore
from projections.store.sqlite import SqliteReadStore


def read_store(db: str) -> ReadStore:
    """Name the read models of the ledger at a path or URL; nothing is made before something is projected."""
    if is_postgres(db):
        from projections.store.postgres import PostgresReadStore  # noqa: PLC0415  its driver is an extra, and slow to load

        return PostgresReadStore(db, READ_MODEL)
    return SqliteReadStore(db, READ_MODEL)


def prepare_read_store(db: str) -> None:
    """Make a PostgreSQL database ready for this version's read models; again does nothing. Raises StoreUnusable."""
    if is_postgres(db):
        from projections.store.postgres_schema import prepare  # noqa: PLC0415  as above

        prepare(db, READ_MODEL)
