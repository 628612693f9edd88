"""Measures whether long chains of merges stay fast: the 250th merge of a chain, and looking up its oldest id.

    python bench/chains.py                      # prints a table, writes bench/chains.json

A chain is a contact that is merged again and again, each time with a new one. Many chains of both
depths take the next merge in one batch; then the read side is asked which record the oldest is today.
"""

import sys
from argparse import Namespace
from functools import partial

from bench.measuring import Measured, Sizes, compared, run, seconds
from bench.places import Place
from bench.sides import create, execute, merge, properties
from domain.language.commands import MergeRecords
from domain.language.values import Sent
from ledger.ledger import Ledger
from ledger.opening import open_ledger
from projections.opening import read_store
from projections.reading import Reader, open_reader
from projections.running.runner import Projector

SIZES = (
    Sizes("turns", 5, 1, "turns of each depth"),
    Sizes("depth", 250, 4, "merges in a long chain; 250 is the most that may be"),
    Sizes("chains", 10, 2, "chains a turn"),
)
LOOK_UPS = 50


def link(chain: str, depth: int) -> MergeRecords:
    """Ask for a chain's merge that makes it this deep."""
    return merge(f"{chain}-{depth - 1}", f"{chain}-new-{depth}", f"{chain}-{depth}")


def begin(ledger: Ledger, chains: list[str], depth: int) -> None:
    """Make chains that lack one merge to this depth."""
    execute(ledger, (create(f"{chain}-0", values(chain, 0)) for chain in chains))
    for at in range(1, depth + 1):
        execute(ledger, (create(f"{chain}-new-{at}", values(chain, at)) for chain in chains))
        if at < depth:
            execute(ledger, [link(chain, at) for chain in chains])


def values(chain: str, at: int) -> dict[str, Sent]:
    """Fill in a contact that joins a chain; its address is its own."""
    return {**properties(at, "b" if at else "a"), "email": f"{chain}.{at}@mail.example"}


def look_up(reader: Reader, chains: list[str]) -> None:
    """Ask which record the oldest of each chain is today."""
    for _ in range(LOOK_UPS):
        for chain in chains:
            reader.resolve("contacts", [f"{chain}-0"])


def measure(at: Place, options: Namespace) -> list[Measured]:
    """Let both depths take turns."""
    db = at.database()
    depths = {"long": options.depth, "short": 1}
    merging: dict[str, list[float]] = {kind: [] for kind in depths}
    resolving: dict[str, list[float]] = {kind: [] for kind in depths}
    chains = {
        (kind, turn): [f"{kind}-{turn}-{n}" for n in range(options.chains)]
        for kind in depths
        for turn in range(options.turns + 1)
    }
    with open_ledger(db, create=False) as ledger:
        for kind, depth in depths.items():
            begin(ledger, [chain for (of, _), some in chains.items() if of == kind for chain in some], depth)
    with open_ledger(db, create=False) as ledger:  # A writer that has nothing of them in memory.
        execute(ledger, [create("warm", {})])
        for (kind, _), some in sorted(chains.items(), key=lambda one: one[0][1]):
            commands = [link(chain, depths[kind]) for chain in some]
            merging[kind].append(seconds(partial(execute, ledger, commands)))
        store = read_store(db)
        Projector(ledger, store).catch_up()
        with open_reader(store, ledger, "main") as reader:
            for (kind, _), some in sorted(chains.items(), key=lambda one: one[0][1]):
                resolving[kind].append(seconds(partial(look_up, reader, some)))
        store.close()
    rows = []
    for what, times, done, aim in (
        (f"the merge that makes a chain {options.depth} deep, to 1", merging, options.chains, 2),
        ("resolving its oldest id", resolving, options.chains * LOOK_UPS, 1.2),
    ):
        each = {kind: [1_000 * time / done for time in found[1:]] for kind, found in times.items()}
        rows.append(compared(at, what, each["long"], each["short"], unit="ms", aim=aim, at_most=True))
    return rows


def main(arguments: list[str] | None = None) -> list[Measured]:
    """Measure, print and write down."""
    return run(__file__, "Merges and look-ups on long chains, against short ones.", SIZES, measure, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
