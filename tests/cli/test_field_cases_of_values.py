"""Tests: what people who merge records reported about values in other systems, through the command line.

Each input in `tests/field_cases/` is applied to an empty ledger.
"""

from pathlib import Path

from tests.cli.user import Shown, User, decision

CASES = Path(__file__).parent.parent / "field_cases"


def carry_out(user: User, case: str) -> dict[int, Shown]:
    """Apply the input of a case; returns the outcomes by the number of their line."""
    commands = (CASES / f"{case}.jsonl").read_bytes()
    ran = user.run("apply", "-", "-o", "jsonl", stdin=commands)
    return {int(one["command_id"].rsplit("-", 1)[1]): one for one in ran.lines}


def codes(outcomes: dict[int, Shown]) -> dict[int, str]:
    return {number: one["code"] for number, one in outcomes.items() if one["status"] != "applied"}


def test_field_case_sum_decimals_sums_are_exact_on_the_digits_as_sent(user: User) -> None:
    assert codes(carry_out(user, "sum-decimals")) == {}
    assert user.properties("d3", "deals")["amount"] == 0.3
    assert user.properties("e3", "deals")["amount"] == 3.3


def test_field_case_sum_overflow_a_sum_that_no_number_holds_is_refused_before_the_merge(user: User) -> None:
    outcomes = carry_out(user, "sum-overflow")
    assert codes(outcomes) == {3: "SUM_OUT_OF_RANGE", 6: "SUM_OUT_OF_RANGE", 7: "NUMBER_OUT_OF_RANGE"}
    for number in (3, 6):
        assert outcomes[number]["details"] == {"properties": ["num_conversion_events"]}
    assert user.properties("a")["num_conversion_events"] == 1e308
    assert user.merge_refused("c", "d")["code"] == "SUM_OUT_OF_RANGE"
    user.do("update_record", "c", properties={"num_conversion_events": 2**63 - 2})  # As the refusal advises.
    user.merge("c", "d", "--result-id", "e")
    assert user.properties("e")["num_conversion_events"] == 2**63 - 1
    user.do("update_record", "e", properties={"num_conversion_events": 2**63 - 1})


def test_field_case_number_text_only_ascii_digits_with_a_decimal_point_are_a_number(user: User) -> None:
    assert codes(carry_out(user, "number-text")) == dict.fromkeys(range(2, 6), "INVALID_PROPERTY")


def test_field_case_union_bool_a_bool_is_an_element_as_json_writes_it(user: User) -> None:
    assert codes(carry_out(user, "union-bool")) == {}
    assert user.properties("m")["p"] == ["true", "x"]


def test_field_case_blank_list_a_list_of_blanks_is_empty(user: User) -> None:
    merge_id = carry_out(user, "blank-list")[3]["merge_id"]
    shown = user.properties("m")
    assert (shown["v"], shown["w"]) == (["x"], ["y"])
    assert decision(user.json("merges", "show", merge_id), "v")["rule"] == "H09"
    assert "v" not in user.show("a", "--no-follow").get("properties", {})
