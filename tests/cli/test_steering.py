"""Tests: no text steers a terminal or becomes a formula, and pipes get every character as it is."""

import csv
import io
import json
import logging
import sys
from pathlib import Path

import pytest

from cli.commands.workers import JsonLines
from cli.drawing.output import as_csv, csv_cell
from cli.session.session import escaped, visible
from tests.cli.running import Cli, contact, lines
from tests.cli.terminal import on_terminal, run

ESCAPE, C1, DELETE, RIGHT_TO_LEFT, ISOLATE, SEPARATOR, TAG = (
    "\x1b]0;owned\x07",
    "\x9b31m",
    "\x7f",
    "\u202e",
    "\u2066",
    "\u2028",
    "\U000e0041",
)
STEERING = (
    ESCAPE,
    C1,
    DELETE,
    RIGHT_TO_LEFT,
    ISOLATE,
    SEPARATOR,
    TAG,
    "\x9d0;",
    "\x08",
    "\r\x1b[2K",
    "\ufeff",
    "\u061c",
)
PERSIAN, FAMILY = "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "\U0001f468\u200d\U0001f469"
VALUES = {f"p{number}": f"a{one}b" for number, one in enumerate(STEERING)}
READS = [
    ("show", "contacts", "1"),
    ("history", "contacts", "1"),
    ("events", "list"),
]


@pytest.fixture
def odd_text(tmp_path: Path) -> Path:
    sent = contact("1", city="Gent", firstname=PERSIAN, emoji=FAMILY, **VALUES)
    assert run(tmp_path, "apply", "-", stdin=lines(sent)).returncode == 0
    assert run(tmp_path, "projections", "run").returncode == 0
    return tmp_path


def assert_unsteered(screen: str) -> None:
    for steering in STEERING:
        for character in steering:
            if not character.isprintable() and character not in "\x1b\r":  # Colours, and the ends of lines.
                assert character not in screen, (hex(ord(character)), screen)
    assert "\x1b]" not in screen
    assert "\x1b[2" not in screen.replace("\x1b[2m", "")


@pytest.mark.parametrize("output", ["json", "jsonl", "csv", "table"])
@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_nothing_stored_steers_a_terminal_in_any_format(odd_text: Path, words: tuple[str, ...], output: str) -> None:
    seen = on_terminal(odd_text, *words, "-o", output, "--no-catch-up")
    assert seen.code == 0, seen.screen
    assert_unsteered(seen.screen)
    if output in {"csv", "json", "jsonl"}:
        assert "\x1b" not in seen.screen


@pytest.mark.parametrize("output", ["json", "table"])
def test_field_case_table_joiners_joiners_are_shown_as_they_are(odd_text: Path, output: str) -> None:
    screen = on_terminal(odd_text, "show", "contacts", "1", "-o", output, "--no-catch-up").screen
    assert PERSIAN in screen
    assert FAMILY in screen


def test_json_on_a_terminal_is_the_same_value(odd_text: Path) -> None:
    screen = on_terminal(odd_text, "show", "contacts", "1", "-o", "jsonl", "--no-catch-up").screen
    shown = json.loads(screen[screen.index("{") :])["properties"]
    assert {name: shown[name] for name in VALUES} == VALUES


def test_a_pipe_gets_every_character_as_it_is(odd_text: Path) -> None:
    as_json = run(odd_text, "show", "contacts", "1", "-o", "jsonl").stdout.decode()
    assert (C1 in as_json, DELETE in as_json, RIGHT_TO_LEFT in as_json) == (True, True, True)
    as_table = io.StringIO(run(odd_text, "show", "contacts", "1", "-o", "csv").stdout.decode(), newline="")
    [row] = csv.DictReader(as_table)
    assert {name: row[f"properties.{name}"] for name in VALUES} == VALUES


def test_messages_and_questions_steer_nothing(tmp_path: Path) -> None:
    name = f"a{ESCAPE}{C1}{RIGHT_TO_LEFT}[b].jsonl"
    merge = {"type": "merge_records", "object_type": "contacts", "primary_id": "1", "secondary_id": "2"}
    (tmp_path / name).write_bytes(lines(contact("1"), contact("2"), {"command_id": "m", **merge}))
    for words in (["apply", name], ["show", "contacts", name], [name], ["show", f"--{name}"], ["--db", name, "status"]):
        answers = [("[y/N]", "n\n")] if words[0] == "apply" else []
        seen = on_terminal(tmp_path, *words, answers=answers)
        assert_unsteered(seen.screen)


def test_a_log_on_a_terminal_steers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    record = logging.makeLogRecord({"name": "x", "msg": f"a{C1}", "levelno": 20, "levelname": "INFO", "why": DELETE})
    assert C1 in JsonLines().format(record)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    told = JsonLines().format(record)
    assert C1 not in told
    assert (json.loads(told)["event"], json.loads(told)["why"]) == (f"a{C1}", DELETE)


@pytest.mark.parametrize("one", STEERING)
def test_what_steers_is_replaced_in_tables_and_escaped_elsewhere(one: str) -> None:
    assert visible(one).isprintable()
    assert json.loads(f'"{escaped(one)}"') == one
    assert escaped(one).isprintable()


def test_what_does_not_steer_stays() -> None:
    plain = f"Zoë Ægir 株式会社 {PERSIAN} {FAMILY} ✔️ 1\u00a0234"
    assert (visible(plain), escaped(plain)) == (plain, plain)
    assert escaped('{\n\t"a": 1\n}\n') == '{\n\t"a": 1\n}\n'


# -- formulas ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["=1+1", "@SUM(A1)", "\t=1", "\r=1", "+1+1", "-2+3", "-cmd|' /C calc'!A0", "+a", "-\n=1", "--1=2", "'=1", "''+a"],
)
def test_text_that_a_spreadsheet_would_calculate_gets_an_apostrophe(text: str) -> None:
    assert csv_cell(text) == f"'{text}"
    assert csv_cell([text]) == f"'{text}"


@pytest.mark.parametrize(
    "value", ["+32 (0)9 123-45.67/8", "-5", "-", "+", "a=1", "", "'quoted'", "'", " =1", -5, -1e-07, True, [-5]]
)
def test_any_other_cell_is_as_it_was(value: object) -> None:
    assert not csv_cell(value).startswith("'") or str(value).startswith("'")
    assert csv_cell(value).removeprefix("'") == csv_cell(value) or csv_cell(value) == value


def test_csv_of_every_kind_guards_cells_and_raw_does_not(cli: Cli) -> None:
    cli.given(contact("1", city="=1+1", phone="+32 9 123", number=-5))
    for words in (("show", "contacts", "1"), ("search", "contacts"), ("history", "contacts", "1")):
        assert ",'=1+1" in cli(*words, "-o", "csv").out
        raw = cli(*words, "-o", "csv", "--raw").out
        assert ",=1+1" in raw
        assert "'" not in raw
    assert "'" not in as_csv([{"a": -5, "b": "+32 9"}]).decode()
