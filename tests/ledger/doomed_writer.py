"""Layer: tests. A process that writes batches until it is killed at a named step, and says what was acknowledged.

    python -m tests.ledger.doomed_writer PATH STEP TIMES

It kills itself when it has come to STEP so many times. On standard output is one line for each batch
whose outcomes it was given: the ids of its commands.
"""

import os
import signal
import sys
from collections.abc import Callable

from msgspec.structs import replace

from domain.language.commands import Command
from domain.language.ids import RecordRef
from ledger.ledger import Ledger
from ledger.store.sqlite.store import SqliteStore
from tests.builders import ACME, associate, create, log_activity, merge
from tests.contracts.places import batch

BATCHES = 6
PAIRS = 5


def commands() -> list[list[Command]]:
    """Make the same batches in every process: pairs of contacts that are linked, logged on and merged."""
    batches: list[list[Command]] = [[create(ACME)]]
    for number in range(BATCHES):
        made: list[Command] = []
        for pair in range(PAIRS):
            one, other = (RecordRef("contacts", f"{number}-{pair}-{side}") for side in "ab")
            made += [
                create(one, email=f"{one.record_id}@x.be"),
                create(other, email=f"{other.record_id}@x.be"),
                associate(one, ACME),
                log_activity(f"note-{number}-{pair}", other),
                merge(one, other, into=RecordRef("contacts", f"{number}-{pair}")),
            ]
        batches.append(made)
    ids = iter(range(10_000))
    return [[replace(command, command_id=f"k-{next(ids)}") for command in made] for made in batches]


def killed_at(step: str, times: int) -> Callable[[str], None]:
    """Kill this process when it has come to a step so many times."""
    left = times

    def come(at: str) -> None:
        nonlocal left
        left -= at == step
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return come


def main(path: str, step: str, times: str) -> None:
    """Write until it happens."""
    ledger = Ledger(SqliteStore(path, create=True, step=killed_at(step, int(times))))
    for made in commands():
        outcomes = ledger.execute(batch(*made))
        print(*(outcome.command_id for outcome in outcomes), flush=True)  # noqa: T201  the acknowledgement


if __name__ == "__main__":
    main(*sys.argv[1:])
