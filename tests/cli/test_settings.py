from pathlib import Path

import pytest

from cli.session.exits import Mistake
from cli.session.settings import Setting, Settings, resolve
from tests.cli.running import Cli, contact, lines


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / ".config" / "merge-ledger").mkdir(parents=True)
    return tmp_path / "home"


def settle(folder: Path, flags: dict[str, object] | None = None, **environment: str) -> Settings:
    return resolve(flags or {}, environment={"HOME": str(folder / "home"), **environment}, folder=folder)


def origin(settings: Settings, name: str) -> tuple[object, str]:
    [found] = [setting for setting in settings.origins if setting.name == name]
    return found.value, found.origin


def test_without_anything_the_defaults_count(tmp_path: Path) -> None:
    settings = settle(tmp_path)
    assert (settings.db, settings.account, settings.output, settings.catch_up) == ("./ledger.db", "main", None, True)
    assert {setting.origin for setting in settings.origins} == {"default"}


def test_flag_then_environment_then_folder_then_user_then_default(tmp_path: Path, home: Path) -> None:
    user = home / ".config" / "merge-ledger" / "merge-ledger.toml"
    here = tmp_path / "merge-ledger.toml"
    user.write_text('db = "user.db"')
    assert origin(settle(tmp_path), "db") == ("user.db", str(user))
    here.write_text('db = "here.db"')
    assert origin(settle(tmp_path), "db") == ("here.db", str(here))
    assert origin(settle(tmp_path, MERGE_LEDGER_DB="env.db"), "db") == ("env.db", "MERGE_LEDGER_DB")
    assert origin(settle(tmp_path, {"db": "flag.db"}, MERGE_LEDGER_DB="env.db"), "db") == ("flag.db", "--db")


def test_settings_of_several_places_count_together(tmp_path: Path, home: Path) -> None:
    (home / ".config" / "merge-ledger" / "merge-ledger.toml").write_text('account = "shop"\noutput = "csv"')
    (tmp_path / "merge-ledger.toml").write_text('output = "json"\ncatch_up = false')
    settings = settle(tmp_path, MERGE_LEDGER_DB="x.db")
    assert (settings.db, settings.account, settings.output, settings.catch_up) == ("x.db", "shop", "json", False)


def test_the_users_file_is_where_xdg_says(tmp_path: Path) -> None:
    (tmp_path / "xdg" / "merge-ledger").mkdir(parents=True)
    (tmp_path / "xdg" / "merge-ledger" / "merge-ledger.toml").write_text('account = "shop"')
    assert settle(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "xdg")).account == "shop"


def test_an_empty_variable_says_nothing(tmp_path: Path) -> None:
    assert settle(tmp_path, MERGE_LEDGER_ACCOUNT="").account == "main"


@pytest.mark.parametrize(("text", "expected"), [("false", False), ("0", False), ("No", False), ("on", True)])
def test_a_yes_or_no_in_the_environment_is_spoken(tmp_path: Path, text: str, *, expected: bool) -> None:
    assert settle(tmp_path, MERGE_LEDGER_CATCH_UP=text).catch_up is expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("accuont = 'x'", "unknown setting 'accuont'"),
        ("account = 5", "account: expected 1 to 64"),
        ("account = 'a b'", "account: expected 1 to 64"),
        ("catch_up = 'maybe'", "catch_up: expected true or false"),
        ("output = 'xml'", "output: expected one of json, jsonl, csv, table"),
        ("not toml", "is not TOML"),
    ],
)
def test_a_setting_that_cannot_be_read_is_a_mistake_that_names_its_place(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "merge-ledger.toml").write_text(text)
    with pytest.raises(Mistake, match=r"merge-ledger\.toml") as mistake:
        settle(tmp_path)
    assert told in str(mistake.value)


def test_a_settings_file_that_is_a_folder_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "merge-ledger.toml").mkdir()
    with pytest.raises(Mistake, match="cannot be read"):
        settle(tmp_path)


def test_every_setting_is_told_with_its_origin(tmp_path: Path) -> None:
    assert Setting("account", "main", "default") in settle(tmp_path).origins


NO_LEDGERS = (
    "host=127.0.0.1 dbname=crm user=me password=s3cret",
    " password = 's3cret' host=h",
    "service=crm",
    "options=-csearch_path=x host=h",
    "Host=h;Username=me;Password=s3cret",
    "Server=h;Pwd=s3cret",
    "crm password=s3cret",
    "mysql://me:s3cret@h/crm",
    "postgresq://me:s3cret@h/crm",
    "PostgreSQL://me:s3cret@h/crm",
    "postgresql+psycopg://me:s3cret@h/crm",
    "postgresql:/me:s3cret@h/crm",
    "postgresql:me:s3cret@h/crm",
    "jdbc:postgresql://h/crm?password=s3cret",
    "sqlite:///x.db",
    "sqlite:x.db",
    "file:x.db?mode=rw",
    "'postgresql://me:s3cret@h/crm'",
    " postgresql://me:s3cret@h/crm",
    ":memory:",
)


@pytest.mark.parametrize("named", NO_LEDGERS)
def test_what_names_no_ledger_becomes_no_file_whose_name_holds_a_secret(cli: Cli, named: str) -> None:
    before = set(cli.folder.rglob("*"))
    for words in (["apply", "-"], ["status"], ["db", "init"], ["show", "contacts", "1"], ["demo"]):
        ran = cli("--db", named, *words, stdin=lines(contact("1")))
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("merge-ledger: --db: db: ")
        assert len(ran.err.splitlines()) == 1
        assert "s3cret" not in ran.err
    cli.patch.setenv("MERGE_LEDGER_DB", named)
    ran = cli("apply", "-", stdin=lines(contact("1")))
    assert (ran.code, ran.err.startswith("merge-ledger: MERGE_LEDGER_DB: db: ")) == (2, True)
    assert "s3cret" not in ran.err
    assert set(cli.folder.rglob("*")) == before


@pytest.mark.parametrize(
    "named", ["./host=h", "a=b.db", "crm:2024.db", "my host=h.db", "a b.db", "./file:x.db", "data/postgres.db", "~x.db"]
)
def test_a_path_stays_a_path_whatever_is_in_it(cli: Cli, named: str) -> None:
    (cli.folder / "data").mkdir()
    assert cli("--db", named, "apply", "-", stdin=lines(contact("1"))).code == 0
    assert (cli.folder / named).is_file()
