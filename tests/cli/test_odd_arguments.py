"""Tests: whatever odd thing a command is given, it ends in time, with one line and a code that says whose it is.

The commands and their parameters are found in the command line's own tree, so a new one is covered by itself.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cyclopts import App

from cli.__main__ import app
from cli.session.settings import KNOWN
from tests.cli.forking import Ended, Forking, Run
from tests.cli.running import contact, lines

ODD: Final = {
    "not UTF-8": "\udcff\udcfe",
    "empty": "",
    "a blank": " ",
    "a line break": "a\nb@x",
    "an escape": "a\x1b[2J\x9b",
    "a dash": "--",
    "long": "x" * 300,
    "400 digits": "9" * 400,
    "5,000 digits": "9" * 5_000,
    "beyond a port": "localhost:99999",
    "a digit of another script": "a:²",
    "a pair": "city=\x7f",
    "deep JSON": "[" * 100_000,
    "deep choice": 'city={"value":' + "[" * 100_000,
    "deep closed choice": 'city={"value":' + "[" * 5_000 + "]" * 5_000 + "}",
    "a number beyond all": 'city={"value":1e999}',
    "a broken filter": '[{"filters":[{"propertyName":"a","operator":"EQ","value":' + "9" * 400 + "}]}]",
    "a cursor": "AAAA",
    "below zero": "-5",
}
PLAUSIBLE: Final = {
    "OBJECT_TYPE": "contacts",
    "PRIMARY_ID": "1",
    "SECONDARY_ID": "2",
    "RECORD_ID": "1",
    "RECORD_IDS": "1",
    "FILE": "commands.jsonl",
    "KIND": "json",
    "PARTITION": "merge.commands.v1/0",
    "LETTER": "0/0",
    "--from": "earliest",
    "--reason": "why",
    "--actor": "me",
}
ENVIRONMENT: Final = {
    "PATH": os.environ["PATH"],
    "MERGE_LEDGER_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "MERGE_LEDGER_KAFKA_DEADLINE_S": "0.2",
    "TMPDIR": "/tmp",  # noqa: S108  where reports of crashes would go
}


def leaves(tree: App, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    for name in tree:
        if name.startswith("-"):
            continue
        if tree[name].default_command is None:
            yield from leaves(tree[name], (*path, name))
        else:
            yield (*path, name), tree[name]


COMMANDS: Final = dict(leaves(app))
ENDING_BY_THEMSELVES: Final = [path for path in COMMANDS if path[0] not in {"worker", "demo"}]
SHARE: Final = 3  # The commands that each value and each situation meets by default; the slow tests have all for all.


def share(number: int) -> list[tuple[str, ...]]:
    """Return some of the commands: others for the next number, and all of them in turn."""
    begin = number * SHARE
    return [ENDING_BY_THEMSELVES[at % len(ENDING_BY_THEMSELVES)] for at in range(begin, begin + SHARE)]


def test_the_shares_of_all_values_have_every_command() -> None:
    assert {path for number in range(len(ODD) - 1) for path in share(number)} == set(ENDING_BY_THEMSELVES)
    assert {path for number in range(len(SITUATIONS)) for path in share(number)} == set(ENDING_BY_THEMSELVES)


def parameters(command: App) -> dict[str, Any]:
    return {one.names[0]: one for one in command.assemble_argument_collection() if one.parse and one.names[0] != "*"}


def plausible(path: tuple[str, ...], **odd: str) -> list[str]:
    """Fill in what the command needs, and the one odd value."""
    words = list(path)
    for name, one in parameters(COMMANDS[path]).items():
        if name not in odd and not one.required:
            continue
        value = odd.get(name, PLAUSIBLE.get(name, "1"))
        words += [value] if one.index is not None else [f"{name}={value}"]
    return [*words, "--yes"] if path in {("merge",), ("apply",)} else words


@pytest.fixture(scope="module")
def forking() -> Iterator[Forking]:
    with Forking() as process:
        yield process


@pytest.fixture
def folder(tmp_path: Path, forking: Forking) -> Path:
    """A folder with a small ledger."""
    (tmp_path / "commands.jsonl").write_bytes(lines(contact("1", city="Gent", email="a@x.be"), contact("2")))
    ran = forking.run(Run(["apply", "commands.jsonl"], str(tmp_path), ENVIRONMENT | {"HOME": str(tmp_path)}))
    assert ran.code == 0, ran
    return tmp_path


def assert_ended_well(ran: Ended, about: object) -> None:
    if ran.code == 70:
        ran = Ended(70, "", Path(ran.err.rpartition(" ")[2].strip()).read_text())
    assert ran.code in {0, 1, 2, 3, 4, 5, 141}, (about, ran.code, ran.err[-3_000:])
    assert "Traceback" not in ran.err, (about, ran.err[-3_000:])
    if ran.code in {2, 4, 5}:
        aside = ("is ignored: ", "merge-ledger: warning: ")
        said = [
            line for line in ran.err.splitlines() if not line.startswith("{") and not any(one in line for one in aside)
        ]
        assert len(said) <= 1, (about, ran.err[-3_000:])


def run(forking: Forking, folder: Path, words: list[str], **more: Any) -> Ended:  # noqa: ANN401  fields of a Run
    environment = ENVIRONMENT | {"HOME": str(folder)} | more.pop("environment", {})
    return forking.run(Run(words, str(more.pop("cwd", folder)), environment, **more))


@pytest.mark.slow
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_parameter_of_every_command_takes_whatever_it_is_given(
    forking: Forking, folder: Path, path: tuple[str, ...]
) -> None:
    for name in parameters(COMMANDS[path]):
        for what, value in ODD.items():
            ran = run(forking, folder, plausible(path, **{name: value}))
            assert_ended_well(ran, (path, name, what))


def test_no_parameter_takes_what_is_not_utf_8(forking: Forking, folder: Path) -> None:
    for path, command in COMMANDS.items():
        for name in [*parameters(command)][:2]:
            ran = run(forking, folder, plausible(path, **{name: ODD["not UTF-8"]}))
            assert_ended_well(ran, (path, name))
            assert (ran.code, ran.out) == (2, ""), (path, name)
            assert "is not UTF-8" in ran.err


@pytest.mark.parametrize("what", [one for one in ODD if one != "not UTF-8"])
def test_commands_in_turn_take_whatever_they_are_given(forking: Forking, folder: Path, what: str) -> None:
    """Each value for one parameter of some commands; the slow test above has all for all."""
    for number, path in enumerate(share([*ODD].index(what))):
        names = [name for name in parameters(COMMANDS[path]) if name not in {"FILE", "KIND"}]
        if not names:
            continue
        name = names[(number + len(what)) % len(names)]
        assert_ended_well(run(forking, folder, plausible(path, **{name: ODD[what]})), (path, name, what))


@pytest.mark.slow
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_options_of_every_command_take_whatever_they_are_given(
    forking: Forking, folder: Path, path: tuple[str, ...]
) -> None:
    for name in ("--db", "--account", "--output"):
        for what, value in ODD.items():
            ran = run(forking, folder, [*plausible(path), f"{name}={value}"])
            assert_ended_well(ran, (path, name, what))


# -- settings ----------------------------------------------------------------------------------------------------------

SAYINGS: Final = {
    "digits": "9" * 400,
    "a float": "1e400",
    "text": '"x"',
    "long text": '"' + "x" * 300 + '"',
    "NUL": '"a\\u0000b"',
    "an escape": '"a\\u001b[2J"',
    "a list": "[1, 2]",
    "a table": "{a = 1}",
    "a time": "2024-01-01T00:00:00Z",
    "not a number": "nan",
    "deep": "[" * 5_000,
    "deep and closed": "[" * 5_000 + "]" * 5_000,
    "a number of 5,000 digits": "9" * 5_000,
    "an address": '"a:²"',
    "a port": '"127.0.0.1:99999"',
}


def reading(name: str) -> list[str]:
    """Return a quick command that reads a setting."""
    return ["dlq", "list"] if name.startswith("kafka") else ["account", "show"]


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_every_setting_takes_whatever_the_environment_says(forking: Forking, folder: Path, name: str) -> None:
    for what, value in ODD.items():
        if len(value) < 100_000:  # As much as the environment takes.
            ran = run(forking, folder, reading(name), environment={f"MERGE_LEDGER_{name.upper()}": value})
            assert_ended_well(ran, (name, what))


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN)
def test_every_setting_takes_whatever_the_users_file_says(forking: Forking, folder: Path, name: str) -> None:
    file = folder / ".config" / "merge-ledger" / "merge-ledger.toml"
    file.parent.mkdir(parents=True)
    for what, value in SAYINGS.items():
        file.write_text(f"{name} = {value}\n")
        assert_ended_well(run(forking, folder, reading(name)), (name, what))


@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "TMPDIR", "COLUMNS", "TERM", "TZ"])
def test_variables_of_others_may_be_odd(forking: Forking, folder: Path, variable: str) -> None:
    for what, value in ODD.items():
        ran = run(forking, folder, ["account", "show", "-o", "table"], environment={variable: value[:1_000]})
        assert_ended_well(ran, (variable, what))


# -- folders, files and streams ----------------------------------------------------------------------------------------


def without_stdin(_folder: Path) -> dict[str, Any]:
    return {"streams": {"stdin": "closed"}}


def without_stdout(_folder: Path) -> dict[str, Any]:
    return {"streams": {"stdout": "closed"}}


def without_stderr(_folder: Path) -> dict[str, Any]:
    return {"streams": {"stderr": "closed"}}


def without_any_stream(_folder: Path) -> dict[str, Any]:
    return {"streams": {"stdin": "closed", "stdout": "closed", "stderr": "closed"}}


def with_a_full_stdout(_folder: Path) -> dict[str, Any]:
    return {"streams": {"stdout": "full"}}


def with_a_full_stderr(_folder: Path) -> dict[str, Any]:
    return {"streams": {"stderr": "full"}}


def in_a_folder_that_is_gone(folder: Path) -> dict[str, Any]:
    (folder / "gone").mkdir()
    return {"cwd": folder / "gone", "loses_folder": True}


def in_a_folder_that_may_not_be_entered(folder: Path) -> dict[str, Any]:
    (folder / "closed").mkdir()
    return {"cwd": folder / "closed", "without_rights": True, "closes_folder": True}


def with_a_ledger_behind_a_closed_folder(folder: Path) -> dict[str, Any]:
    (folder / "closed").mkdir(mode=0o000)
    return {"without_rights": True, "environment": {"MERGE_LEDGER_DB": str(folder / "closed" / "ledger.db")}}


def with_a_ledger_of_a_name_that_is_too_long(_folder: Path) -> dict[str, Any]:
    return {"environment": {"MERGE_LEDGER_DB": "x" * 300}}


def with_a_pipe_as_ledger(folder: Path) -> dict[str, Any]:
    os.mkfifo(folder / "pipe")
    return {"environment": {"MERGE_LEDGER_DB": "pipe"}}


def with_a_pipe_as_settings_file(folder: Path) -> dict[str, Any]:
    os.mkfifo(folder / "merge-ledger.toml")
    return {}


def with_a_device_as_settings_file(folder: Path) -> dict[str, Any]:
    (folder / "merge-ledger.toml").symlink_to("/dev/zero")
    return {}


def with_a_loop_as_settings_file(folder: Path) -> dict[str, Any]:
    (folder / "merge-ledger.toml").symlink_to("merge-ledger.toml")
    return {}


def with_deep_settings(folder: Path) -> dict[str, Any]:
    (folder / "merge-ledger.toml").write_text("account = " + "[" * 5_000)
    return {}


SITUATIONS: Final = [
    without_stdin,
    without_stdout,
    without_stderr,
    without_any_stream,
    with_a_full_stdout,
    with_a_full_stderr,
    in_a_folder_that_is_gone,
    in_a_folder_that_may_not_be_entered,
    with_a_ledger_behind_a_closed_folder,
    with_a_ledger_of_a_name_that_is_too_long,
    with_a_pipe_as_ledger,
    with_a_pipe_as_settings_file,
    with_a_device_as_settings_file,
    with_a_loop_as_settings_file,
    with_deep_settings,
]


def assert_commands_end_well(forking: Forking, folder: Path, situation: Any, paths: list[tuple[str, ...]]) -> None:  # noqa: ANN401
    more = situation(folder)
    for path in paths:
        for made_again in ("gone", "closed"):
            if Path(more.get("cwd", folder)) == folder / made_again:
                (folder / made_again).mkdir(exist_ok=True)
                (folder / made_again).chmod(0o700)
        ran = run(forking, folder, plausible(path), **dict(more))
        assert_ended_well(ran, (path, situation))


@pytest.mark.slow
@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_command_ends_well_wherever_it_is_run(forking: Forking, folder: Path, situation: Any) -> None:  # noqa: ANN401
    assert_commands_end_well(forking, folder, situation, ENDING_BY_THEMSELVES)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_commands_in_turn_end_well_wherever_they_are_run(forking: Forking, folder: Path, situation: Any) -> None:  # noqa: ANN401
    assert_commands_end_well(forking, folder, situation, share(SITUATIONS.index(situation)))


@pytest.mark.parametrize("how", ["full", "closed"])
def test_a_stderr_that_takes_nothing_changes_no_exit_code(forking: Forking, folder: Path, how: str) -> None:
    for words, code in ((["apply", "commands.jsonl"], 0), (["show", "contacts", "9"], 4), (["shwo"], 2)):
        assert run(forking, folder, words, streams={"stderr": how}).code == code


def test_a_place_that_may_not_be_entered_is_told_as_such(forking: Forking, folder: Path) -> None:
    ran = run(forking, folder, ["apply", "commands.jsonl"], **with_a_ledger_behind_a_closed_folder(folder))
    assert (ran.code, ran.err.count("\n")) == (5, 1)
    assert "Permission denied" in ran.err


@pytest.mark.parametrize("situation", [with_a_pipe_as_settings_file, with_deep_settings])
def test_a_settings_file_that_cannot_be_one_is_a_mistake(forking: Forking, folder: Path, situation: Any) -> None:  # noqa: ANN401
    ran = run(forking, folder, ["account", "show"], **situation(folder))
    assert (ran.code, ran.err.count("\n")) == (2, 1)


def test_a_domain_that_is_none_is_found_nowhere(forking: Forking, folder: Path) -> None:
    for domain in ("\n", " . ", "\t.\n"):
        assert run(forking, folder, ["find", "companies", f"--domain={domain}"]).code == 4
