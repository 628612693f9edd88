"""Layer: ledger. The ways in which a PostgreSQL server cannot be used, each said in one line, without a password."""

from typing import Final

import psycopg
from psycopg import errors

from ledger.store.damage import DamagedDatabase
from ledger.store.port import (
    ConnectionLost,
    FullDatabase,
    LockedDatabase,
    MissingDatabase,
    ReadOnlyDatabase,
    StoreUnusable,
)


class NoSuchDatabase(MissingDatabase):
    """The server has no such database; it is made by whoever runs the server."""

    def __init__(self, location: str) -> None:
        StoreUnusable.__init__(
            self, f"there is no database {location}; create it (createdb), then run merge-ledger db init"
        )


class NoSchema(MissingDatabase):
    """The database has no ledger in it."""

    def __init__(self, location: str) -> None:
        StoreUnusable.__init__(self, f"there is no ledger in {location}; run merge-ledger db init")


class OlderSchema(StoreUnusable):
    """The database was made by an older version."""

    def __init__(self, location: str, found: int, known: int) -> None:
        super().__init__(f"the ledger at {location} has schema {found}, not {known}; run merge-ledger db migrate")
        self.found, self.known = found, known


class NotUtf8(StoreUnusable):
    """The database cannot hold every text."""

    def __init__(self, location: str, found: str) -> None:
        super().__init__(f"the database {location} is encoded in {found}; create one with ENCODING 'UTF8'")


class ReadOnlyServer(ReadOnlyDatabase):
    """The server, or the connection, takes no writes."""

    is_transient = True  # It may be about to become the primary.

    def __init__(self, location: str) -> None:
        StoreUnusable.__init__(self, f"the ledger at {location} is read-only; connect to the primary server")


class MissingRights(StoreUnusable):
    """The role that we connect as may not do this."""

    def __init__(self, location: str, what: str) -> None:
        super().__init__(f"the ledger at {location} cannot be used: {what}; connect as a role that may")


class TimedOut(StoreUnusable):
    """The server took longer than we wait; nothing of the batch was stored."""

    is_transient = True

    def __init__(self, location: str, what: str) -> None:
        super().__init__(f"the ledger at {location} did not answer in time ({what}); try again later")


class Unreachable(ConnectionLost):
    """No connection can be made."""

    def __init__(self, location: str, what: str) -> None:
        StoreUnusable.__init__(self, f"the ledger at {location} cannot be reached: {what}; check --db and the server")


_LOST: Final = (psycopg.OperationalError, psycopg.InternalError, errors.IdleInTransactionSessionTimeout)


def unusable(error: psycopg.Error, location: str) -> Exception:  # noqa: PLR0911  one line an error
    """Say in our own words what PostgreSQL says about a database that cannot be used; a bug of ours as it is."""
    what = first_line(error)
    match error:
        case errors.InvalidCatalogName():
            return NoSuchDatabase(location)
        case errors.UndefinedTable() | errors.InvalidSchemaName() | errors.UndefinedFunction():
            return NoSchema(location)
        case errors.InsufficientPrivilege():
            return MissingRights(location, what)
        case errors.ReadOnlySqlTransaction():
            return ReadOnlyServer(location)
        case errors.DiskFull():
            return FullDatabase(location)
        case errors.LockNotAvailable():
            return LockedDatabase(location)
        case errors.QueryCanceled():
            return TimedOut(location, what)
        case errors.DataCorrupted() | errors.IndexCorrupted():
            return DamagedDatabase(location, what)
        case errors.TooManyConnections() | errors.InvalidAuthorizationSpecification() | errors.CannotConnectNow():
            return Unreachable(location, what)
    return ConnectionLost(location, what) if isinstance(error, _LOST) else error


def first_line(error: psycopg.Error) -> str:
    """Take the first line of what PostgreSQL says; it holds no value of ours and no password."""
    said = error.diag.message_primary or str(error)
    return next((line.strip() for line in said.splitlines() if line.strip()), type(error).__name__)
