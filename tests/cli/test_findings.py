"""Tests: a damaged log ends every command with one line and exit 5; `status` opens it and lists what is wrong."""

import sqlite3
from contextlib import closing

import pytest

from tests.cli.running import Cli, contact, lines

GIVEN = lines(contact("101"), contact("102"), contact("103"))


def spoil(cli: Cli, *statements: str, keep_triggers: bool = True) -> None:
    """Change the log past its triggers."""
    with closing(sqlite3.connect(cli.folder / "ledger.db", isolation_level=None)) as connection:
        made = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in made:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in (*statements, *(sql for _, sql in made if keep_triggers)):
            connection.execute(statement)


@pytest.mark.parametrize("command", [("show", "contacts", "101"), ("projections", "rebuild"), ("events", "list")])
def test_a_gap_ends_readers_with_exit_5_and_status_lists_it(cli: Cli, command: tuple[str, ...]) -> None:
    assert cli("apply", "-", stdin=GIVEN).code == 0
    assert cli("status").code == 0
    spoil(cli, "DELETE FROM events WHERE position = 3")
    ran = cli(*command)
    assert (ran.code, len(ran.err.splitlines())) == (5, 1)
    assert "the log is damaged at position 3: it is missing" in ran.err
    looked = cli("status", "-o", "json")
    assert looked.code == 1
    assert looked.json["database"]["checked"] == 0
    assert "damaged at position 3" in looked.json["database"]["findings"][0]
    assert "damaged at position 3" in looked.err
    assert "damaged at position 3" in cli("status", "-o", "table").out


def test_triggers_that_were_dropped_end_every_command_with_exit_5_and_status_lists_them(cli: Cli) -> None:
    assert cli("apply", "-", stdin=GIVEN).code == 0
    spoil(cli, keep_triggers=False)
    for command in (("apply", "-"), ("show", "contacts", "101", "--no-catch-up")):
        ran = cli(*command, stdin=GIVEN)
        assert (ran.code, len(ran.err.splitlines())) == (5, 1)
        assert "is not guarded (events_are_appended is missing)" in ran.err
    looked = cli("status", "-o", "json")
    assert looked.code == 1
    assert len(looked.json["database"]["findings"]) == 4
    assert looked.json["database"]["checked"] == looked.json["database"]["position"] == 6


def test_status_of_a_healthy_ledger_has_no_findings_and_tells_how_far_it_looked(cli: Cli) -> None:
    assert cli("apply", "-", stdin=GIVEN).code == 0
    database = cli("status", "-o", "json").json["database"]
    assert (database["checked"], database["findings"]) == (6, [])
