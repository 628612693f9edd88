from pathlib import Path

import pytest

from cli.exits import Mistake
from cli.settings import Setting, Settings, resolve


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
