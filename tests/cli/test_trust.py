"""Tests: what others put into a folder sends no data and no secret anywhere, and takes no commands."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.session.settings import resolve
from cli.session.trust import doubt
from tests.cli.running import Cli, contact, lines

NOBODY = 65534
IS_ROOT = os.geteuid() == 0


def writable_by_all(folder: Path) -> None:
    folder.chmod(0o777)


def writable_by_a_group(folder: Path) -> None:
    if IS_ROOT:
        os.chown(folder, 0, NOBODY)
    folder.chmod(0o770)


def of_another_user(folder: Path) -> None:
    if not IS_ROOT:
        pytest.skip("only root can give a folder away")
    os.chown(folder, NOBODY, NOBODY)


def with_a_file_of_another_user(folder: Path) -> None:
    if not IS_ROOT:
        pytest.skip("only root can give a file away")
    for file in folder.glob("*.toml"):
        os.chown(file, NOBODY, NOBODY)


def with_a_link_out_of_it(folder: Path) -> None:
    others = folder / "others"
    others.mkdir()
    (folder / "merge-ledger.toml").rename(others / "settings.toml")
    (folder / "merge-ledger.toml").symlink_to("others/settings.toml")
    others.chmod(0o777)


STRANGE = [writable_by_all, of_another_user, with_a_file_of_another_user, with_a_link_out_of_it]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listens where a stranger would; a connection to it waits to be accepted."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.0)
        yield server


def was_reached(server: socket.socket) -> bool:
    try:
        connection, _ = server.accept()
    except BlockingIOError:
        return False
    connection.close()
    return True


def places_of(server: socket.socket) -> dict[str, str]:
    host, port = server.getsockname()
    kafka = f'kafka_bootstrap = "{host}:{port}"\nkafka_protocol = "SASL_PLAINTEXT"\nkafka_mechanism = "PLAIN"\n'
    return {
        "kafka": kafka + 'kafka_username = "u"\nkafka_deadline_s = 0.5\n',
        "kafka_secret": kafka + 'kafka_username = "u"\nkafka_deadline_s = 0.5\nkafka_password_file = "/etc/hostname"\n',
        "postgres": f'db = "postgresql://u@{host}:{port}/crm?connect_timeout=2&sslmode=disable"\n',
    }


@pytest.mark.parametrize("place", ["kafka", "kafka_secret", "postgres"])
@pytest.mark.parametrize("make_strange", STRANGE)
def test_a_settings_file_of_strangers_is_ignored_in_one_line(
    cli: Cli, listener: socket.socket, make_strange: Callable[[Path], None], place: str
) -> None:
    cli.patch.setenv("MERGE_LEDGER_KAFKA_PASSWORD", "s3cret")
    cli.patch.setenv("PGPASSWORD", "s3cret")
    cli.patch.setenv("MERGE_LEDGER_DB", "mine.db")
    if place == "postgres":
        cli.patch.delenv("MERGE_LEDGER_DB")
    (cli.folder / "merge-ledger.toml").write_text(places_of(listener)[place])
    make_strange(cli.folder)
    ran = cli("status", "-o", "json")
    assert not was_reached(listener)
    assert {one["origin"] for one in ran.json["settings"]} <= {
        "default",
        "-o",
        "--output",
        "MERGE_LEDGER_DB",
        "MERGE_LEDGER_KAFKA_PASSWORD",
    }
    [told] = [line for line in ran.err.splitlines() if "merge-ledger.toml" in line]
    assert told.startswith("merge-ledger: settings file merge-ledger.toml is ignored: ")


@pytest.mark.parametrize("place", ["kafka", "kafka_secret", "postgres"])
def test_a_folder_that_came_in_an_archive_names_no_server_and_no_secret(
    cli: Cli, listener: socket.socket, place: str
) -> None:
    cli.patch.setenv("MERGE_LEDGER_KAFKA_PASSWORD", "s3cret")
    cli.patch.setenv("PGPASSWORD", "s3cret")
    (cli.folder / "merge-ledger.toml").write_text(places_of(listener)[place])
    ran = cli("status", "-o", "json")
    assert not was_reached(listener)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "settings file merge-ledger.toml: " in ran.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('actor = "boss"', "actor cannot be set in the current folder; set MERGE_LEDGER_ACTOR"),
        ('health = "0.0.0.0:80"', "health cannot be set"),
        ('kafka_topic_prefix = "theirs."', "kafka_topic_prefix cannot be set"),
        ('kafka_ca_file = "ca.pem"', "kafka_ca_file cannot be set"),
        ('db = "../crm.db"', "db: expected a file of the current folder"),
        ('db = "/var/crm.db"', "db: expected a file of the current folder"),
        ('db = ".."', "db: expected a file of the current folder"),
    ],
)
def test_a_setting_that_a_folder_may_not_make_is_a_mistake_with_the_next_step(cli: Cli, text: str, told: str) -> None:
    (cli.folder / "merge-ledger.toml").write_text(text)
    ran = cli("status")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert told in ran.err


def test_a_folder_of_ones_own_names_its_ledger_account_and_output(cli: Cli) -> None:
    (cli.folder / "merge-ledger.toml").write_text('db = "crm.db"\naccount = "shop"\noutput = "json"\n')
    ran = cli("apply", "-", stdin=lines(contact("1")))
    assert (ran.code, ran.json[0]["status"]) == (0, "applied")
    assert (cli.folder / "crm.db").exists()


# -- a ledger that nobody named ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["ledger.db", "crm.db"])
@pytest.mark.parametrize("make_strange", [writable_by_all, writable_by_a_group, of_another_user])
def test_a_ledger_in_a_folder_of_strangers_is_used_only_by_name(
    cli: Cli, make_strange: Callable[[Path], None], file: str
) -> None:
    if file == "crm.db":
        (cli.folder / "merge-ledger.toml").write_text('db = "crm.db"')
    cli("apply", "-", "--db", file, stdin=lines(contact("1")))
    before = (cli.folder / file).read_bytes()
    make_strange(cli.folder)
    for words in (("apply", "-"), ("show", "contacts", "1"), ("status",), ("db", "init"), ("projections", "run")):
        ran = cli(*words, stdin=lines(contact("2")))
        assert ran.code == 5, words
        assert "name it with --db to use it" in ran.err
    assert (cli.folder / file).read_bytes() == before
    assert cli("apply", "-", "--db", file, stdin=lines(contact("2"))).code == 0
    cli.patch.setenv("MERGE_LEDGER_DB", file)
    assert cli("show", "contacts", "2").code == 0


def test_a_ledger_file_that_others_can_write_is_used_only_by_name(cli: Cli) -> None:
    cli.given(contact("1"))
    (cli.folder / "ledger.db").chmod(0o666)
    ran = cli("show", "contacts", "1")
    assert (ran.code, ran.err.count("\n")) == (5, 1)
    assert "other users can write to ledger.db" in ran.err


# -- whose a file is ---------------------------------------------------------------------------------------------------


def test_ones_own_file_and_an_absent_one_in_ones_own_folder_are_trusted(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o600)
    assert doubt(tmp_path / "file") is None
    assert doubt(tmp_path / "absent") is None


def test_files_of_root_are_trusted_and_those_of_another_are_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o644)
    assert doubt(Path("/etc/passwd"), user=NOBODY) is None
    told = doubt(tmp_path / "file", user=NOBODY + 1)
    assert told is None if IS_ROOT else str(told).endswith("belongs to another user")


def test_a_file_in_an_open_folder_is_not_trusted_though_it_is_ones_own() -> None:
    assert doubt(Path("/tmp/absent-file")) == "other users can write to /tmp"  # noqa: S108  it is open to all


# -- the user's own file -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["XDG_CONFIG_HOME", "HOME"])
def test_a_home_that_is_a_relative_path_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    for folder in ("merge-ledger", ".config/merge-ledger"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "merge-ledger.toml").write_text('actor = "boss"')
    monkeypatch.chdir(tmp_path)
    settings = resolve({}, environment={"HOME": "/nowhere", variable: "."}, folder=tmp_path)
    assert settings.actor is None


def test_the_demo_writes_through_no_link(cli: Cli) -> None:
    (cli.folder / "precious").write_text("precious")
    (cli.folder / "merge-ledger-demo.commands.jsonl").symlink_to("precious")
    ran = cli("demo")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert (cli.folder / "precious").read_text() == "precious"
