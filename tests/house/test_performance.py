"""Tests: the table in docs/performance.md is what the benches wrote down, and leaves none of them out."""

import json

from bench import report
from tests.house.repository import ROOT, text


def test_the_docs_have_the_figures_that_were_measured() -> None:
    assert report.table() in text("docs/performance.md")


def test_every_figure_is_of_a_whole_run_on_all_its_stores() -> None:
    for path in (ROOT / "bench").glob("*.json"):
        command = json.loads(path.read_text(encoding="utf-8"))["command"]
        assert command.startswith(f"python bench/{path.stem}.py")
        assert "--quick" not in command
        assert "--store" not in command
