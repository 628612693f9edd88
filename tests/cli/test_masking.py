"""Layer: tests. No secret that a URL or a connection string holds is printed, wherever it goes."""

import logging
import os
from pathlib import Path

import pytest

from cli.commands.workers import JsonLines
from cli.session.masking import masked, masked_place
from tests.cli.running import Cli

SECRET = "s3cret"  # noqa: S105  made up


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("postgresql://me:s3cret@host:5432/crm", "postgresql://me:***@host:5432/crm"),
        ("postgres://me:s3%40cret@host/crm?sslmode=require", "postgres://me:***@host/crm?sslmode=require"),
        ("postgresql://me:s3cret@more/s3cret?s3cret@host/crm", "postgresql://me:***@host/crm"),
        ("postgresql://:s3cret@host/crm", "postgresql://:***@host/crm"),
        ("postgresql://me@host,other:5433/crm", "postgresql://me@host,other:5433/crm"),
        ("postgresql:///crm?host=/tmp&user=a@b&password=s3cret", "postgresql:///crm?host=/tmp&user=a@b&password=***"),
        ("postgresql://host/crm?sslpassword=s3cret&sslkey=/k", "postgresql://host/crm?sslpassword=***&sslkey=/k"),
        ("postgresql://host/crm?%70assword=s3cret", "postgresql://host/crm?%70assword=***"),
        ("postgresql://host/crm?PassWord=s3cret=s3cret", "postgresql://host/crm?PassWord=***"),
        ("postgresql://host/crm?scram_client_key=s3cret", "postgresql://host/crm?scram_client_key=***"),
        ("postgresql://host/crm?oauth_client_secret=s3cret", "postgresql://host/crm?oauth_client_secret=***"),
        ("postgresql://host/crm?unknown=s3cret&passfile=/p", "postgresql://host/crm?unknown=***&passfile=/p"),
        ("postgresql://host/crm?s3cret", "postgresql://host/crm?***"),
        ("https://me:s3cret@login/token?client_secret=s3cret", "https://me:***@login/token?client_secret=***"),
        ("host=h user=me password=s3cret dbname=crm", "host=h user=me password=*** dbname=crm"),
        (r"host=h password = 's3cret \'s3cret' port=1", "host=h password = *** port=1"),
        ("host=h new_kind=s3cret", "host=h new_kind=***"),
        ("./ledger.db", "./ledger.db"),
        ("./a=b.db", "./a=b.db"),
    ],
)
def test_what_is_shown_of_a_place(given: str, shown: str) -> None:
    assert masked_place(given) == shown
    assert SECRET not in masked(f"the ledger at {given} cannot be reached") or "new_kind" in given


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("see postgresql://me:s3cret@host/crm.", "see postgresql://me:***@host/crm."),
        ("'postgresql://h/crm?password=s3cret': no", "'postgresql://h/crm?password=***': no"),
        ("no ledger at host=h password=s3cret; run", "no ledger at host=h password=*** run"),
        ("merged 101 into 103, since=now", "merged 101 into 103, since=now"),
    ],
)
def test_what_is_shown_of_a_text(given: str, shown: str) -> None:
    assert masked(given) == shown


URLS = (
    "postgresql://me:s3cret@127.0.0.1:1/none",
    "postgresql://127.0.0.1:1/none?user=me&password=s3cret",
    "postgresql://127.0.0.1:1/none?%70assword=s3cret&sslpassword=s3cret",
    "postgresql://127.0.0.1:1/none?nonsense=s3cret",
    "postgresql://me:s3cret@[127.0.0.1:1/none",
    "host=127.0.0.1 port=1 dbname=none password=s3cret",
)
COMMANDS = (["apply", "-"], ["show", "contacts", "1"], ["db", "init"], ["projections", "run"], ["worker", "project"])


@pytest.mark.parametrize("url", URLS)
def test_status_shows_no_secret_of_the_ledgers_place(cli: Cli, url: str) -> None:
    ran = cli("--db", url, "status", "-o", "json")
    assert ran.code == (5 if "://" in url else 2)  # A connection string names no ledger.
    assert SECRET not in ran.out + ran.err
    cli.patch.setenv("MERGE_LEDGER_DB", url)
    ran = cli("status", "-o", "table")
    assert SECRET not in ran.out + ran.err
    ran = cli("status", "--help")
    assert SECRET not in ran.out + ran.err


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_prints_the_secret_of_the_ledgers_place(cli: Cli, words: list[str]) -> None:
    ran = cli("--db", "postgresql://me:s3cret@127.0.0.1:1/none?sslpassword=s3cret", *words)
    assert ran.code == 5
    assert SECRET not in ran.out + ran.err


def test_an_argument_that_is_misspelt_is_told_without_its_secret(cli: Cli) -> None:
    ran = cli("status", "--dbb=postgresql://me:s3cret@h/none")
    assert ran.code == 2
    assert SECRET not in ran.err


def test_a_crash_report_holds_no_secret(cli: Cli, tmp_path: Path) -> None:
    cli.patch.setenv("XDG_STATE_HOME", str(tmp_path))

    def fails(*_: object, **__: object) -> None:
        msg = "invalid dsn postgresql://me:s3cret@h/x?password=s3cret and password='s3cret'"
        raise RuntimeError(msg)

    cli.patch.setattr("projections.opening.open_ledger", fails)
    assert cli("--db", URLS[0], "status").code == 70
    (report,) = (tmp_path / "merge-ledger").glob("crash-*.txt")
    assert "postgresql://me:***@h/x?password=***" in report.read_text()
    assert SECRET not in report.read_text()
    assert report.stat().st_mode & 0o777 == 0o600
    assert os.access(report, os.R_OK)


def test_a_line_of_a_workers_log_holds_no_secret() -> None:
    record = logging.LogRecord("merge_ledger.project", logging.WARNING, "", 0, "projecting waits", None, None)
    record.why = "no connection to postgresql://me:s3cret@h/x?password=s3cret"
    said = JsonLines().format(record)
    assert "me:***@h" in said
    assert SECRET not in said


@pytest.mark.parametrize("run", ["x", "9", "a.", "a-", "p%"])
def test_a_text_of_any_length_is_masked_in_good_time(run: str) -> None:
    long = run * 100_000  # It took a minute at a tenth of this.
    assert masked(f"{long} password=s3cret") == f"{long} password=***"
    assert masked_place(long) == long
