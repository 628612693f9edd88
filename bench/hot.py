"""Measures merges of a record that was updated 10,000 times, and of a company with 100,000 contacts, against any other.

    python bench/hot.py                         # prints a table, writes bench/hot.json

Each merge is a batch of its own, by a writer that has not loaded the record before.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial

from bench.measuring import Measured, Sizes, compared, run, seconds
from bench.places import Place
from bench.sides import create, execute, link, merge, properties, update
from domain.language.commands import AnyCommand, MergeRecords, Target
from domain.language.values import Sent
from ledger.opening import open_ledger

SIZES = (
    Sizes("turns", 3, 1, "turns of each side; every one has large records of its own"),
    Sizes("updates", 10_000, 150, "updates of a record"),
    Sizes("contacts", 100_000, 150, "contacts, each associated with the company of every turn"),
)


def contacts_with_updates(turns: int, updates: int) -> Iterator[AnyCommand]:
    """Make a contact for each turn that was updated often, one that was not, and one for each to be merged with."""
    for turn in range(turns):
        for nth, name in enumerate(("hot", "plain", "hot-other", "plain-other")):
            yield create(f"{name}-{turn}", properties(4 * turn + nth, "ab"[nth // 2]))
        for n in range(updates):
            yield update(turn * updates + n, f"hot-{turn}", {"city": f"City {n}", "hs_analytics_num_visits": n})


def company(name: str) -> dict[str, Sent]:
    """Fill in a company."""
    return {"name": name, "domain": f"{name}.example", "city": "Gent", "numberofemployees": 12}


def companies_with_contacts(turns: int, contacts: int) -> Iterator[AnyCommand]:
    """Make a company for each turn with that many contacts, one without, and one for each to be merged with."""
    for turn in range(turns):
        for name in ("hot", "plain", "hot-other", "plain-other"):
            yield create(f"{name}-{turn}", company(f"{name}-{turn}"), "companies")
    for n in range(contacts):
        yield create(f"of-{n}", {"firstname": "Anneke"})
        for turn in range(turns):
            yield link(n * turns + turn, Target("contacts", f"of-{n}"), Target("companies", f"hot-{turn}"))


def compare(
    at: Place, what: str, commands: Iterator[AnyCommand], ask: Callable[[str, int], MergeRecords], turns: int
) -> Measured:
    """Let both take turns."""
    db = at.database()
    with open_ledger(db, create=False) as ledger:
        execute(ledger, commands)
    times: dict[str, list[float]] = {"hot": [], "plain": []}
    with open_ledger(db, create=False) as ledger:  # A writer that has nothing of them in memory.
        for turn in range(turns):
            for side, found in times.items():
                command = ask(side, turn)
                found.append(1_000 * seconds(partial(execute, ledger, [command])))
    hot, plain = (found[1:] for found in times.values())  # The first warms up.
    return compared(at, what, hot, plain, unit="ms", aim=2, at_most=True)


def measure(at: Place, options: Namespace) -> list[Measured]:
    """Compare a contact of long standing, then a company of many contacts."""
    turns = options.turns + 1

    def merged(kind: str) -> Callable[[str, int], MergeRecords]:
        return lambda side, turn: merge(f"{side}-{turn}", f"{side}-other-{turn}", kind=kind)

    updated = f"merging a record updated {options.updates:,} times, to any other"
    linked = f"merging a company of {options.contacts:,} contacts, to any other"
    return [
        compare(at, updated, contacts_with_updates(turns, options.updates), merged("contacts"), turns),
        compare(at, linked, companies_with_contacts(turns, options.contacts), merged("companies"), turns),
    ]


def main(arguments: list[str] | None = None) -> list[Measured]:
    """Measure, print and write down."""
    return run(__file__, "Merges of large records, against any other.", SIZES, measure, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
