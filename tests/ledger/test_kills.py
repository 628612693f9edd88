"""Layer: tests. A writer that is killed at any step loses nothing acknowledged and leaves nothing half done."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from ledger.indexes.changes import rebuild_indexes
from ledger.ledger import Ledger
from ledger.opening import open_ledger
from tests.contracts.places import INDEXES, batch
from tests.ledger.doomed_writer import commands

ROOT = Path(__file__).parents[2]
STEPS = ("tables made", "begun", "events written", "claims written", "lineages written", "committing", "committed")


def start(path: Path, step: str, times: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-m", "tests.ledger.doomed_writer", str(path), step, str(times)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own script


def acknowledged(writer: subprocess.Popen[str]) -> list[str]:
    said, _ = writer.communicate(timeout=60)
    return said.split()


def check(path: Path, answered: list[str]) -> None:
    """Hold what is left to what was acknowledged; send everything again; hold that to a run without a kill."""
    batches = [batch(*made) for made in commands()]
    with open_ledger(str(path), create=True) as ledger:
        log = ledger.read(0, 100_000)
        assert [stored.position for stored in log] == list(range(1, len(log) + 1))
        stored_outcomes = [stored.stream.rsplit("/", 1)[1] for stored in log if stored.type == "command.applied.v1"]
        assert stored_outcomes[: len(answered)] == answered
        whole = [0]
        for made in batches:
            whole.append(whole[-1] + len(made))
        assert len(stored_outcomes) in whole, "a batch is stored whole or not at all"
        assert indexes(path, ledger)

        again = [outcome for made in batches for outcome in ledger.execute(made)]
        assert {outcome.status for outcome in again} == {"applied"}
        assert [outcome.command_id for outcome in again if outcome.repeated] == stored_outcomes
        with open_ledger(str(path.with_name("unharmed.db")), create=True) as unharmed:
            for made in batches:
                unharmed.execute(made)
            assert [(one.stream, one.version, one.type) for one in ledger.read(0, 100_000)] == [
                (one.stream, one.version, one.type) for one in unharmed.read(0, 100_000)
            ]
        assert indexes(path, ledger)


def indexes(path: Path, ledger: Ledger) -> bool:
    """Whether the indexes that are kept equal those made again from the log."""

    def dump() -> list[list[tuple[object, ...]]]:
        with closing(sqlite3.connect(path)) as connection:
            return [sorted(connection.execute(f"SELECT * FROM {table}")) for table in INDEXES]  # noqa: S608

    kept = dump()
    rebuild_indexes(ledger.store)
    return kept == dump()


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_a_step_of_the_append(tmp_path: Path, step: str, times: int) -> None:
    writer = start(tmp_path / "ledger.db", step, times)
    answered = acknowledged(writer)
    expected = 0 if (step, times) == ("tables made", 3) else -signal.SIGKILL  # Tables are made once.
    assert writer.returncode == expected
    check(tmp_path / "ledger.db", answered)


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_at_any_moment(tmp_path: Path, seed: int) -> None:
    writer = start(tmp_path / "ledger.db", "never", 1)
    time.sleep(0.1 + random.Random(seed).random() * 0.4)  # noqa: S311  dice
    writer.kill()
    check(tmp_path / "ledger.db", acknowledged(writer))


def test_two_processes_that_make_a_ledger_at_once_make_one(tmp_path: Path) -> None:
    writers = [start(tmp_path / "ledger.db", "never", 1) for _ in range(3)]
    for writer in writers:
        acknowledged(writer)
        assert writer.returncode == 0
    check(tmp_path / "ledger.db", [])
