"""Layer: tests. Writers and projectors killed hundreds of times, on both stores: nothing lost, nothing doubled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STEPS = {
    "sqlite": {"begun", "events written", "claims written", "lineages written", "committing", "committed"},
    "postgres": {"begun", "appending", "appended", "committing", "committed"},
}
OF_PROJECTORS = {f"{who}: {when} a statement" for who in ("page", "rebuild") for when in ("before", "after")}


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def db(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.getfixturevalue("postgres_url") if kind == "postgres" else tmp_path / "ledger.db")


def kill(db: str, kills: int) -> dict[str, int]:
    arguments = [sys.executable, "-m", "tests.failure.killing", db, str(kills), "7"]
    ran = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  our own script
    assert ran.returncode == 0, ran.stderr[-4_000:]
    killed: dict[str, int] = json.loads(ran.stdout)
    return killed


def test_a_few_kills_lose_nothing_and_double_nothing(db: str) -> None:
    assert sum(kill(db, 12).values()) == 12


@pytest.mark.slow
def test_300_kills_at_every_step_lose_nothing_and_double_nothing(db: str, kind: str) -> None:
    killed = kill(db, 300)
    assert sum(killed.values()) == 300
    assert STEPS[kind] | OF_PROJECTORS | {"at any moment"} <= set(killed)
    assert sum(number for step, number in killed.items() if step in OF_PROJECTORS) >= 100
