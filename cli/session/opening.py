"""Layer: cli. Opens the ledger and its read model, as the settings name them. Reading never creates a database."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cli.session.exits import Mistake, NotThere
from cli.session.masking import masked
from cli.session.progress import Progress
from cli.session.session import Session
from cli.session.trust import doubt
from ledger.ledger import Ledger
from ledger.naming import is_file
from ledger.store.port import NotALedger, StoreUnusable, UnreachableDatabase
from projections import opening
from projections.opening import Opened
from projections.reading import Reader, open_reader
from projections.reading.paging import BadCursor
from projections.running.runner import Progress as RunProgress
from projections.running.runner import Projector
from projections.store.port import UnusableProjections

T = TypeVar("T")


class NotYours(StoreUnusable):
    """A ledger that the user did not name, and that others may have put there to receive commands."""

    def __init__(self, location: str, why: str) -> None:
        super().__init__(f"the ledger at {location} is not used unasked: {why}; name it with --db to use it")


def location_of(session: Session) -> str:
    """Return the ledger's path or URL; one the user did not name must be their own file. Raises StoreUnusable."""
    db = session.settings.db
    if not is_file(db):
        return db
    why = None if session.settings.names_ledger else doubt(Path(db))
    if why is not None:
        raise NotYours(db, why)
    try:
        is_regular = stat.S_ISREG(Path(db).stat().st_mode)
    except FileNotFoundError:
        return db
    except OSError as error:
        raise UnreachableDatabase(db, error.strerror or "it cannot be looked at") from None
    if not is_regular:
        raise NotALedger(db)
    return db


@contextmanager
def opened(session: Session, *, create: bool = False, inspect: bool = False) -> Iterator[Opened]:
    """Open the ledger and its read side; only `create` creates a database. Raises StoreUnusable."""
    with opening.opened(location_of(session), create=create, inspect=inspect) as sides:
        yield sides


def say_if_new(ledger: Ledger, session: Session) -> None:
    """Report that a ledger was created, so that a mistyped path or a lost file is noticed at once."""
    if ledger.store.is_new:
        session.say(f"created a new ledger at {ledger.store.location}")


@contextmanager
def reading(session: Session, object_type: str | None = None) -> Iterator[Reader]:
    """Open a reader, after catching up unless the settings say otherwise.

    Raises NotThere if the account has no such object type.
    """
    with opened(session) as sides, reader_of(sides, session) as reader:
        if object_type is not None:
            _make_sure_of_type(object_type, reader)
        yield reader


def _make_sure_of_type(object_type: str, reader: Reader) -> None:
    meant = reader.type_meant(object_type)
    if meant == object_type:
        return
    next_step = f"did you mean {meant}?" if meant else "account show lists those that were defined"
    msg = f"object type {object_type} does not exist in account {reader.account}; {next_step}"
    raise NotThere(msg)


@contextmanager
def reader_of(sides: Opened, session: Session, *, may_lag: bool = True) -> Iterator[Reader]:
    """Open a reader of an existing account, after catching up if settings or caller ask for it. Raises NotThere."""
    if session.settings.catch_up or not may_lag:
        _catch_up(sides, session, may_lag=may_lag)
    with open_reader(sides.store, sides.ledger, session.account) as reader:
        if not reader.knows_account():
            msg = f"account {session.account} does not exist; an account begins with its first command"
            raise NotThere(msg)
        try:
            yield reader
        except BadCursor as bad:
            raise Mistake(str(bad)) from None


def _catch_up(sides: Opened, session: Session, *, may_lag: bool) -> None:
    try:
        run(sides.projector, session, "catch up")
    except UnusableProjections as error:
        if not may_lag or sides.store.live() is None:
            raise
        session.say(f"reading as of before: {masked(str(error))}")


def run(projector: Projector, session: Session, title: str, *, rebuild: bool = False) -> Progress:
    """Run or rebuild the projections, and show progress."""
    with Progress(session, title, "events") as progress:

        def on_progress(now: RunProgress) -> None:
            progress.update(now.done, now.done / now.total if now.total else None)

        (projector.rebuild if rebuild else projector.catch_up)(on_progress)
    return progress


def position_of(reader: Reader, asked: int | datetime | None) -> int | None:
    """Return the position that a moment means."""
    return reader.position_at(asked) if isinstance(asked, datetime) else asked


def there(found: T | None, what: str, session: Session) -> T:
    """Return what was found. Raises NotThere, exit 4, for None."""
    if found is None:
        msg = f"{what} does not exist in account {session.account}"
        raise NotThere(msg)
    return found
