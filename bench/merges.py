"""Measures merges a second: ours with every rule, against the stock eventsourcing library with none.

    python bench/merges.py                      # on SQLite; prints a table, writes bench/merges.json
    python bench/merges.py --store postgresql   # writes bench/merges-postgresql.json

Both merge records with 24 properties a side, in databases of their own in one place, in one
process, turn by turn. Ours decides by the full rules, keeps claims, lineage and an outcome a
command, and is measured at several batch sizes. The library's side is what its documentation
teaches: decorated aggregates, JSON transcoding, one save a command; its merge loads both records,
makes the third from primary-else-secondary, and marks both as merged away. Both keep with each
value when it was set. Trust the ratio, not the figures: they are of this machine.
"""

import argparse
import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from bench.measuring import machine, rate
from bench.places import SQLITE, STORES, TITLES, Files, Place, ledger_in, place
from bench.sides import Stock, create_contact, execute, merge_pair, properties, stock_values

TURNS = 5
STOCK_MERGES = 400  # A turn.
OUR_MERGES = {1: 400, 100: 2_000, 1_000: 4_000}  # A turn, by commands a batch.
LABEL = {1: "1 a batch", 100: "100 a batch", 1_000: "1,000 a batch"}
RESULTS = Path(__file__).with_suffix(".json")


class Ours:
    """Merge Ledger, by its one door for writing."""

    def __init__(self, at: Place) -> None:
        """Begin with an empty ledger."""
        self.ledger = ledger_in(at)
        self.made = 0

    def turn(self, merges: int, commands_a_batch: int) -> float:
        """Create pairs, then merge them; tells merges a second of the merging alone."""
        numbers = range(self.made, self.made + merges)
        self.made += merges
        execute(self.ledger, (create_contact(n, side) for n in numbers for side in "ab"))
        commands = [merge_pair(n) for n in numbers]
        return rate(lambda: execute(self.ledger, commands, commands_a_batch))


class Library:
    """The stock library, turn by turn."""

    def __init__(self, at: Place) -> None:
        """Begin with an empty database."""
        self.application = Stock(env=at.stock())
        self.made = 0

    def turn(self, merges: int) -> float:
        """Create pairs, then merge them; tells merges a second of the merging alone."""
        numbers = range(self.made, self.made + merges)
        self.made += merges
        pairs = [(self._create(n, "a"), self._create(n, "b")) for n in numbers]

        def merge_all() -> int:
            for primary_id, secondary_id in pairs:
                self.application.merge(primary_id, secondary_id)
            return merges

        return rate(merge_all)

    def _create(self, number: int, side: str) -> UUID:
        return self.application.create(stock_values(properties(number, side)))


# -- measuring


class Row(NamedTuple):
    """One line of the table: the median turn, the slowest and the fastest, and the median ratio of the turns."""

    what: str
    merges_a_second: int
    slowest: int
    fastest: int
    times_stock: float


def measure(folder: Path, turns: int) -> list[Row]:
    """Measure on SQLite, in this folder."""
    return measure_at(Files(folder), turns)


def measure_at(at: Place, turns: int, share: int = 1) -> list[Row]:
    """Let both take turns; each ratio is of one turn, so that a busy moment hits both sides.

    With `share` each turn is only that part of its size.
    """
    ours, stock = Ours(at), Library(at)
    ours.turn(100, 100)  # Warm up.
    stock.turn(50)
    theirs: list[float] = []
    mine: dict[int, list[float]] = {size: [] for size in OUR_MERGES}
    for _ in range(turns):
        theirs.append(stock.turn(STOCK_MERGES // share))
        for size, merges in OUR_MERGES.items():
            mine[size].append(ours.turn(merges // share, size))
    ours.ledger.close()
    stock.application.close()
    rows = [_row("stock eventsourcing, no rules, 1 a save", theirs, theirs)]
    return rows + [_row(f"Merge Ledger, every rule, {LABEL[size]}", rates, theirs) for size, rates in mine.items()]


def _row(what: str, rates: list[float], theirs: list[float]) -> Row:
    ratio = statistics.median(rate / stock for rate, stock in zip(rates, theirs, strict=True))
    return Row(what, round(statistics.median(rates)), round(min(rates)), round(max(rates)), round(ratio, 1))


def table(rows: Iterable[Row], store: str = SQLITE) -> str:
    """Write the rows as a Markdown table, as the docs have it."""
    lines = [
        f"| {TITLES[store]}, 24 properties a side | merges/s | slowest to fastest turn | times stock |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {row.what} | {row.merges_a_second:,} | {row.slowest:,} to {row.fastest:,} | {row.times_stock:.1f} |"
        for row in rows
    ]
    return "\n".join(lines)


def results_of(store: str) -> Path:
    """Name the file that the figures of a store are written to."""
    return RESULTS if store == SQLITE else RESULTS.with_stem(f"{RESULTS.stem}-{store}")


def main(given: list[str] | None = None) -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description="Merges a second, against the stock eventsourcing library.")
    parser.add_argument("--store", choices=[*STORES, "both"], default=SQLITE)
    parser.add_argument("--turns", type=int, default=None, help=f"({TURNS})")
    parser.add_argument("--quick", action="store_true", help="as little as shows that it works")
    parser.add_argument("--json", type=Path, default=None, help="where to write the figures")
    arguments = parser.parse_args(given)
    turns = arguments.turns or (1 if arguments.quick else TURNS)
    for store in STORES if arguments.store == "both" else [arguments.store]:
        with place(store) as at:
            rows = measure_at(at, turns, 20 if arguments.quick else 1)
        print(table(rows, store))
        figures = {**machine(), "turns": turns, "rows": [row._asdict() for row in rows]}
        (arguments.json or results_of(store)).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
