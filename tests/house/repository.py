"""Layer: tests. The files of the repository, and the names of all its tests."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("domain", "ledger", "projections", "consumers", "cli")
CODE: Final = (*PACKAGES, "tests", "bench")


def sources(*folders: str) -> Iterator[Path]:
    """List the Python files in these folders."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def text(path: str) -> str:
    """Read a file of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def names_of_tests() -> tuple[str, ...]:
    """List the names of all tests."""
    return tuple(
        node.name
        for path in sources("tests")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def named_for(label: str) -> list[str]:
    """List the tests named for a rule or a case, such as `h08` or `case_49`."""
    return [name for name in names_of_tests() if re.search(rf"_{label}(_|$)", name)]


def table_rows(markdown: str, *columns: str) -> list[list[str]]:
    """Read the rows of every table whose header begins with these columns."""
    rows: list[list[str]] = []
    begins = "| " + " | ".join(columns) + " |"
    reading = False
    for line in markdown.splitlines():
        if line.startswith(begins):
            reading = True
        elif not line.startswith("|"):
            reading = False
        elif reading and not set(line) <= set("|-: "):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows
