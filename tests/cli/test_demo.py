"""Tests: `merge-ledger demo` shows the whole way, leaves other ledgers alone, and its last words can be typed."""

import shlex
from pathlib import Path
from shutil import copytree

import pytest

from cli.commands.demo import DATABASE
from cli.session import exits
from ledger.opening import open_ledger
from tests.cli.running import Cli, contact
from tests.conftest import Demonstrated


@pytest.fixture
def shown(cli: Cli, demonstrated: Demonstrated) -> Cli:
    """The command line in a folder where the demo was run."""
    copytree(demonstrated.folder, cli.folder, dirs_exist_ok=True)
    return cli


def head(database: Path) -> int:
    with open_ledger(str(database), create=False, read_only=True) as ledger:
        return ledger.head()


def test_the_demo_goes_the_whole_way(demonstrated: Demonstrated) -> None:
    out = demonstrated.out
    assert "sends 5,800 commands" in out
    assert "5,764 applied, 36 refused" in out
    assert "refused: ALREADY_EXISTS 2, ALREADY_MERGED 2, COMMAND_ID_REUSED 1" in out
    assert "from nothing gives the same tables" in out
    assert "contacts 101 + 102 → 103" in out
    assert "H10 user_choice" in out
    assert (demonstrated.folder / DATABASE).exists()


def test_the_demo_run_again_changes_nothing_and_tells_the_same(shown: Cli, demonstrated: Demonstrated) -> None:
    before = head(shown.folder / DATABASE)
    again = shown("demo")
    assert (again.code, again.err) == (exits.DONE, "")
    assert head(shown.folder / DATABASE) == before
    assert "nothing new: every command had its answer already" in again.out
    assert again.out.partition("One merge")[2] == demonstrated.out.partition("One merge")[2]


def test_what_was_done_to_the_demos_ledger_since_stays(shown: Cli) -> None:
    merged = shown("--db", DATABASE, "merge", "contacts", "301", "302", "--yes", "-o", "json")
    assert merged.code == exits.DONE, merged.err
    assert shown("demo").code == exits.DONE
    assert shown("--db", DATABASE, "resolve", "contacts", "302", "-o", "json").json[0]["status"] == "merged_away"


def test_the_three_commands_to_try_next_work_as_printed(shown: Cli, demonstrated: Demonstrated) -> None:
    printed = [line for line in demonstrated.out.splitlines() if line.startswith("  merge-ledger ")]
    assert len(printed) == 3
    for line in printed:
        _, *arguments = shlex.split(line, comments=True)
        tried = shown(*arguments)
        assert (tried.code, tried.err) == (exits.DONE, ""), line
        assert tried.out


def test_the_demo_takes_its_ledger_from_the_flag_and_from_no_setting(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGE_LEDGER_DB", "precious.db")
    cli.given(contact("1"))
    before = head(cli.folder / "precious.db")
    ran = cli("--db", "of my own.db", "demo")
    assert ran.code == exits.DONE
    assert "merge-ledger --db 'of my own.db' show" in ran.out
    assert head(cli.folder / "of my own.db") > 0
    assert head(cli.folder / "precious.db") == before
    assert not (cli.folder / DATABASE).exists()


def test_the_demo_writes_into_no_ledger_that_holds_anything_else(cli: Cli) -> None:
    cli.given(contact("1"))
    before = head(cli.folder / "ledger.db")
    ran = cli("--db", "ledger.db", "demo")
    assert ran.code == exits.USAGE
    assert "holds more than this demo's sample" in ran.err
    assert not ran.out
    assert head(cli.folder / "ledger.db") == before


def test_the_demos_file_can_be_applied_by_hand(shown: Cli) -> None:
    file = f"{DATABASE.removesuffix('.db')}.commands.jsonl"
    ran = shown("--db", "by-hand.db", "apply", file, "-o", "jsonl")
    assert ran.code == exits.REFUSED
    assert len(ran.lines) == 5_800


def test_a_folder_that_is_not_there_is_told_in_one_line(cli: Cli) -> None:
    ran = cli("--db", "no/such/folder/demo.db", "demo")
    assert ran.code == exits.STORE_UNUSABLE
    assert len(ran.err.splitlines()) == 1
