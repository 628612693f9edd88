"""Tests: docs/formats.md tells what the code does: commands, fields, codes, settings, exits."""

import json
import re
from typing import Any, get_args

import msgspec
import pytest

from cli.__main__ import app
from cli.session import exits
from cli.session.settings import KNOWN
from domain.intake.reading import read_command
from domain.intake.unreadable import CODES
from domain.language import filters
from domain.language.commands import AnyCommand, Command, ConfigureAccount, Envelope, RecordCommand
from domain.language.refusals import Refusal
from domain.state.account import DEFAULT_SETTINGS, KNOWN_PROPERTIES, LIFECYCLE_STAGES
from domain.state.computed import READ_ONLY
from tests.house.repository import ROOT, table_rows, text

FORMATS = text("docs/formats.md")
DOCS = "\n\n".join(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").glob("*.md")))
COMMANDS = {str(one.__struct_config__.tag): one for one in get_args(AnyCommand)}
COMMON = set(Command.__struct_fields__)


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def subclasses(base: type[Refusal]) -> set[type[Refusal]]:
    return {base} | {each for child in base.__subclasses__() for each in subclasses(child)}


def documented_commands() -> dict[str, str]:
    rows = table_rows(FORMATS, "type", "fields beside those of all")
    return {name: cell for names, cell in rows for name in ticked(names)}


def test_every_command_is_documented() -> None:
    assert documented_commands().keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_field_of_a_command_is_documented(name: str) -> None:
    cell, command = documented_commands()[name], COMMANDS[name]
    fields = set(command.__struct_fields__) - COMMON
    if issubclass(command, RecordCommand):
        assert "record" in cell
        fields -= set(RecordCommand.__struct_fields__)
    if command is ConfigureAccount:
        fields = set()  # In a table of their own.
    assert fields <= set(ticked(cell)) | set(re.findall(r"\w+", " ".join(ticked(cell))))


def test_every_setting_of_an_account_is_documented_with_its_default() -> None:
    rows = {ticked(row[0])[0]: row[1].strip("`") for row in table_rows(FORMATS, "setting", "default")}
    assert rows.keys() == set(ConfigureAccount.__struct_fields__) - COMMON
    for name in ("merge_limit", "static_segments", "later_enrollment", "legal_basis", "rule_set"):
        assert rows[name] == str(getattr(DEFAULT_SETTINGS, name))
    for name in ("salesforce_integration", "marketing_contacts"):
        assert rows[name] == json.dumps(getattr(DEFAULT_SETTINGS, name))
    assert tuple(rows["lifecycle_stages"].split(", ")) == LIFECYCLE_STAGES


def test_every_known_property_is_documented() -> None:
    named = {name for row in table_rows(FORMATS, "types", "properties") for name in ticked(row[1])}
    assert {*READ_ONLY, *(name for known in KNOWN_PROPERTIES.values() for name in known)} <= named


def test_the_refusal_codes_are_those_of_the_refusals() -> None:
    documented = [ticked(row[0])[0] for row in table_rows(FORMATS, "code", "when", "`details`")]
    assert len(documented) == len(set(documented))
    assert set(documented) == {one.code for one in subclasses(Refusal) if "code" in vars(one)}


def test_the_warning_codes_are_those_of_the_warnings() -> None:
    documented = [ticked(row[0])[0] for row in table_rows(FORMATS, "code", "warns that", "of", "`details`")]
    sources = [path.read_text() for layer in ("domain", "projections") for path in (ROOT / layer).rglob("*.py")]
    given = {code for source in sources for code in re.findall(r'Warned\(\s*"([A-Z_]+)"', source)}
    assert sorted(documented) == sorted(given)


def test_the_codes_of_unreadable_input_are_those_of_the_reader() -> None:
    rows = {ticked(row[0])[0]: row[1].replace("`", "") for row in table_rows(FORMATS, "code", "when") if len(row) == 2}
    assert rows == {code: said.replace("`", "") for code, said in CODES.items()}


def test_every_operator_is_documented() -> None:
    documented = {name for row in table_rows(FORMATS, "operators") for name in ticked(row[0])}
    assert documented == {str(one.__struct_config__.tag) for one in get_args(filters.Filter)}


def test_every_setting_of_the_command_line_is_documented() -> None:
    rows = table_rows(DOCS, "flag", "environment", "in the file", "default")
    assert {ticked(row[2])[0] for row in rows} == set(KNOWN)
    assert {ticked(row[1])[0] for row in rows} == {f"MERGE_LEDGER_{name.upper()}" for name in KNOWN}


def test_every_exit_code_is_documented() -> None:
    codes = {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    documented = table_rows(FORMATS.split("### Exit codes")[1], "code", "means")
    assert {int(row[0]) for row in documented} == codes


def test_every_command_of_the_command_line_is_documented() -> None:
    documented = {
        word for row in table_rows(DOCS, "command", "prints") for one in ticked(row[0]) for word in one.split()[:1]
    }
    assert {name for name in app if not name.startswith("-")} <= documented


def examples() -> list[str]:
    return [
        line
        for block in re.findall(r"```json\n(.*?)```", FORMATS, re.DOTALL)
        for line in block.splitlines()
        if line.startswith('{"type"')
    ]


@pytest.mark.parametrize("line", examples())
def test_the_commands_shown_can_be_read(line: str) -> None:
    read = read_command(line.encode())
    assert isinstance(read, Envelope)
    assert not read.ignored_fields


def test_the_filter_shown_can_be_read() -> None:
    line = next(line for line in FORMATS.splitlines() if line.startswith('[{"filters"'))
    groups = msgspec.json.decode(line, type=list[filters.FilterGroup])
    values: dict[str, Any] = {"lifecyclestage": "lead", "hs_analytics_num_page_views": 40}
    assert filters.matches(groups, values.get)


def test_the_links_between_the_docs_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_decision_has_a_number_of_its_own_which_its_heading_and_all_links_to_it_have() -> None:
    pages = {page.name: int(page.name[:4]) for page in (ROOT / "docs/decisions").glob("*.md")}
    assert sorted(pages.values()) == list(range(1, len(pages) + 1))
    for name, number in pages.items():
        assert text(f"docs/decisions/{name}").startswith(f"# {number}. ")
    for page in [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]:
        for said, named in re.findall(
            r"\[decision (\d+)\]\((?:[\w./]*/)?(\d{4}-[\w-]+\.md)\)", page.read_text(encoding="utf-8")
        ):
            assert pages[named] == int(said), page
