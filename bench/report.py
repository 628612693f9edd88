"""Puts what all scripts wrote down into one table, as docs/performance.md has it.

python bench/report.py
"""

import json
from collections.abc import Iterator
from pathlib import Path

from bench.measuring import Measured, figures_of, verdict
from bench.places import TITLES

FOLDER = Path(__file__).parent


def results() -> Iterator[tuple[str, list[Measured]]]:
    """Read every script's results: the command that measured them, and its rows."""
    for path in sorted(FOLDER.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        yield found["command"], [Measured(**row) for row in found["rows"]]


def table() -> str:
    """Write all of it as a Markdown table."""
    lines = ["| what | store | ours | against | ratio | aim | | by |", "|---|---|---:|---:|---:|---:|---|---|"]
    for command, rows in results():
        for row in rows:
            ours, theirs = figures_of(row)
            aim, met = verdict(row)
            cells = (row.what, TITLES[row.store], ours, theirs, f"{row.ratio:g}", aim, met, f"`{command}`")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
