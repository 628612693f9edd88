"""Tests: every bench runs on its stores, prints a table and writes down what it measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.places import TITLES
from tests.house.repository import ROOT

MODULES = ("places", "sides", "measuring", "pipeline", "report")  # What the scripts share.
ON_A_SERVER = ("through_kafka",)  # Several processes write, which is what PostgreSQL is for.
SCRIPTS = sorted(path for path in (ROOT / "bench").glob("*.py") if path.stem not in MODULES)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.stem))
def test_a_bench_runs_on_every_store_that_it_is_about(script: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    ran = subprocess.run(  # noqa: S603  our own scripts
        [sys.executable, str(script), "--quick", "--store", "both", "--json", str(figures)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stderr
    stores = {"postgresql"} if script.stem in ON_A_SERVER else {"sqlite", "postgresql"}
    assert {row["store"] for row in json.loads(figures.read_text(encoding="utf-8"))["rows"]} == stores
    assert all(TITLES[store] in ran.stdout for store in stores)


def test_the_readme_of_the_benches_names_each() -> None:
    readme = (ROOT / "bench" / "README.md").read_text(encoding="utf-8")
    assert [script.name for script in SCRIPTS if f"`{script.name}`" not in readme] == []
