"""Layer: tests. A writer that is stopped in the middle of a commit holds the others up for a while, and no longer."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from ledger.ledger import Ledger
from ledger.store.postgres.connection import Timeouts
from ledger.store.postgres.store import PostgresStore
from tests.builders import ANNE, create
from tests.contracts.places import batch

IDLE_MS = 1_500
STOPS = """
import os, signal, sys
from msgspec.structs import replace
from ledger.ledger import Ledger
from ledger.store.postgres.store import PostgresStore
from ledger.store.postgres.connection import Timeouts
from tests.builders import ANN, create
from tests.contracts.places import batch

url, where, idle_ms = sys.argv[1:]
steps = []

def stop_once(step):
    steps.append(step)
    if step == where and steps.count(step) == 1:
        print(step, flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)

ledger = Ledger(PostgresStore(url, timeouts=Timeouts(idle_ms=int(idle_ms)), step=stop_once))
[outcome] = ledger.execute(batch(replace(create(ANN), command_id="stopped")))
print(outcome.status, outcome.repeated)
"""


@pytest.mark.parametrize("step", ["appended", "committing"])
def test_others_go_on_before_they_give_up_and_who_was_stopped_does_it_again(postgres_url: str, step: str) -> None:
    stopped = subprocess.Popen(  # noqa: S603  ourselves
        [sys.executable, "-c", STOPS, postgres_url, step, str(IDLE_MS)], stdout=subprocess.PIPE, text=True
    )
    assert stopped.stdout is not None
    try:
        assert stopped.stdout.readline() == f"{step}\n"
        began = time.monotonic()
        with closing(PostgresStore(postgres_url)) as store:
            [outcome] = Ledger(store).execute(batch(create(ANNE)))
        assert outcome.status == "applied"
        assert IDLE_MS / 2000 < time.monotonic() - began < Timeouts.idle_ms / 1000
        os.kill(stopped.pid, signal.SIGCONT)
        assert stopped.stdout.readline() == "applied False\n"
    finally:
        stopped.kill()
        stopped.wait()
        stopped.stdout.close()


def test_a_writer_that_is_idle_is_let_go_of_before_others_give_up() -> None:
    assert Timeouts.idle_ms < Timeouts.lock_ms
