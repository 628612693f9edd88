"""Layer: cli. Opens the ledger and its read side, as the settings name them. Reading never makes a database."""

from collections.abc import Iterator
from contextlib import contextmanager

from cli.session import Session
from ledger.ledger import Ledger, open_ledger


@contextmanager
def writable_ledger(session: Session, *, create: bool) -> Iterator[Ledger]:
    """Open the ledger for commands."""
    with open_ledger(session.settings.db, create=create) as ledger:
        yield ledger
