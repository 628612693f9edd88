"""Measures mixed commands a second, against the stock eventsourcing library with none of the rules.

    python bench/mixed.py                       # prints a table, writes bench/mixed.json

A round is two contacts created with 24 properties and an address each, three updates, two
associations, two activities and a merge of the round before. Ours comes in batches of 1,000 and
keeps addresses unique, decides by every rule, and ends each command with an outcome; the library's
side saves once a command.
"""

import sys
from argparse import Namespace
from functools import partial
from uuid import UUID

from bench.measuring import Measured, Sizes, compared, rate, run
from bench.places import Place, ledger_in
from bench.sides import Stock, carry_out, execute, traffic

SIZES = (
    Sizes("turns", 5, 1, "turns of each side"),
    Sizes("rounds", 300, 10, "rounds of ten commands a turn of ours; the library does a fifth"),
)


def measure(at: Place, options: Namespace) -> list[Measured]:
    """Let both take turns."""
    stock = Stock(env=at.stock())
    ids: dict[str, UUID] = {}
    ours: list[float] = []
    theirs: list[float] = []
    rounds, fewer = options.rounds, options.rounds // 5
    with ledger_in(at) as ledger:
        for turn in range(options.turns + 1):
            theirs.append(rate(partial(carry_out, stock, ids, [*traffic(turn * fewer, fewer)])))
            ours.append(rate(partial(execute, ledger, [*traffic(turn * rounds, rounds)])))
    stock.close()
    aim = {"sqlite": 4.0, "postgresql": 8.0}  # The first turn warms up.
    return [compared(at, "mixed commands", ours[1:], theirs[1:], unit="commands/s", aim=aim)]


def main(arguments: list[str] | None = None) -> list[Measured]:
    """Measure, print and write down."""
    return run(__file__, "Mixed commands a second, against the stock library.", SIZES, measure, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
