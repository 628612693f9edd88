"""Layer: tests. A ledger and its read side in one PostgreSQL database, where others have theirs in a folder."""

from collections.abc import Callable
from pathlib import Path

from ledger.ledger import Ledger
from ledger.store.postgres.store import PostgresStore
from projections.models.catalogue import READ_MODEL
from projections.running.runner import Projector
from projections.store.postgres import PostgresReadStore
from tests.postgres.server import Databases
from tests.reading import Readable
from tests.specification import START


class PostgresReadable(Readable):
    """As `Readable`, in a database of its own."""

    def __init__(self, databases: Databases) -> None:
        """Begin with an empty ledger."""
        self.now = START
        self._databases, self._name = databases, databases.make()
        url = databases.url(self._name)
        self.ledger = Ledger(PostgresStore(url, clock=lambda: self.now), clock=lambda: self.now)
        self.store = PostgresReadStore(url, READ_MODEL)
        self.projector = Projector(self.ledger, self.store, clock=lambda: self.now)

    def close(self) -> None:
        """Let go of the database, and drop it."""
        super().close()
        self._databases.drop(self._name)


def in_databases(databases: Databases) -> Callable[[Path], Readable]:
    """Make what stands in for `Readable`."""
    return lambda _folder: PostgresReadable(databases)
