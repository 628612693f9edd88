"""Tests: the acceptance cases of a merge's core, through the command line as a user types it."""

from typing import Any

import pytest

from tests.cli.user import User, decision


@pytest.fixture
def pair(user: User) -> User:
    user.contact("101", city={"value": "Gent", "at": "2024-01-01T00:00:00Z"})
    user.contact("102", city={"value": "Brugge", "at": "2025-01-01T00:00:00Z"})
    return user


def test_case_01_two_records_become_a_third(pair: User) -> None:
    merge = pair.merge("101", "102", "--result-id", "103")
    assert merge["result_id"] == "103"
    answers = pair.json("resolve", "contacts", "101", "102", "103")
    assert [one["status"] for one in answers] == ["merged_away", "merged_away", "active"]


def test_case_01_a_result_without_an_id_gets_one_of_digits_that_is_neither(pair: User) -> None:
    result = pair.merge("101", "102")["result_id"]
    assert result.isdecimal()
    assert result not in {"101", "102"}


def test_case_02_every_id_shows_the_merged_record_and_says_which_was_asked(pair: User) -> None:
    merge = pair.merge("101", "102", "--result-id", "103")
    for asked, via in (("101", [merge["merge_id"]]), ("102", [merge["merge_id"]]), ("103", [])):
        shown = pair.show(asked)
        assert (shown["id"], shown["requested_id"], shown["redirected_via"]) == ("103", asked, via)
        assert shown["properties"]["hs_object_id"] == "103"


def test_case_03_not_followed_an_old_id_shows_a_tombstone_without_values(pair: User) -> None:
    merge = pair.merge("101", "102", "--result-id", "103")
    stone = pair.show("101", "--no-follow")
    assert stone["status"] == "merged_away"
    assert (stone["id"], stone["merged_into"], stone["current_id"]) == ("101", "103", "103")
    assert stone["merge_id"] == merge["merge_id"]
    assert stone["recorded_at"] == merge["recorded_at"]
    assert "properties" not in stone
    assert "Gent" not in str(stone)


def test_case_04_merged_ids_known_finds_the_survivor(pair: User) -> None:
    pair.contact("900")
    pair.merge("101", "102", "--result-id", "103")
    assert pair.ids("search", "contacts", "--merged") == ["103"]
    assert pair.properties("103")["hs_merged_object_ids"] == "101;102"
    by_old_id = '[{"filters":[{"propertyName":"hs_merged_object_ids","operator":"EQ","value":"101"}]}]'
    assert pair.ids("search", "contacts", "--filter", by_old_id) == ["103"]


@pytest.mark.parametrize(
    ("one", "other", "kept", "side"),
    [
        ("2024-05-01T00:00:00Z", "2021-03-09T00:00:00Z", "2021-03-09T00:00:00Z", "secondary"),
        ("2021-03-09T10:00:00+02:00", "2021-03-09T08:00:00Z", "2021-03-09T08:00:00Z", "primary"),
    ],
    ids=["case_05_older_secondary", "case_06_same_instant"],
)
def test_case_05_case_06_the_oldest_create_date_stays(user: User, one: str, other: str, kept: str, side: str) -> None:
    user.contact("101", createdate=one)
    user.contact("102", createdate=other)
    merge = user.merge("101", "102")
    assert decision(merge, "createdate")["from"] == side
    assert user.properties("101")["createdate"] == kept
    assert merge["recorded_at"] > "2026"


def test_case_07_a_missing_create_date_is_filled_from_the_secondary(user: User) -> None:
    user.contact("101", createdate=None)
    user.contact("102", createdate="2021-03-09")
    assert decision(user.merge("101", "102"), "createdate")["from"] == "secondary"
    assert user.properties("101")["createdate"] == "2021-03-09T00:00:00Z"


def test_case_08_the_primary_wins_and_nothing_is_lost(pair: User) -> None:
    merge = pair.merge("101", "102", "--result-id", "103")
    city = decision(merge, "city")
    assert (city["value"], city["from"], city["rule"]) == ("Gent", "primary", "H08")
    assert city["secondary"]["value"] == "Brugge"
    history = pair.json("history", "contacts", "103", "--property", "city")["results"]
    assert {(one["value"], one["source_record_id"], one["current"]) for one in history} == {
        ("Gent", "101", True),
        ("Brugge", "102", False),
    }


@pytest.mark.parametrize("empty", ["missing", None, "", "  ", []])
def test_case_09_an_empty_primary_is_filled(user: User, empty: object) -> None:
    user.contact("101", **({} if empty == "missing" else {"p": empty}))
    user.contact("102", p="x")
    found = decision(user.merge("101", "102"), "p")
    assert (found["value"], found["from"], found["rule"]) == ("x", "secondary", "H09")


def test_case_10_zero_and_false_are_values(user: User) -> None:
    user.contact("101", n=0, f=False)
    user.contact("102", n=5, f=True)
    merge = user.merge("101", "102")
    assert [(decision(merge, name)["value"], decision(merge, name)["from"]) for name in ("n", "f")] == [
        (0, "primary"),
        (False, "primary"),
    ]


def test_case_11_two_empty_sides_decide_nothing(user: User) -> None:
    user.contact("101", p="")
    user.contact("102", p=" ")
    merge = user.merge("101", "102")
    assert "p" not in {one["property"] for one in merge["decisions"]}
    assert merge["properties_moved"] == 0
    assert "p" not in user.properties("101")


def test_case_12_the_user_may_choose(pair: User) -> None:
    city = decision(pair.merge("101", "102", "--choose", "city=secondary"), "city")
    assert (city["value"], city["rule"], city["chosen_by_user"]) == ("Brugge", "H10", True)
    assert pair.properties("101")["city"] == "Brugge"


def test_case_14_a_choice_about_an_unknown_property_is_refused(pair: User) -> None:
    assert pair.merge_refused("101", "102", "--choose", "nope=primary")["code"] == "UNKNOWN_PROPERTY"


def test_case_15_a_literal_of_neither_side_is_refused(pair: User) -> None:
    outcome = pair.merge_refused("101", "102", "--choose", "city=Luik")
    assert outcome["code"] == "VALUE_NOT_FROM_EITHER"
    assert "Luik" not in str(outcome)


def test_case_15_a_literal_of_one_side_chooses_that_side(pair: User) -> None:
    assert decision(pair.merge("101", "102", "--choose", "city=Brugge"), "city")["from"] == "secondary"


def test_case_16_what_the_system_decides_is_not_chosen(pair: User) -> None:
    names = ["createdate", "hs_merged_object_ids", "num_conversion_events", "hs_marketable_status"]
    choices = [word for name in names for word in ("--choose", f"{name}=secondary")]
    outcome = pair.merge_refused("101", "102", *choices)
    assert outcome["code"] == "PROPERTY_NOT_CHOOSABLE"
    assert sorted(outcome["details"]["properties"]) == sorted(names)


def test_case_17_of_two_entries_at_one_time_the_primarys_stays(user: User) -> None:
    at = "2024-01-01T00:00:00Z"
    user.contact("101", city={"value": "Gent", "at": at})
    user.contact("102", city={"value": "Brugge", "at": at})
    merge = user.merge("101", "102")
    history = user.json("history", "contacts", "101", "--property", "city")["results"]
    assert [one["value"] for one in history] == ["Gent"]
    assert decision(merge, "city")["secondary"]["value"] == "Brugge"


def _logs(activity_id: str, *records: str) -> dict[str, Any]:
    return {
        "type": "log_activity",
        "activity_id": activity_id,
        "activity_type": "note",
        "records": [{"object_type": "contacts", "record_id": one} for one in records],
    }


def test_case_18_every_activity_of_both_is_there_once(pair: User) -> None:
    pair.apply(_logs("n1", "101"), _logs("n2", "101", "102"), _logs("c1", "102"))
    pair.merge("101", "102")
    shown = pair.show("101")
    assert sorted(shown["activities"]) == ["c1", "n1", "n2"]
    assert shown["activities_total"] == 3
    assert {one["activity_id"] for one in pair.json("timeline", "contacts", "102")["results"]} == {"n1", "n2", "c1"}


def test_case_19_every_association_of_both_is_there_with_its_labels(pair: User) -> None:
    pair.record("deals", "D1")
    pair.record("deals", "D2")
    d1, d2 = ({"object_type": "deals", "record_id": one} for one in ("D1", "D2"))
    pair.do("associate", "101", to=d1, labels=["x"])
    pair.do("associate", "102", to=d1, labels=[{"label": "y", "attributes": {"since": "2020"}}])
    pair.do("associate", "102", to=d2)
    pair.merge("101", "102")
    links = {one["id"]: one["labels"] for one in pair.show("101")["associations"]}
    assert {one["label"]: one.get("attributes") or {} for one in links["D1"]} == {"x": {}, "y": {"since": "2020"}}
    assert links["D2"] == []


def test_case_20_a_record_is_never_linked_to_itself(pair: User) -> None:
    pair.do("associate", "101", to={"object_type": "contacts", "record_id": "102"}, labels=["colleague"])
    merge = pair.merge("101", "102")
    assert merge["effects"]["associations"]["dropped_self"]
    assert pair.show("101")["associations"] == []


def test_case_21_the_primarys_primary_company_keeps_the_label(pair: User) -> None:
    for record_id, company in (("101", "Co1"), ("102", "Co2")):
        pair.company(company)
        pair.do("associate", record_id, to={"object_type": "companies", "record_id": company}, labels=["primary"])
    merge = pair.merge("101", "102")
    links = {one["id"]: [label["label"] for label in one["labels"]] for one in pair.show("101")["associations"]}
    assert links == {"Co1": ["primary"], "Co2": []}
    assert [one["id"] for one in merge["effects"]["associations"]["demoted"]] == ["Co2"]


def test_case_23_the_secondary_leaves_every_static_segment(pair: User) -> None:
    for segment in ("S1", "S2", "S3"):
        named = {"segment_id": segment, "name": segment, "object_type": "contacts", "kind": "static"}
        pair.apply({"type": "define_segment", **named})
    for record_id, segment in (("101", "S1"), ("101", "S2"), ("102", "S2"), ("102", "S3")):
        pair.do("add_to_segment", record_id, segment_id=segment)
    merge = pair.merge("101", "102", "--result-id", "103")
    assert sorted(pair.show("103")["segments"]["static"]) == ["S1", "S2"]
    segments = {one: pair.json("segments", "show", one) for one in ("S1", "S2", "S3")}
    assert {name: one["members"] for name, one in segments.items()} == {"S1": ["103"], "S2": ["103"], "S3": []}
    for name in ("S2", "S3"):
        assert [(one["record_id"], one["cause"]) for one in segments[name]["removals"]] == [
            ("102", f"merge:{merge['merge_id']}")
        ]
    assert sorted(merge["effects"]["static_segments"]["removed"]) == ["S2", "S3"]


def test_case_24_an_active_segment_follows_the_merged_record(user: User) -> None:
    is_customer = [{"filters": [{"propertyName": "lifecyclestage", "operator": "EQ", "value": "customer"}]}]
    user.apply({
        "type": "define_segment", "segment_id": "C", "name": "Customers", "object_type": "contacts", "kind": "active",
        "filter_groups": is_customer,
    })  # fmt: skip
    user.contact("101", lifecyclestage="lead")
    user.contact("102", lifecyclestage="customer")
    assert user.json("segments", "show", "C")["members"] == ["102"]
    user.merge("101", "102", "--result-id", "103")
    assert user.json("segments", "show", "C")["members"] == ["103"]
    assert user.show("103")["segments"]["active"] == ["C"]


def test_case_25_properties_moved_counts_what_came_from_the_secondary(user: User) -> None:
    user.contact("101", kept="a", chosen="a", createdate="2020-01-01")
    user.contact("102", kept="b", chosen="b", x="1", y="2", z="3", createdate="2021-01-01")
    merge = user.merge("101", "102", "--choose", "chosen=secondary")
    assert merge["properties_moved"] == 4
    assert sum(one["from"] == "secondary" for one in merge["decisions"]) == 4
