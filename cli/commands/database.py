"""Layer: cli. Creates a ledger's tables, and migrates them to the schema of this version."""

from cli.session.arguments import Here
from cli.session.exits import DONE
from cli.session.opening import location_of
from cli.session.session import Session
from ledger.opening import migrate_ledger
from projections.opening import prepare_read_store


def db_init(*, session: Here) -> int:
    """Create the ledger's tables, in the file or in an existing PostgreSQL database. Does nothing if they exist."""
    return _migrate(session, create=True)


def db_migrate(*, session: Here) -> int:
    """Migrate an existing ledger's tables to the schema of this version."""
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
