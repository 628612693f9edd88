"""Tests: the figures in docs/performance.md are those that the bench wrote down, and the bench runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import merges
from tests.house.repository import text

FIGURES: dict[str, Any] = json.loads(text("bench/merges.json"))


def test_the_docs_have_the_figures_that_were_measured() -> None:
    rows = [merges.Row(**row) for row in FIGURES["rows"]]
    assert merges.table(rows) in text("docs/performance.md")


@pytest.mark.slow
def test_the_bench_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merges, "STOCK_MERGES", 5)
    monkeypatch.setattr(merges, "OUR_MERGES", {1: 5, 100: 50})
    rows = merges.measure(tmp_path, turns=1)
    assert [row.merges_a_second > 0 for row in rows] == [True, True, True]
