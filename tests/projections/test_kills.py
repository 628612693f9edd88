"""Layer: tests. A runner that is killed leaves a read model that is readable, and that the next one completes."""

import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from projections.reading import open_reader
from tests.builders import ANN
from tests.projections.histories import EVERYTHING, digests
from tests.reading import Readable

ROOT = Path(__file__).parents[2]


def project(path: Path, work: str, times: int) -> subprocess.CompletedProcess[str]:
    """Project in a process of its own, killed at that step."""
    arguments = [sys.executable, "-m", "tests.projections.doomed_projector", str(path), work, str(times)]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  ours


def killed(readable: Readable, path: Path, seed: int) -> None:
    """Kill a rebuild at a step that dice choose, read, and let the next one end the work; hold that to what was."""
    readable.projector.catch_up()
    before = digests(readable.projector)
    dice = Random(seed)  # noqa: S311  dice
    done = project(path, "rebuild", dice.randrange(1, 200))
    assert done.returncode in {0, -signal.SIGKILL}
    with open_reader(readable.store, readable.ledger, "main") as reader:
        assert reader.record(*ANN) is not None
        assert reader.position == readable.ledger.head()
    assert project(path, "rebuild", 0).returncode == 0
    assert digests(readable.projector) == before
    assert readable.store.building() is None


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_at_a_step_of_a_rebuild(readable: Readable, tmp_path: Path, seed: int) -> None:
    readable.execute(*EVERYTHING)
    killed(readable, tmp_path / "ledger.db", seed)


@pytest.mark.slow
def test_a_hundred_kills_of_rebuilds(readable: Readable, tmp_path: Path) -> None:
    readable.execute(*EVERYTHING)
    for seed in range(100):
        killed(readable, tmp_path / "ledger.db", seed)


@pytest.mark.parametrize("times", [3, 20])
def test_a_kill_while_catching_up_loses_no_page_and_repeats_none(
    readable: Readable, tmp_path: Path, times: int
) -> None:
    readable.execute(*EVERYTHING[:20])
    readable.projector.catch_up()
    readable.store.close()
    readable.execute(*EVERYTHING[20:])
    assert project(tmp_path / "ledger.db", "run", times).returncode == -signal.SIGKILL
    assert readable.show(ANN).id == "103"
    live = digests(readable.projector)
    readable.projector.rebuild()
    assert digests(readable.projector) == live
