"""Layer: cli. Makes a ledger's database ready, and brings it to the schema that this version knows."""

from cli.session.arguments import Here
from cli.session.exits import DONE
from cli.session.opening import location_of
from ledger.ledger import migrate_ledger, open_ledger
from ledger.naming import is_postgres
from projections.opening import prepare_read_store


def db_init(*, session: Here) -> int:
    """Make the ledger's tables: in the file, or in the PostgreSQL database that is there. Again does nothing."""
    db = location_of(session)
    if is_postgres(db):
        before, after = migrate_ledger(db, create=True)
        prepare_read_store(db)
        session.say(_said(before, after))
        return DONE
    with open_ledger(db, create=True) as ledger:
        session.say(f"the ledger has schema {ledger.store.schema_version}")
    return DONE


def db_migrate(*, session: Here) -> int:
    """Bring the ledger's tables to the schema that this version knows; a ledger must be there."""
    db = location_of(session)
    if is_postgres(db):
        before, after = migrate_ledger(db, create=False)
        prepare_read_store(db)
        session.say(_said(before, after))
        return DONE
    with open_ledger(db, create=False) as ledger:
        session.say(f"the ledger has schema {ledger.store.schema_version}")
    return DONE


def _said(before: int, after: int) -> str:
    if before == after:
        return f"the ledger has schema {after} already"
    return f"the ledger has schema {after}" + (f", and had {before}" if before else "")
