"""Layer: projections. The port that every store of the read model stands behind.

All tables of one build are a generation. One row says which generation is live; a rebuild makes a
new one beside it. A page is written in one transaction together with the one position, and that
transaction excludes other writers from its begin: it is the lease, and a crash lets go of it.
"""

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from ledger.store.port import StoreUnusable
from projections.store.tables import ReadModel, Rows


class NotProjected(StoreUnusable):
    """There is no read model yet."""

    def __init__(self, location: str) -> None:
        super().__init__(f"nothing is projected yet at {location}; run `merge-ledger projections run`")


class OutdatedProjections(StoreUnusable):
    """The read model was made by another version of its tables."""

    def __init__(self, location: str) -> None:
        super().__init__(f"the read model at {location} is another version's; run `merge-ledger projections rebuild`")


class NotPrepared(StoreUnusable):
    """The database is not ready for the tables of this version; whoever owns the ledger makes it so."""

    def __init__(self, location: str) -> None:
        super().__init__(
            f"the database {location} is not ready for this version's read model; run merge-ledger db migrate"
        )


class UnusableProjections(StoreUnusable):
    """The read model cannot be opened, read or written."""

    def __init__(self, location: str, why: str) -> None:
        super().__init__(
            f"the read model at {location} cannot be used: {why};"
            " check its disk and rights, or make it again with `merge-ledger projections rebuild`"
        )


class Generation(NamedTuple):
    """One build of all tables. `tables_version` tells which code made it, `location` where it is."""

    number: int
    tables_version: str
    location: str


class Numbers(NamedTuple):
    """The numbers of the newest generation and of the live one; 0 means none."""

    newest: int
    live: int


class Mark(NamedTuple):
    """How far a generation is, and the event there: its stream and the time it was recorded."""

    position: int
    stream: str
    recorded_at: str


class WritableRows(Rows, Protocol):
    """The transaction of a page."""

    def mark(self) -> Mark:
        """Return how far the generation is."""
        ...

    def move(self, mark: Mark) -> None:
        """Store how far it is now."""
        ...


class Snapshot(Rows, Protocol):
    """One moment of a generation."""

    @property
    def generation(self) -> Generation:
        """The generation read."""
        ...

    def mark(self) -> Mark:
        """Return which moment it is."""
        ...


class Stale(Exception):  # noqa: N818  says what the generation is
    """The generation was replaced since it was looked up; look it up again."""


class ReadStore(Protocol):
    """A store of one read model, which it is given when it is opened."""

    @property
    def model(self) -> ReadModel:
        """The tables that it makes."""
        ...

    @property
    def location(self) -> str:
        """Name it as people know it, without a password."""
        ...

    def live(self) -> Generation | None:
        """Return the generation that readers read."""
        ...

    def building(self) -> Generation | None:
        """Return the generation that a rebuild is making, or left behind."""
        ...

    def numbers(self) -> Numbers:
        """Return which generations exist, whether or not they can be used."""
        ...

    def begin(self, seen: Numbers) -> Generation:
        """Make an empty generation beside the live one, in place of any other that is not live.

        Raises Stale when another runner began one or made one live since the numbers were seen.
        """
        ...

    def page(self, generation: Generation) -> AbstractContextManager[WritableRows]:
        """Open the transaction of one page: committed at its end, undone by an exception.

        Waits for a runner that is writing one. Raises Stale where the generation was dropped meanwhile.
        """
        ...

    def go_live(self, generation: Generation) -> None:
        """Let readers read this generation from now on."""
        ...

    def drop_old(self) -> None:
        """Delete the generations that were live before; whoever reads one goes on reading."""
        ...

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Open one moment of the live generation. Raises NotProjected, OutdatedProjections."""
        ...

    def close(self) -> None:
        """Let go of everything open."""
        ...
