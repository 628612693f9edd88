"""Tests: every rule and every acceptance case stands in the docs, and has a test named for it."""

import re

import pytest

from tests.house.repository import ROOT, labelled, names_of_tests, table_rows, text

RULES = [f"H{number:02d}" for number in range(1, 57)]
DOCUMENTED_RULES = table_rows(text("docs/rules.md"), "Id", "Types", "Rule", "Decided in")
# Cases without a number here belong to features that are not built yet, or never had one.
CASES = [
    *(f"{number:02d}" for number in range(1, 13)),
    *("14", "15", "16", "17", "18", "19", "20", "21", "23", "24", "25", "26", "27", "28", "29", "31", "32", "33", "34"),
    *("35", "36", "38", "39", "40", "42", "43", "44", "45", "46", "47", "48", "49", "51", "52", "54", "55", "56", "57"),
    *("58", "59", "61", "63", "64", "66", "67", "68", "69", "70", "73", "74", "78"),
]
DOCUMENTED_CASES = table_rows(text("docs/rules.md"), "Case", "What happens", "Rules")


def test_the_docs_have_every_rule_once() -> None:
    assert sorted(row[0] for row in DOCUMENTED_RULES) == RULES


def test_the_docs_name_the_file_that_decides_each_rule() -> None:
    missing = {
        row[0]: path
        for row in DOCUMENTED_RULES
        for path in re.findall(r"`([^`]+)`", row[3])
        if not (ROOT / path).is_file()
    }
    assert not missing


def named_rules(source: str) -> set[str]:
    """Return the rules that a text names, alone (`H05`) or as a range (`H20 to H23`)."""
    ranges = re.findall(r"\bH(\d\d) to H(\d\d)\b", source)
    between = {f"H{number:02d}" for first, last in ranges for number in range(int(first), int(last) + 1)}
    return between | set(re.findall(r"\bH\d\d\b", source))


@pytest.mark.parametrize("row", DOCUMENTED_RULES, ids=lambda row: row[0])
def test_the_file_that_decides_a_rule_names_it(row: list[str]) -> None:
    rule, files = row[0], re.findall(r"`([^`]+)`", row[3])
    assert files
    assert not [path for path in files if rule not in named_rules(text(path))]


def test_the_docs_have_every_field_case_once() -> None:
    documented = [row[0].strip("`") for row in table_rows(text("docs/rules.md"), "Field case", "What happens now")]
    files = [path.stem.replace("-", "_") for path in (ROOT / "tests").glob("field*/*.jsonl")]
    assert documented == sorted(files)
    untested = [case for case in documented if not any(f"_field_case_{case}_" in name for name in names_of_tests())]
    assert not untested


def test_the_docs_have_every_case_once() -> None:
    assert [row[0] for row in DOCUMENTED_CASES] == CASES


def test_cases_name_rules_that_exist() -> None:
    assert {rule for row in DOCUMENTED_CASES for rule in row[2].split()} <= set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_test_named_for_it(rule: str) -> None:
    assert rule.lower() in labelled(), f"no test is named for {rule}"


@pytest.mark.parametrize("case", CASES)
def test_every_case_has_a_test_named_for_it(case: str) -> None:
    assert f"case_{case}" in labelled(), f"no test is named for case {case}"


def test_no_test_is_named_for_a_rule_or_case_that_is_not_there() -> None:
    assert labelled() == {*(rule.lower() for rule in RULES), *(f"case_{case}" for case in CASES)}
