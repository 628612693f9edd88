"""Measures the memory of the writer and of the projector over many events, against what they have after 50 thousand.

    python bench/memory.py --events 1000000     # the aim; prints a table, writes bench/memory.json
    python bench/memory.py                      # less of it, in a few minutes

Each runs in a process of its own; its memory is looked at as it goes on. What counts is the most it
had about the 50 thousandth event, and the most near the end.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from itertools import count
from multiprocessing import get_context
from pathlib import Path

from bench.measuring import Measured, Sizes, compared, run
from bench.places import Place
from bench.sides import execute, traffic
from ledger.opening import open_ledger
from projections.opening import read_store
from projections.running.runner import Progress, Projector

MEBIBYTE = 1 << 20
ROUNDS = 100  # A look at the memory.
SIZES = (
    Sizes("events", 250_000, 10_000, "events to write and to project"),
    Sizes("first", 50_000, 5_000, "events after which it must not grow"),
)
Samples = list[tuple[int, float]]  # Events, mebibytes.


def memory() -> float:
    """Tell how much memory this process has, in mebibytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEBIBYTE


def write(db: str, events: int) -> Samples:
    """Carry out mixed commands until there are so many events."""
    samples: Samples = []
    with open_ledger(db, create=False) as ledger:
        for begin in count(0, ROUNDS):
            execute(ledger, traffic(begin, ROUNDS))
            samples.append((ledger.head(), memory()))
            if samples[-1][0] >= events:
                return samples
    raise AssertionError


def project(db: str, _events: int) -> Samples:
    """Project all events."""
    samples: Samples = []

    def look(progress: Progress) -> None:
        samples.append((progress.done, memory()))

    store = read_store(db)
    with open_ledger(db, create=False) as ledger:
        Projector(ledger, store).rebuild(look)
    store.close()
    return samples


def of_process(work: Callable[[str, int], Samples], db: str, events: int) -> Samples:
    """Let a process of its own do it."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (db, events))


def most(samples: Samples, begin: int, end: int) -> float:
    """Tell the most memory between two numbers of events."""
    return max(used for events, used in samples if begin <= events <= end)


def measure(at: Place, options: Namespace) -> list[Measured]:
    """Let the writer write, then the projector project."""
    db = at.database()
    rows = []
    for what, work in (("the writer", write), ("the projector", project)):
        samples = of_process(work, db, options.events)
        last = samples[-1][0]
        before, after = most(samples, options.first // 2, options.first * 6 // 5), most(samples, last * 8 // 10, last)
        what_of = f"memory of {what} after {last:,} events, to {options.first:,}"
        rows.append(compared(at, what_of, [after], [before], unit="MiB", aim=1.05, at_most=True))
    return rows


def main(arguments: list[str] | None = None) -> list[Measured]:
    """Measure, print and write down."""
    return run(__file__, "Memory of the writer and the projector.", SIZES, measure, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
