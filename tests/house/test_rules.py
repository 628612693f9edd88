"""Tests: every rule and every acceptance case stands in the docs, and has a test named for it."""

import re

import pytest

from tests.house.repository import ROOT, labelled, table_rows, text

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
