"""Layer: ledger. Looks whether what keeps the log of a PostgreSQL ledger unchanged is there, and no more."""

from typing import Final

from ledger.store.damage import Damaged, UnguardedLog, differences
from ledger.store.postgres.connection import Connection

# Of each trigger of our tables: how it is made, when it fires, and what it runs. Rules rewrite a statement before any
# trigger sees it.
_FOUND: Final = """
    SELECT t.tgname::text, pg_get_triggerdef(t.oid), t.tgenabled::text, p.prosrc
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
    WHERE c.relnamespace = to_regnamespace('merge_ledger') AND NOT t.tgisinternal
    UNION ALL
    SELECT r.rulename::text, '', '', ''
    FROM pg_catalog.pg_rewrite AS r JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
    WHERE c.relnamespace = to_regnamespace('merge_ledger') AND c.relkind = 'r'
"""
_MADE: Final = {
    "events_do_not_change": (
        (
            "CREATE TRIGGER events_do_not_change BEFORE DELETE OR UPDATE OR TRUNCATE ON merge_ledger.events"
            " FOR EACH STATEMENT EXECUTE FUNCTION merge_ledger.refuse_change()"
        ),
        "A",  # Always, in sessions that replicate too.
        "BEGIN RAISE EXCEPTION 'an event is never changed and never deleted' USING ERRCODE = 'restrict_violation'; END",
    )
}


def findings(connection: Connection, location: str) -> list[Damaged]:
    """List what is missing, changed or added of what keeps the log as it is."""
    found = {name: (*made, " ".join(runs.split())) for name, *made, runs in connection.execute(_FOUND).fetchall()}
    return [UnguardedLog(location, name, how) for name, how in differences(_MADE, found)]
