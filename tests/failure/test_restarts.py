"""Layer: tests. The server crashes and comes back while commands are sent: each has one outcome, and it is told."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.language.outcomes import Outcome
from ledger.ledger import Ledger
from ledger.opening import migrate_ledger
from ledger.store.port import ConnectionLost
from ledger.store.postgres.store import PostgresStore
from tests.builders import create_without_id
from tests.contracts.places import batch
from tests.failure.test_lost_connections import check
from tests.postgres.server import own_server

CRASHES = 3


@pytest.fixture
def server() -> Iterator[str]:
    with own_server() as url:
        yield url


def crash(url: str) -> None:
    """Kill the server's processes as a machine would lose them; it recovers by itself, from its log."""
    folder = Path(parse_qs(urlsplit(url).query)["host"][0])
    postmaster = int((folder / "postmaster.pid").read_text().split()[0])
    victims = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    os.kill(int(victims[0]), signal.SIGKILL)  # One of them: the server ends all others, and begins anew.


@pytest.mark.slow
def test_a_server_that_crashes_loses_nothing_and_doubles_nothing(server: str) -> None:
    migrate_ledger(server, create=True)
    told: list[Outcome] = []
    done = Event()

    def crash_often() -> None:
        for _ in range(CRASHES):
            time.sleep(1.0)
            crash(server)
        time.sleep(1.0)
        done.set()

    crashing = Thread(target=crash_often)
    crashing.start()
    with closing(Ledger(PostgresStore(server))) as ledger:
        while not done.is_set():
            commands = batch(create_without_id("contacts"), create_without_id("contacts"))
            while True:
                try:
                    told += [outcome for outcome in ledger.execute(commands) if not outcome.repeated]
                    break
                except ConnectionLost:  # Longer than a command waits; sent again, it is done once.
                    continue
        crashing.join()
        check(ledger, told)
        assert ledger.head() >= 2 * len(told) > 0
