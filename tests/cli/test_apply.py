import bz2
import gzip
import io
import json
import lzma
import os
import sqlite3
import sys
from pathlib import Path

import pytest

from cli.__main__ import main
from tests.cli.running import Cli, contact, lines

MERGE = {
    "type": "merge_records",
    "command_id": "merge-1",
    "object_type": "contacts",
    "primary_id": "101",
    "secondary_id": "102",
    "result_id": "103",
}
PAIR = lines(contact("101", city="Gent"), contact("102", city="Brugge"))


def test_every_command_has_one_outcome_in_the_order_of_the_input(cli: Cli) -> None:
    ran = cli("apply", "-", stdin=PAIR + b"nonsense\n\n" + lines(MERGE, {**MERGE, "command_id": "merge-2"}))
    assert [(one["command_id"], one["status"], one.get("code")) for one in ran.lines] == [
        ("create-101", "applied", None),
        ("create-102", "applied", None),
        (None, "unreadable", "INVALID_JSON"),
        ("merge-1", "applied", None),
        ("merge-2", "refused", "ALREADY_MERGED"),
    ]
    assert ran.lines[2]["line"] == 3
    assert ran.lines[3]["record_id"] == "103"
    assert ran.code == 1
    assert "3 applied, 1 refused, 1 unreadable" in ran.err


@pytest.mark.parametrize(("stdin", "code"), [(PAIR, 0), (PAIR + lines(MERGE, {**MERGE, "command_id": "x"}), 3)])
def test_the_exit_code_says_the_worst_that_happened(cli: Cli, stdin: bytes, code: int) -> None:
    assert cli("apply", "-", stdin=stdin).code == code


def test_a_file_is_read_by_its_name(cli: Cli) -> None:
    (cli.folder / "commands.jsonl").write_bytes(PAIR)
    assert [one["status"] for one in cli("apply", "commands.jsonl").lines] == ["applied", "applied"]


def test_the_same_file_again_gets_the_same_answers(cli: Cli) -> None:
    first = cli("apply", "-", stdin=PAIR + lines(MERGE))
    again = cli("apply", "-", stdin=PAIR + lines(MERGE))
    repeated = again.lines
    assert all(one.pop("first_answered_at") for one in repeated)
    assert repeated == [{**one, "repeated": True} for one in first.lines]
    assert "3 applied (3 of the applied answered before); " in again.err


def test_answers_of_before_are_counted_by_what_they_were(cli: Cli) -> None:
    cli("apply", "-", stdin=PAIR)
    ran = cli("apply", "-", stdin=PAIR + lines(MERGE, {**MERGE, "command_id": "x"}))
    assert "3 applied, 1 refused (2 of the applied answered before); " in ran.err


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf\r\n"])
def test_an_empty_file_is_nothing_to_do(cli: Cli, data: bytes) -> None:
    ran = cli("apply", "-", "-o", "json", stdin=data)
    assert (ran.code, ran.json) == (0, [])
    assert "nothing to do" in ran.err


def test_json_is_one_document_of_all_outcomes(cli: Cli) -> None:
    assert [one["status"] for one in cli("apply", "-", "-o", "json", stdin=PAIR).json] == ["applied", "applied"]


def test_csv_has_one_header_however_many_batches(cli: Cli) -> None:
    many = lines(*(contact(str(number)) for number in range(1, 2101)))
    out = cli("apply", "-", "-o", "csv", stdin=many).out.splitlines()
    assert out[0].startswith("line,command_id,status,code")
    assert len(out) == 2101


def test_a_table_shows_what_was_refused_by_code(cli: Cli) -> None:
    out = cli("apply", "-", "-o", "table", stdin=PAIR + lines(MERGE, {**MERGE, "command_id": "x"})).out
    assert "ALREADY_MERGED" in out
    assert "contacts 101 was merged into 103" in out


def test_the_account_is_supplied_where_a_command_names_none(cli: Cli) -> None:
    cli("apply", "-", "--account", "shop", stdin=lines(contact("1"), {**contact("2"), "account": "other"}))
    with sqlite3.connect(cli.folder / "ledger.db") as database:
        streams = {stream for (stream,) in database.execute("select stream from events")}
    database.close()
    assert {"shop/records/contacts/1", "other/records/contacts/2"} <= streams


def test_check_only_reads_and_makes_no_database(cli: Cli) -> None:
    ran = cli("apply", "-", "--check", stdin=PAIR + b"{}\n" + lines(MERGE))
    assert [(one["line"], one["code"]) for one in ran.lines] == [(3, "MISSING_FIELD")]
    assert ran.code == 1
    assert "3 commands can be read, 1 of them merges; 1 lines cannot" in ran.err
    assert not (cli.folder / "ledger.db").exists()
    assert cli("apply", "-", "--check", stdin=PAIR).code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nofile.jsonl"], "nofile.jsonl: No such file or directory"),
        (["."], "Is a directory"),
        (["--chekc"], "Unknown option: --chekc. Did you mean --check?"),
        ([], "requires an argument"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_mistake_of_one_line(cli: Cli, arguments: list[str], told: str) -> None:
    ran = cli("apply", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1
    assert not Path("ledger.db").exists()


def test_a_warning_is_stored_with_the_outcome_and_repeated_and_shown_on_a_terminal(cli: Cli) -> None:
    defined = {
        "type": "define_object_type",
        "command_id": "unique-1",
        "object_type": "contacts",
        "properties": {"vin": {"unique": True}},
    }
    ran = cli("apply", "-", stdin=lines(defined))
    assert ran.code == 0
    assert [(one["code"], one["details"]) for one in ran.lines[0]["warnings"]] == [("NOT_UNIQUE", {"property": "vin"})]
    again = cli("apply", "-", stdin=lines(defined)).lines[0]
    assert again["warnings"] == ran.lines[0]["warnings"]
    assert cli("outcomes", "show", "unique-1", "-o", "json").json["warnings"] == again["warnings"]
    drawn = cli("apply", "-", "-o", "table", stdin=lines(defined)).out
    assert "NOT_UNIQUE" in drawn
    assert "claimed when they are next set" in " ".join(drawn.split())


ROWS = b"id,email,city\n" + b"1,ann@x.example,Gent\n" * 5_000
ARRAY = json.dumps([contact("1"), contact("2")])
FOREIGN = {
    "CSV": ROWS,
    "CSV with semicolons": ROWS.replace(b",", b";"),
    "CSV with tabs": b"\xef\xbb\xbf" + ROWS.replace(b",", b"\t"),
    "CSV with quotes": b'"id","email"\r\n"1","ann@x.example"\r\n',
    "gzip": gzip.compress(PAIR * 50),
    "bzip2": bz2.compress(PAIR),
    "xz": lzma.compress(PAIR),
    "ZIP": b"PK\x03\x04" + bytes(range(256)) * 9,
    "Parquet": b"PAR1" + bytes(range(256)) * 9_000,
    "SQLite": b"SQLite format 3\x00" + bytes(2_000),
    "UTF-16": PAIR.decode().encode("utf-16"),
    "UTF-16 without a mark": PAIR.decode().encode("utf-16-le"),
    "UTF-32": PAIR.decode().encode("utf-32"),
    "JSON array": ARRAY.encode(),
    "JSON array, one element per line": ARRAY.replace("}, {", "},\n{").encode(),
    "JSON array, indented": json.dumps([contact("1")] * 2, indent=1).encode(),
    "JSON array of 2 MB": json.dumps([contact("1", text="x" * 999)] * 2_000).encode(),
    "JSON that is spread": json.dumps(contact("1"), indent=2).encode(),
    "XML": b"<?xml version='1.0'?>\n<contacts>\n<contact/>\n</contacts>\n",
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("check", [[], ["--check"]], ids=["apply", "check"])
def test_a_file_that_is_not_json_lines_is_reported_once(cli: Cli, name: str, check: list[str]) -> None:
    (cli.folder / "some file").write_bytes(FOREIGN[name])
    ran = cli("apply", "some file", "-o", "jsonl", *check)
    assert (ran.code, ran.out) == (1, "")
    assert len(ran.err.splitlines()) == 1
    assert name.split(maxsplit=1)[0].rstrip(",") in ran.err
    assert "one command per line" in ran.err
    assert "docs/formats.md" in ran.err
    assert "ann@x.example" not in ran.err
    assert not (cli.folder / "ledger.db").exists()


def test_a_pipe_that_is_not_json_lines_is_reported_once(cli: Cli) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb") as sink:
        sink.write(ROWS[:2_000])
        sink.close()
        cli.patch.setattr(sys, "stdin", io.TextIOWrapper(source))
        assert main(["apply", "-", "-o", "json"]) == 1
    out, err = cli.capture.readouterr()
    assert json.loads(out) == []
    (said,) = [line for line in err.decode().splitlines() if "looks like" in line]
    assert said == (
        "merge-ledger: -: looks like CSV, not JSON lines; nothing was applied. apply reads one command per line, "
        "each a JSON object (docs/formats.md); write each row as a command"
    )


@pytest.mark.parametrize("name", FOREIGN)
def test_lines_that_are_wrong_beside_lines_that_are_commands_lose_none_of_those(cli: Cli, name: str) -> None:
    wrong = FOREIGN[name][:2_000].rstrip(b"\n") + b"\n"
    ran = cli("apply", "-", "-o", "jsonl", stdin=wrong + PAIR + wrong)
    assert [one["command_id"] for one in ran.lines if one["status"] == "applied"] == ["create-101", "create-102"]
    assert ran.code == 1


@pytest.mark.parametrize(
    "data", [b"nonsense\n", b"a, b\n", b"{}\n", b'{"a":1},\n{"b":2},\n', b"{\n", b"7\n8\n", b"null\n"]
)
def test_a_few_lines_that_are_like_no_other_format_are_reported_one_by_one(cli: Cli, data: bytes) -> None:
    ran = cli("apply", "-", "-o", "jsonl", stdin=data)
    assert [one["status"] for one in ran.lines] == ["unreadable"] * len(data.splitlines())
    assert ran.code == 1
