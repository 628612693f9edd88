"""Measures whether merges stay as fast as the ledger grows: with many events in it, against 50 thousand.

    python bench/growth.py                      # prints a table, writes bench/growth.json
    python bench/growth.py --events 200000      # a tenth of it, in a minute; the whole takes minutes a store to build

Both ledgers are ours and hold contacts with 24 properties, whose ids are in the order in which they
were made. Near pairs are neighbours, one behind the other; scattered pairs come from anywhere.
"""

import random
import sys
from argparse import Namespace
from collections.abc import Iterator
from functools import partial

from bench.measuring import Measured, Sizes, compared, rate, run
from bench.places import Place, ledger_in
from bench.sides import create, execute, merge, properties
from domain.language.commands import MergeRecords
from ledger.ledger import Ledger

EVENTS_A_CONTACT = 2  # It was created, and the command was applied.
SIZES = (
    Sizes("turns", 5, 1, "turns of each side"),
    Sizes("events", 2_000_000, 600, "events in the large ledger"),
    Sizes("small", 50_000, 300, "events in the small one"),
    Sizes("merges", 1_000, 10, "merges a turn, in one batch"),
)
AIMS = {"scattered": {"sqlite": 0.7, "postgresql": 0.85}, "near in time": {"sqlite": 0.9, "postgresql": 0.95}}


class Grown:
    """A ledger with so many events, and the pairs in it that are still to be merged."""

    def __init__(self, ledger: Ledger, events: int) -> None:
        """Create contacts; the first half is for scattered pairs, the second for near ones."""
        self.ledger = ledger
        contacts = events // EVENTS_A_CONTACT
        execute(ledger, (create(f"{n:09d}", properties(n // 2, "ab"[n % 2])) for n in range(contacts)))
        scattered = random.Random(1).sample(range(contacts // 2), contacts // 2)  # noqa: S311  the same pairs each time
        self.pairs = {
            "scattered": zip(scattered[::2], scattered[1::2], strict=False),
            "near in time": zip(range(contacts // 2, contacts, 2), range(contacts // 2 + 1, contacts, 2), strict=False),
        }

    def merges(self, pairs: str, count: int) -> Iterator[MergeRecords]:
        """Ask for the next merges."""
        for _ in range(count):
            one, other = next(self.pairs[pairs])
            yield merge(f"{one:09d}", f"{other:09d}")


def measure(at: Place, options: Namespace) -> list[Measured]:
    """Let both ledgers take turns."""
    rows = []
    with ledger_in(at) as large_ledger, ledger_in(at) as small_ledger:
        large, small = Grown(large_ledger, options.events), Grown(small_ledger, options.small)
        for pairs, aim in AIMS.items():
            rates: dict[Grown, list[float]] = {large: [], small: []}
            for _ in range(options.turns + 1):
                for side, found in rates.items():
                    commands = [*side.merges(pairs, options.merges)]
                    found.append(rate(partial(execute, side.ledger, commands)))
            what = f"merges with {options.events:,} events, {pairs}, to {options.small:,}"
            rows.append(compared(at, what, rates[large][1:], rates[small][1:], unit="merges/s", aim=aim))
    return rows


def main(arguments: list[str] | None = None) -> list[Measured]:
    """Measure, print and write down."""
    return run(__file__, "Merges a second in a large ledger, against a small one.", SIZES, measure, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
