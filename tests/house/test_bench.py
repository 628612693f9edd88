"""Tests: every bench runs on both stores, prints a table and writes down what it measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.repository import ROOT

MODULES = ("places", "sides", "measuring")  # What the scripts share.
SCRIPTS = sorted(path for path in (ROOT / "bench").glob("*.py") if path.stem not in MODULES)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.stem))
def test_a_bench_runs_on_both_stores(script: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    ran = subprocess.run(  # noqa: S603  our own scripts
        [sys.executable, str(script), "--quick", "--store", "both", "--json", str(figures)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stderr
    assert "SQLite" in ran.stdout
    assert "PostgreSQL" in ran.stdout
    assert json.loads(figures.read_text(encoding="utf-8"))["rows"]


def test_the_readme_of_the_benches_names_each() -> None:
    readme = (ROOT / "bench" / "README.md").read_text(encoding="utf-8")
    assert [script.name for script in SCRIPTS if f"`{script.name}`" not in readme] == []
