"""Tests: what people who merge records reported about values in other systems, through the command line.

Each input in `tests/field_cases/` is applied to an empty ledger.
"""

import json
from pathlib import Path

import pytest

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


def search(user: User, name: str, operator: str, **operands: object) -> list[str]:
    groups = [{"filters": [{"propertyName": name, "operator": operator, **operands}]}]
    return user.ids("search", "contacts", "--filter", json.dumps(groups))


def test_field_case_date_filter_epoch_milliseconds_are_instants(user: User) -> None:
    assert codes(carry_out(user, "date-filter-epoch")) == {}
    assert user.show("new")["segments"]["active"] == ["s"]
    assert user.show("old")["segments"]["active"] == []
    assert (user.show("new")["workflows"], user.show("old")["workflows"]) == (["w"], [])
    for value in ("1704067200000", 1704067200000, "2024-01-01", "2024-01-01T01:00:00+01:00"):
        assert search(user, "createdate", "GT", value=value) == ["new"]
        assert search(user, "createdate", "LTE", value=value) == ["old"]
    assert search(user, "createdate", "EQ", value="1557014400000") == ["old"]
    assert search(user, "createdate", "IN", values=[1557014400000]) == ["old"]
    assert search(user, "createdate", "BETWEEN", value=1557014400000, highValue="1557014400001") == ["old"]


@pytest.mark.parametrize("command", ["define_segment", "define_workflow"])
def test_field_case_date_filter_epoch_what_is_no_instant_is_refused_when_defined(user: User, command: str) -> None:
    groups = [{"filters": [{"propertyName": "createdate", "operator": "GT", "value": "01/01/2024"}]}]
    fields = {"name": "n", "object_type": "contacts", "filter_groups": groups}
    ids = {"define_segment": {"segment_id": "s", "kind": "active"}, "define_workflow": {"workflow_id": "w"}}[command]
    outcome = user.refused(command, **fields, **ids)
    assert outcome["code"] == "INVALID_FILTER"
    assert (outcome["details"]["property"], outcome["details"]["operator"]) == ("createdate", "GT")
    assert "epoch milliseconds" in outcome["message"]
    assert "01/01/2024" not in json.dumps(outcome)


def test_field_case_date_filter_epoch_what_is_no_instant_is_a_mistake_in_a_search(user: User) -> None:
    user.contact("a")
    groups = [{"filters": [{"propertyName": "createdate", "operator": "GT", "value": "01/01/2024"}]}]
    for words in (
        ["search", "contacts", "--filter", json.dumps(groups)],
        ["find", "contacts", "--property", "createdate=x"],
    ):
        ran = user.run(*words)
        assert ran.code == 2
        assert "INVALID_FILTER: filter" in ran.err
        assert "on createdate: expected a date" in ran.err
    assert user.ids("find", "contacts", "--property", f"createdate={user.properties('a')['createdate']}") == ["a"]


def test_field_case_filter_mixed_types_text_is_compared_with_text_and_numbers_with_numbers(user: User) -> None:
    carry_out(user, "filter-mixed-types")
    assert search(user, "zip", "EQ", value="00123") == ["a"]
    assert search(user, "zip", "IN", values=["00123"]) == ["a"]
    assert search(user, "zip", "EQ", value=123) == ["b"]
    assert search(user, "zip", "NEQ", value="00123") == ["b"]
    assert search(user, "zip", "GT", value=9) == ["b"]
    assert search(user, "zip", "LT", value="1") == ["a"]
    assert user.ids("find", "contacts", "--property", "zip=00123") == ["a"]


@pytest.mark.parametrize(
    ("token", "found"),
    [
        ("Mc-Donald", "a"),
        ("donald", "a"),
        ("jr", "a"),
        ("jr.", "a"),
        ("Ann Mc-Donald", "a"),
        ("Don", ""),
        ("Don*", "a"),
        ("*nald", "a"),
        ("PAT", "b"),
        ("O'Brien", "b"),
        ("hello", "c"),
        ("ell", ""),
        ("*ell*", "c"),
    ],
)
def test_field_case_token_punctuation_a_word_ends_at_punctuation(user: User, token: str, found: str) -> None:
    carry_out(user, "token-punctuation")
    assert search(user, "v", "CONTAINS_TOKEN", value=token) == [*found]


def test_field_case_nfd_email_an_address_is_one_however_it_is_written(user: User) -> None:
    outcomes = carry_out(user, "nfd-email")
    assert codes(outcomes) == dict.fromkeys((2, 3, 5, 8), "IDENTIFIER_IN_USE")
    assert [outcomes[number]["details"]["current_id"] for number in (2, 3, 5, 8)] == ["a", "a", "d", "g"]
    for written in ("jose\u0301@x.example", " JOS\u00c9@X.example. ", "\ufeffJose\u0301@x.example\u200b"):
        assert user.ids("find", "contacts", "--email", written) == ["a"]
        assert user.ids("find", "contacts", "--property", f"email={written}") == ["a"]
        assert search(user, "email", "EQ", value=written) == ["a"]
        assert search(user, "email", "IN", values=[written]) == ["a"]
    assert user.ids("find", "contacts", "--email", "q@XN--BCHER-KVA.example") == ["g"]
    assert user.ids("find", "contacts", "--email", "p+tag@x.example") == ["f"]
    user.do("suppress", "a", kind="unsubscribed", address="Jose\u0301@x.example")
    user.do("lift_suppression", "a", kind="unsubscribed", address="JOS\u00c9@x.example", reason="asked")
    assert user.show("a")["suppressions"] == []
    choice = "email=q@xn--bcher-kva.example"
    user.merge("a", "g", "--result-id", "m", "--choose", choice)
    assert user.properties("m")["email"] == "q@b\u00fccher.example"
    user.do("remove_identifier", "m", kind="email", value="JOSE\u0301@x.example")
    assert user.run("find", "contacts", "--email", "jos\u00e9@x.example").code == 4


def test_field_case_nfd_email_a_companys_domain_is_one_however_it_is_written(user: User) -> None:
    user.company("1", domain="b\u00fccher.example")
    for written in ("XN--bcher-kva.EXAMPLE.", "bu\u0308cher\u3002example", "\ufeffB\u00dcCHER.example"):
        assert user.ids("find", "companies", "--domain", written) == ["1"]
        assert user.ids("find", "companies", "--property", f"domain={written}") == ["1"]
    assert user.run("find", "companies", "--domain", "\u3002").code == 4
