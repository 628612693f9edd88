"""Tests: every example of the README and the docs prints what the page says, on the demo's ledger.

A block marked `console` is a session: lines that begin with `$` are typed, the others are what is
printed. `…` in a line stands for anything, and alone on a line for any lines.
"""

import re
import shlex
from pathlib import Path
from shutil import copytree

import pytest

from cli.commands.demo import DATABASE
from tests.cli.running import Cli
from tests.conftest import Demonstrated
from tests.house.repository import ROOT

PAGES = [
    page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if "```console" in page.read_text()
]


@pytest.fixture
def terminal(
    tmp_path: Path,
    demonstrated: Demonstrated,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Cli:
    """A terminal in a clone where the demo was run; it draws tables, and its examples speak of the demo's ledger."""
    copytree(demonstrated.folder, tmp_path, dirs_exist_ok=True)
    copytree(ROOT / "docs", tmp_path / "docs")
    monkeypatch.setenv("MERGE_LEDGER_DB", DATABASE)
    monkeypatch.setenv("MERGE_LEDGER_OUTPUT", "table")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return Cli(tmp_path, capsysbinary, monkeypatch)


def sessions(page: Path) -> list[tuple[str, str]]:
    """Read what is typed on a page, and what is printed for each."""
    typed: list[tuple[str, str]] = []
    for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            typed.append((command, printed))
    return typed


def pattern(printed: str) -> str:
    """Write what a page says as what may be printed; blanks at the ends of lines do not count."""
    lines = [re.escape(line.rstrip()) for line in printed.strip("\n").splitlines()]
    return "\n".join(r"(?s:.*?)" if line == "…" else line.replace("…", "[^\n]*?") for line in lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_print_what_the_page_says(page: Path, terminal: Cli) -> None:
    for command, printed in sessions(page):
        name, *arguments = shlex.split(command, comments=True)
        if name == "export":
            variable, _, value = arguments[0].partition("=")
            terminal.patch.setenv(variable, value)
            continue
        assert name == "merge-ledger", command
        ran = terminal(*arguments)
        said = "\n".join(line.rstrip() for line in (ran.out + ran.err).splitlines()).strip("\n")
        assert re.fullmatch(pattern(printed), said), f"$ {command}\n{said}"


def test_the_readme_has_examples() -> None:
    assert ROOT / "README.md" in PAGES
