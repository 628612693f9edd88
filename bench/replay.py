"""Measures how many events a second are read and decoded, against the stock eventsourcing library.

    python bench/replay.py                      # prints a table, writes bench/replay.json

Both sides hold what the same mixed commands wrote, and read it all in pages of 5,000; each event
becomes an object of its class.
"""

import sys
from argparse import Namespace

from bench.measuring import Measured, Sizes, compared, rate, run
from bench.places import Place, ledger_in
from bench.sides import Stock, carry_out, execute, traffic
from ledger.ledger import Ledger

PAGE_EVENTS = 5_000
SIZES = (
    Sizes("turns", 5, 1, "turns of each side"),
    Sizes("rounds", 2_000, 5, "rounds of ten commands that wrote the events; the library's events are a tenth"),
)


def replay(ledger: Ledger) -> int:
    """Read and decode all events of a ledger."""
    position = 0
    while page := ledger.read(position, PAGE_EVENTS):
        for stored in page:
            ledger.decode(stored)
        position = page[-1].position
    return position


def replay_stock(stock: Stock) -> int:
    """Read and decode all events of the library."""
    position = 0
    while page := stock.recorder.select_notifications(position, PAGE_EVENTS, inclusive_of_start=False):
        for notification in page:
            stock.mapper.to_domain_event(notification)
        position = page[-1].id
    return position


def measure(at: Place, options: Namespace) -> list[Measured]:
    """Let both take turns."""
    stock = Stock(env=at.stock())
    carry_out(stock, {}, [*traffic(0, max(2, options.rounds // 10))])
    with ledger_in(at) as ledger:
        execute(ledger, traffic(0, options.rounds))
        replay(ledger)  # Warm up.
        replay_stock(stock)
        turns = [(rate(lambda: replay(ledger)), rate(lambda: replay_stock(stock))) for _ in range(options.turns)]
    stock.close()
    ours, theirs = zip(*turns, strict=True)
    return [compared(at, "replay, decoded", ours, theirs, unit="events/s", aim=4)]


def main(arguments: list[str] | None = None) -> list[Measured]:
    """Measure, print and write down."""
    return run(__file__, "Decoded events a second, against the stock library.", SIZES, measure, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
