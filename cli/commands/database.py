"""Layer: cli. Makes a ledger's database ready, and brings it to the schema that this version knows."""

from cli.session.arguments import Here
from cli.session.exits import DONE
from cli.session.opening import location_of
from cli.session.session import Session
from ledger.opening import migrate_ledger
from projections.opening import prepare_read_store


def db_init(*, session: Here) -> int:
    """Make the ledger's tables: in the file, or in the PostgreSQL database that is there. Again does nothing."""
    return _migrate(session, create=True)


def db_migrate(*, session: Here) -> int:
    """Bring the ledger's tables to the schema that this version knows; a ledger must be there."""
    return _migrate(session, create=False)


def _migrate(session: Session, *, create: bool) -> int:
    db = location_of(session)
    before, after = migrate_ledger(db, create=create)
    prepare_read_store(db)
    session.say(_said(before, after))
    return DONE


def _said(before: int, after: int) -> str:
    if before == after:
        return f"the ledger has schema {after} already"
    return f"the ledger has schema {after}" + (f", and had {before}" if before else "")
