"""Tests: new files are their owner's alone; a new ledger is said; a lost one is not begun anew without a word."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ledger.opening import open_ledger
from tests.builders import ANN, create
from tests.cli.running import Cli, contact, lines
from tests.contracts.places import batch

ROOT = Path(__file__).parents[2]
GIVEN = lines(contact("101", email="ann@x.be"))


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    return {file.name: oct(file.stat().st_mode & 0o777) for file in folder.iterdir() if file.is_file()}


@pytest.fixture
def projected(cli: Cli) -> Path:
    """A ledger with a read model beside it, and no other files."""
    assert cli("apply", "-", stdin=GIVEN).code == 0
    assert cli("show", "contacts", "101").code == 0
    return cli.folder / "ledger.db"


# -- rights


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277])
def test_new_files_are_their_owners_alone_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    """Other processes see the log and its index; they are gone when the last one closes the ledger."""
    script = (
        "import os, sys\n"
        f"os.umask({mask})\n"
        "from cli.__main__ import main\n"
        "from ledger.opening import open_ledger\n"
        "assert main(['--db', 'crm.db', 'apply', 'given.jsonl']) == 0\n"
        "with open_ledger('crm.db', create=False) as ledger:\n"
        "    ledger.lease('x', 'y', 1.0)\n"
        "    assert main(['--db', 'crm.db', 'projections', 'rebuild']) == 0\n"
        "    for name in sorted(os.listdir('.')):\n"
        "        print(name, oct(os.stat(name).st_mode & 0o777))\n"
    )
    (tmp_path / "given.jsonl").write_bytes(GIVEN)
    ran = subprocess.run(  # noqa: S603  our own interpreter and script
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    made = dict(line.split() for line in ran.stdout.splitlines() if line.startswith("crm.db"))
    assert {"crm.db", "crm.db-wal", "crm.db-shm", "crm.db.projections.db", "crm.db.projections-1.db"} <= made.keys()
    assert set(made.values()) == {"0o600"}


def test_the_demos_files_are_their_owners_alone(cli: Cli) -> None:
    with umask(0o000):
        assert cli("demo").code == 0
    assert set(modes(cli.folder).values()) == {"0o600"}
    assert any(name.endswith(".jsonl") for name in modes(cli.folder))


def test_a_link_to_a_file_that_is_not_there_makes_it_its_owners_alone(cli: Cli) -> None:
    (cli.folder / "link.db").symlink_to(cli.folder / "ledger.db")
    with umask(0o000):
        assert cli("apply", "-", "--db", "link.db", stdin=GIVEN).code == 0
    assert modes(cli.folder)["ledger.db"] == "0o600"


def test_a_file_that_is_there_keeps_its_rights(cli: Cli, projected: Path) -> None:
    projected.chmod(0o640)
    assert cli("apply", "-", stdin=lines(contact("102"))).code == 0
    assert modes(cli.folder)["ledger.db"] == "0o640"


def test_a_report_of_a_crash_is_its_owners_alone(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    state = cli.folder / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setattr("cli.commands.apply.read_batches", None)
    with umask(0o000):
        assert cli("apply", "-", stdin=GIVEN).code == 70
    assert set(modes(state / "merge-ledger").values()) == {"0o600"}


# -- new


def test_apply_says_that_it_made_a_ledger_and_where(cli: Cli) -> None:
    assert "created a new ledger at ./ledger.db\n" in cli("apply", "-", stdin=GIVEN).err
    assert "created a new ledger" not in cli("apply", "-", stdin=GIVEN).err


# -- lost


def lose(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
    elif how == "cut":
        path.write_bytes(b"")
    else:  # As it is after a crash of the making: a header, and no tables.
        path.unlink()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")


@pytest.mark.parametrize(("how", "told"), [("gone", "is gone"), ("cut", "is empty"), ("without tables", "is empty")])
@pytest.mark.parametrize(
    "command",
    [
        ("apply", "-"),
        ("merge", "contacts", "101", "102", "--yes"),
        ("show", "contacts", "101"),
        ("projections", "rebuild"),
        ("db", "init"),
        ("show", "contacts", "101", "--no-catch-up"),
    ],
    ids=" ".join,
)
def test_a_ledger_that_is_lost_is_not_begun_anew_while_its_read_model_is_there(
    cli: Cli, projected: Path, how: str, told: str, command: tuple[str, ...]
) -> None:
    lose(projected, how)
    before = {file.name: file.read_bytes() for file in cli.folder.iterdir() if file.is_file()}
    ran = cli(*command, stdin=GIVEN)
    assert ran.code == 5
    if how == "without tables" and command[0] in ("show", "projections"):
        assert "is not a ledger" in ran.err
    else:
        assert f"the ledger at ./ledger.db {told}, though ledger.db.projections.db beside it" in ran.err
    assert len(ran.err.splitlines()) == 1
    assert ran.out == ""
    assert {file.name: file.read_bytes() for file in cli.folder.iterdir() if file.is_file()} == before


@pytest.mark.parametrize("how", ["gone", "cut"])
def test_commits_that_are_still_in_the_log_are_not_thrown_away_with_a_lost_file(cli: Cli, how: str) -> None:
    path = cli.folder / "ledger.db"
    with open_ledger(str(path), create=True) as ledger:
        ledger.execute(batch(create(ANN)))
        log = Path(f"{path}-wal").read_bytes()
    lose(path, how)
    Path(f"{path}-wal").write_bytes(log)
    ran = cli("apply", "-", stdin=GIVEN)
    assert (ran.code, len(ran.err.splitlines())) == (5, 1)
    assert "though ledger.db-wal beside it" in ran.err
    assert Path(f"{path}-wal").read_bytes() == log


def test_who_means_to_begin_anew_deletes_what_the_line_names(cli: Cli, projected: Path) -> None:
    projected.unlink()
    (cli.folder / "ledger.db.projections.db").unlink()
    assert cli("apply", "-", stdin=lines(contact("202"))).code == 0
    assert cli("show", "contacts", "202").code == 0
    assert cli("show", "contacts", "101").code == 4
