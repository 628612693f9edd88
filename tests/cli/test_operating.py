import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from domain.language.commands import Envelope
from domain.language.outcomes import Outcome
from ledger.ledger import Ledger
from ledger.store.port import FullDatabase
from tests.cli.running import Cli, contact

READS: list[Sequence[str]] = [
    ("show", "contacts", "1"),
    ("find", "contacts", "--email", "a@b"),
    ("resolve", "contacts", "1"),
    ("search", "contacts"),
    ("merges", "list"),
    ("preview", "contacts", "1", "2"),
    ("projections", "list"),
    ("projections", "run"),
    ("projections", "rebuild"),
    ("status",),
    ("account", "show"),
]


def test_projections_are_brought_up_to_date_and_told(cli: Cli) -> None:
    cli.given(contact("1"), contact("2"))
    before = cli("projections", "list", "--no-catch-up").lines
    assert {(one["generation"], one["position"], one["lag_events"], one["digest"]) for one in before} == {
        (0, 0, 4, None)
    }
    assert cli("projections", "run").err.startswith("up to date: 4 events")
    after = cli("projections", "list").lines
    assert {(one["position"], one["lag_events"], one["lag_seconds"]) for one in after} == {(4, 0, 0.0)}
    assert all(one["digest"] for one in after)


def test_a_rebuild_gives_the_same_digests_in_a_new_generation(cli: Cli) -> None:
    cli.given(contact("1"), contact("2"))
    cli("merge", "contacts", "1", "2", "--yes")
    before = cli("projections", "list").lines
    assert cli("projections", "rebuild").err.startswith("rebuilt: 8 events")
    after = cli("projections", "list").lines
    assert [one["digest"] for one in after] == [one["digest"] for one in before]
    assert after[0]["generation"] > before[0]["generation"]


def test_status_is_database_projections_and_settings_on_one_page(cli: Cli) -> None:
    cli.given(contact("1"))
    page = cli("status", "--account", "main", "-o", "json").json
    assert page["database"]["position"] == 2
    assert page["projections"]["lag_events"] == 2
    settings = {one["name"]: (one["value"], one["origin"]) for one in page["settings"]}
    assert settings["account"] == ("main", "--account")
    assert settings["db"] == ("./ledger.db", "default")


def test_status_without_a_database_still_tells_the_settings(cli: Cli) -> None:
    ran = cli("status", "-o", "json")
    assert ran.code == 5
    assert "there is no ledger" in ran.json["database"]["problem"]
    assert ran.json["settings"]


def test_status_tells_no_password(cli: Cli) -> None:
    ran = cli("status", "--db", "postgresql://me:s3cret@127.0.0.1:1/none")
    assert ran.code == 5
    assert "s3cret" not in ran.out + ran.err


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_reading_makes_no_database(cli: Cli, words: Sequence[str]) -> None:
    ran = cli(*words)
    assert ran.code == 5
    assert ran.err.startswith("merge-ledger: there is no ledger at ./ledger.db")
    assert ran.err.count("\n") == 1
    assert list(cli.folder.glob("*.db*")) == []


def not_a_database(path: Path) -> None:
    path.write_bytes(b"this is no database, and long enough to tell" * 100)


def a_folder(path: Path) -> None:
    path.mkdir()


def another_database(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("create table events (x)")
    database.close()


def newer(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("pragma user_version = 99")
    database.close()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (not_a_database, "is not a ledger"),
        (a_folder, "is not a ledger"),
        (another_database, "is not a ledger"),
    ],
)
def test_what_is_no_ledger_is_left_alone(cli: Cli, spoil: object, told: str) -> None:
    assert callable(spoil)
    spoil(cli.folder / "ledger.db")
    for words in (("show", "contacts", "1"), ("apply", "-"), ("status",)):
        ran = cli(*words, stdin=b'{"type":"configure_account","command_id":"c"}')
        assert ran.code == 5
        assert told in ran.err
        assert ran.err.count("\n") == 1


def test_a_ledger_of_a_newer_version_is_left_alone(cli: Cli) -> None:
    cli.given(contact("1"))
    newer(cli.folder / "ledger.db")
    for words in (("show", "contacts", "1"), ("apply", "-"), ("merge", "contacts", "1", "2", "--yes")):
        ran = cli(*words, stdin=b'{"type":"configure_account","command_id":"c"}')
        assert ran.code == 5
        assert "schema 99" in ran.err


def test_a_store_that_fails_half_way_says_how_far_it_came(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    execute = Ledger.execute
    batches = iter([execute])

    def once(ledger: Ledger, batch: Sequence[Envelope]) -> list[Outcome]:
        for doing in batches:
            return doing(ledger, batch)
        raise FullDatabase(ledger.store.location)

    monkeypatch.setattr(Ledger, "execute", once)
    many = b"".join(b'{"type":"configure_account","command_id":"c-%d"}\n' % number for number in range(5000))
    ran = cli("apply", "-", stdin=many)
    assert ran.code == 5, ran.err
    assert len(ran.lines) == 1000
    assert "stopped after line 1,000: 1,000 applied; run the same file again to continue" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("shwo", "contacts", "1"), "Unknown command"),
        (("show", "contacts"), "requires an argument"),
        (("show", "contacts", "1", "2"), "2"),
        (("show", "contacts", "1", "--nope"), "Unknown option"),
        (("-o", "xml", "status"), "Choose from"),
        (("--db", "a", "status", "--db", "b"), "multiple times"),
        (("--account", "a b", "status"), "--account: account: expected"),
        (("merges", "lst"), "Unknown command"),
        (("events", "list", "--record", "contacts"), "--record"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(cli: Cli, words: Sequence[str], told: str) -> None:
    ran = cli(*words)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.startswith("merge-ledger: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("words", [("--help",), ("show", "--help"), ("merges", "--help"), ("merges", "list", "-h"), ()])
def test_help_goes_to_stdout_and_names_the_options_of_every_command(cli: Cli, words: Sequence[str]) -> None:
    ran = cli(*words)
    assert (ran.code, ran.err) == (0, "")
    assert "--account" in ran.out


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version").out.strip()


@pytest.mark.parametrize("words", [("merge",), ("apply",), ("worker", "resume")], ids=" ".join)
def test_help_lists_what_a_command_adds_apart_from_the_options_of_every_command(cli: Cli, words: Sequence[str]) -> None:
    own, _, of_every = cli(*words, "--help").out.partition("Options of every command")
    assert ("─ Options ─" in own, "--yes" in own, "--yes" in of_every, "--db" in of_every) == (True, True, False, True)


@pytest.mark.parametrize("words", [("merge",), ("show",), ("search",), ()], ids=" ".join)
def test_help_shows_defaults_that_say_something(cli: Cli, words: Sequence[str]) -> None:
    shown = cli(*words, "--help").out
    assert "[default: False]" not in shown
    assert "[default: ()]" not in shown
    assert ("[default: 100]" in shown) == (words == ("search",))
