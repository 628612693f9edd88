"""Layer: tests. A process that projects a ledger, or builds it again, until it is killed at a step.

    python -m tests.projections.doomed_projector PATH run|rebuild TIMES

It kills itself when it has come through so many steps of writing; it says how many it came through otherwise.
"""

import os
import signal
import sys

from ledger.opening import open_ledger
from projections.models.catalogue import READ_MODEL
from projections.running.runner import Projector
from projections.store.sqlite import SqliteReadStore


def main(path: str, work: str, times: str) -> None:
    """Project until it happens."""
    passed = 0

    def step(_name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == int(times):
            os.kill(os.getpid(), signal.SIGKILL)

    with open_ledger(path, create=False) as ledger:
        projector = Projector(ledger, SqliteReadStore(path, READ_MODEL, step=step), page_events=40)
        projector.rebuild() if work == "rebuild" else projector.catch_up()
    print(passed)  # noqa: T201  the answer


if __name__ == "__main__":
    main(*sys.argv[1:])
