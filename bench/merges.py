"""Measures merges a second: ours with every rule, against the stock eventsourcing library with none.

    python bench/merges.py                      # prints a table, writes bench/merges.json

Both merge records with 24 properties a side, in databases of their own in one place. Ours decides by
the full rules, keeps claims, lineage and an outcome a command, and is measured at several batch
sizes. The library's side is what its documentation teaches: decorated aggregates, JSON transcoding,
one save a command; its merge loads both records, makes the third from primary-else-secondary, and
marks both as merged away. Both keep with each value when it was set.
"""

import sys
from argparse import Namespace
from functools import partial
from uuid import UUID

from bench.measuring import Measured, Sizes, compared, rate, run
from bench.places import Place, ledger_in
from bench.sides import Stock, create_contact, execute, merge_pair, properties, stock_values
from ledger.ledger import Ledger

SIZES = (
    Sizes("turns", 5, 1, "turns of each side"),
    Sizes("merges", 4_000, 20, "merges a turn of ours; a tenth of it one by one, and by the library"),
)
BATCHES = (1, 100, 1_000)  # Commands.
AIM = {"sqlite": 5.0, "postgresql": 10.0}


def our_turn(ledger: Ledger, first: int, merges: int, batch: int) -> float:
    """Create pairs, then merge them; tells merges a second of the merging alone."""
    numbers = range(first, first + merges)
    execute(ledger, (create_contact(n, side) for n in numbers for side in "ab"))
    return rate(partial(execute, ledger, [merge_pair(n) for n in numbers], batch))


def stock_turn(stock: Stock, merges: int) -> float:
    """Do the same with the library."""
    pairs = [tuple(stock.create(stock_values(properties(n, side))) for side in "ab") for n in range(merges)]

    def merge_all(pairs: list[tuple[UUID, ...]]) -> int:
        for primary_id, secondary_id in pairs:
            stock.merge(primary_id, secondary_id)
        return len(pairs)

    return rate(partial(merge_all, pairs))


def measure(at: Place, options: Namespace) -> list[Measured]:
    """Let both sides take turns."""
    stock = Stock(env=at.stock())
    theirs: list[float] = []
    ours: dict[int, list[float]] = {batch: [] for batch in BATCHES}
    made = 0
    with ledger_in(at) as ledger:
        for _ in range(options.turns + 1):
            theirs.append(stock_turn(stock, options.merges // 10))
            for batch in BATCHES:
                merges = options.merges if batch > 1 else options.merges // 10
                ours[batch].append(our_turn(ledger, made, merges, batch))
                made += merges
    stock.close()
    return [  # The first turn warms up.
        compared(
            at,
            f"full-rule merges, {batch:,} a batch",
            rates[1:],
            theirs[1:],
            unit="merges/s",
            aim=AIM if batch == BATCHES[-1] else None,
        )
        for batch, rates in ours.items()
    ]


def main(arguments: list[str] | None = None) -> list[Measured]:
    """Measure, print and write down."""
    return run(__file__, "Merges a second, against the stock eventsourcing library.", SIZES, measure, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
