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


def labels(name: str) -> set[str]:
    """List the rules and cases that a test is named for: `h08`, `case_05` and `case_06` of `test_case_05_and_06_…`."""
    cases = [
        number for found in re.findall(r"_case_(\d\d(?:_and_\d\d)*)(?=_|$)", name) for number in found.split("_and_")
    ]
    return {*re.findall(r"_(h\d\d)(?=_|$)", name), *(f"case_{number}" for number in cases)}


@cache
def labelled() -> frozenset[str]:
    """List every rule and case that some test is named for."""
    return frozenset(label for name in names_of_tests() for label in labels(name))


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
