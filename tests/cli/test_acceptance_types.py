"""Tests: the acceptance cases of contacts and companies, through the command line."""

from typing import Any

import pytest

from tests.cli.user import User, decision

IS_CUSTOMER = [{"filters": [{"propertyName": "lifecyclestage", "operator": "EQ", "value": "customer"}]}]


def _workflow(workflow_id: str, *, allow: bool, groups: list[Any] | None = None) -> dict[str, Any]:
    return {
        "type": "define_workflow",
        "workflow_id": workflow_id,
        "name": workflow_id,
        "object_type": "contacts",
        "filter_groups": groups or [],
        "allow_enrollment_from_merge": allow,
    }


def test_case_26_the_secondarys_address_becomes_additional(user: User) -> None:
    user.contact("101", email="a@x.example")
    user.contact("102", email="b@x.example")
    merge = user.merge("101", "102", "--result-id", "103")
    shown = user.properties("103")
    assert (shown["email"], shown["hs_additional_emails"]) == ("a@x.example", "b@x.example")
    assert user.ids("find", "contacts", "--email", "B@x.example") == ["103"]
    assert merge["effects"]["identifiers"]["emails"] == {"primary": "a@x.example", "additional": ["b@x.example"]}


def test_case_27_an_empty_address_is_filled(user: User) -> None:
    user.contact("101")
    user.contact("102", email="b@x.example")
    user.merge("101", "102")
    shown = user.properties("101")
    assert shown["email"] == "b@x.example"
    assert not shown.get("hs_additional_emails")


def test_case_28_domains_and_addresses_are_compared_normalised(user: User) -> None:
    user.company("1", domain="A.example.")
    user.company("2", domain="a.example")
    user.merge("1", "2", object_type="companies")
    shown = user.properties("1", "companies")
    assert shown["domain"] == "a.example"
    assert not shown.get("hs_additional_domains")
    user.contact("101", email="Ann@X.example")
    outcome = user.refused("create_record", object_type="contacts", properties={"email": "ann@x.example"})
    assert outcome["code"] == "IDENTIFIER_IN_USE"
    assert outcome["details"] == {"kind": "email", "current_id": "101"}


@pytest.mark.parametrize(("one", "other"), [("lead", "customer"), ("customer", "lead")])
def test_case_29_the_stage_furthest_down_the_funnel_stays(user: User, one: str, other: str) -> None:
    user.contact("101", lifecyclestage=one)
    user.contact("102", lifecyclestage=other)
    assert decision(user.merge("101", "102"), "lifecyclestage")["rule"] == "H39"
    assert user.properties("101")["lifecyclestage"] == "customer"


@pytest.mark.parametrize(("one", "other", "total"), [(3, 2, 5), (None, 2, 2), (None, None, None)])
def test_case_31_conversions_are_summed(user: User, one: int | None, other: int | None, total: int | None) -> None:
    user.contact("101", num_conversion_events=one)
    user.contact("102", num_conversion_events=other)
    merge = user.merge("101", "102")
    assert user.properties("101").get("num_conversion_events") == total
    if total is not None:
        assert decision(merge, "num_conversion_events")["from"] == "computed"


def test_case_32_the_most_marketable_status_wins(user: User) -> None:
    user.contact("101", hs_marketable_status=False)
    user.contact("102", hs_marketable_status=True)
    user.merge("101", "102")
    assert user.properties("101")["hs_marketable_status"] is True


def test_case_32_without_marketing_contacts_the_status_is_left_alone(user: User) -> None:
    user.configure(marketing_contacts=False)
    user.contact("101", hs_marketable_status=False)
    user.contact("102", hs_marketable_status=True)
    user.merge("101", "102")
    assert user.properties("101")["hs_marketable_status"] is False


def test_case_33_the_most_restrictive_consent_wins(user: User) -> None:
    user.contact("101", email="a@x.example")
    user.contact("102", email="b@x.example")
    user.do("suppress", "102", kind="unsubscribed", topic="news", address="b@x.example")
    user.do("suppress", "102", kind="objected", topic="ads")
    user.merge("101", "102")
    shown = user.show("101")["suppressions"]
    assert {(one["kind"], one["topic"], one.get("address"), one["source_record_id"]) for one in shown} == {
        ("unsubscribed", "news", "b@x.example", "102"),
        ("objected", "ads", None, "102"),
    }


def test_case_34_legal_bases_of_both_are_kept(user: User) -> None:
    user.contact("101", hs_legal_basis={"value": ["consent"], "at": "2020-01-01T00:00:00Z"})
    user.contact("102", hs_legal_basis={"value": ["interest"], "at": "2021-01-01T00:00:00Z"})
    found = decision(user.merge("101", "102"), "hs_legal_basis")
    assert (found["value"], found["from"], found["rule"]) == (["consent", "interest"], "both", "H44")
    assert found["primary"]["at"] == "2020-01-01T00:00:00Z"
    assert found["secondary"]["at"] == "2021-01-01T00:00:00Z"


@pytest.mark.parametrize(("source", "kept"), [("integration", "ORGANIC_SEARCH"), ("manual", "PAID_SEARCH")])
def test_case_35_the_oldest_source_stays_unless_one_was_set_by_hand(user: User, source: str, kept: str) -> None:
    paid = {"value": "PAID_SEARCH", "at": "2023-01-01T00:00:00Z", "source": source}
    user.contact("101", hs_analytics_source=paid, hs_analytics_source_data_1="a")
    user.contact(
        "102",
        hs_analytics_source={"value": "ORGANIC_SEARCH", "at": "2021-01-01T00:00:00Z"},
        hs_analytics_source_data_1="b",
    )
    user.merge("101", "102")
    shown = user.properties("101")
    assert shown["hs_analytics_source"] == kept
    assert shown["hs_analytics_source_data_1"] == ("a" if kept == "PAID_SEARCH" else "b")


def test_case_36_forms_land_on_the_merged_record(user: User) -> None:
    user.contact("101", email="a@x.example")
    user.contact("102", email="b@x.example")

    def submit(number: int, **who: str) -> str:
        form = {"type": "submit_form", "form_id": "f", "submission_id": f"s{number}", **who}
        found: str = user.apply(form)[0]["record_id"]
        return found

    assert submit(1, usertoken="u1", email="a@x.example") == "101"
    assert submit(2, usertoken="u2", email="b@x.example") == "102"
    user.merge("101", "102", "--result-id", "103")
    assert submit(3, usertoken="u2") == "103"
    assert submit(4, usertoken="u9", email="b@x.example") == "103"
    shown = user.show("103")
    assert sorted(shown["usertokens"]) == ["u1", "u2", "u9"]
    assert sorted(shown["activities"]) == ["s1", "s2", "s3", "s4"]
    assert shown["properties"]["num_conversion_events"] == 4
    assert user.ids("find", "contacts", "--usertoken", "u9") == ["103"]


def test_case_38_salesforce_blocks_companies_and_nothing_else(user: User) -> None:
    user.configure(salesforce_integration=True)
    for record_id in ("1", "2"):
        user.company(record_id)
        user.contact(record_id)
    assert user.merge_refused("1", "2", object_type="companies")["code"] == "COMPANY_SALESFORCE_BLOCK"
    user.merge("1", "2")


def test_case_39_a_parent_company_is_not_merged(user: User) -> None:
    for record_id in ("A", "B", "Z"):
        user.company(record_id)
    to_z = {"object_type": "companies", "record_id": "Z"}
    user.do("associate", "A", "companies", to=to_z, labels=["child"])
    assert user.merge_refused("A", "B", object_type="companies")["code"] == "COMPANY_PARENT_CHILD"
    assert user.merge_refused("B", "Z", object_type="companies")["code"] == "COMPANY_PARENT_CHILD"
    user.do("dissociate", "A", "companies", to=to_z)
    user.merge("A", "B", object_type="companies")


@pytest.mark.parametrize(("one", "additional"), [("a.example", "b.example"), (None, "")])
def test_case_40_the_secondarys_domain_becomes_additional_or_fills(
    user: User, one: str | None, additional: str
) -> None:
    user.company("1", domain=one)
    user.company("2", domain="b.example")
    user.merge("1", "2", object_type="companies")
    shown = user.properties("1", "companies")
    assert shown["domain"] == (one or "b.example")
    assert shown.get("hs_additional_domains", "") == additional
    assert user.ids("find", "companies", "--domain", "b.example") == [user.show("1", object_type="companies")["id"]]


def test_case_42_both_leave_every_workflow(user: User) -> None:
    user.apply(_workflow("W1", allow=False), _workflow("W2", allow=False))
    user.contact("101")
    user.contact("102")
    user.do("enroll", "101", workflow_id="W1")
    user.do("enroll", "102", workflow_id="W2")
    merge = user.merge("101", "102")
    assert user.show("101")["workflows"] == []
    for workflow, record_id in (("W1", "101"), ("W2", "102")):
        shown = user.json("workflows", "show", workflow)
        assert shown["enrolled"] == []
        left = [(one["record_id"], one["cause"]) for one in shown["unenrollments"]]
        assert left == [(record_id, f"merge:{merge['merge_id']}")]


@pytest.mark.parametrize("allow", [False, True])
def test_case_43_a_merge_enrolls_only_where_allowed(user: User, *, allow: bool) -> None:
    user.apply(_workflow("W", allow=allow, groups=IS_CUSTOMER))
    user.contact("101", lifecyclestage="lead")
    user.contact("102", lifecyclestage="customer")
    merge = user.merge("101", "102")
    assert user.show("101")["workflows"] == (["W"] if allow else [])
    if allow:
        enrolled = user.json("workflows", "show", "W")["enrolled"]
        assert [(one["record_id"], one["cause"]) for one in enrolled] == [
            (merge["result_id"], f"merge:{merge['merge_id']}")
        ]


@pytest.mark.parametrize(
    ("allow", "setting", "enrolled"),
    [(True, "requires_allow", True), (False, "requires_allow", False), (False, "always", True)],
)
def test_case_44_a_later_change_enrolls_a_merged_record_where_allowed(
    user: User, *, allow: bool, setting: str, enrolled: bool
) -> None:
    user.configure(later_enrollment=setting)
    in_gent = [{"filters": [{"propertyName": "city", "operator": "EQ", "value": "Gent"}]}]
    user.apply(_workflow("W2", allow=allow, groups=in_gent))
    user.contact("101")
    user.contact("102")
    user.merge("101", "102")
    user.do("update_record", "101", properties={"city": "Gent"})
    assert user.show("101")["workflows"] == (["W2"] if enrolled else [])


def _with_playbooks(user: User) -> None:
    user.contact("101")
    user.contact("102")
    for record_id, playbook, state in (("101", "p1", "logged"), ("101", "p2", "draft"), ("102", "p3", "logged")):
        user.do("log_playbook", record_id, playbook_id=playbook, state=state)


def test_case_45_logged_playbooks_stay_and_drafts_go(user: User) -> None:
    _with_playbooks(user)
    warned = user.json("preview", "contacts", "101", "102")["warnings"]
    assert "DRAFTS_DROPPED" in {one["code"] for one in warned}
    merge = user.merge("101", "102")
    assert sorted(one["playbook_id"] for one in user.show("101")["playbooks"]) == ["p1", "p3"]
    assert "p2" in str(merge["effects"]["playbooks"]["dropped_drafts"])


def test_case_46_on_a_free_plan_the_playbook_effect_is_skipped(user: User) -> None:
    user.configure(subscriptions={"sales": "free", "service": "free", "marketing": "free"})
    _with_playbooks(user)
    merge = user.merge("101", "102")
    assert merge["effects"]["skipped"] == [{"effect": "playbooks", "why": "subscription"}]
    assert user.show("101")["playbooks"] == []
    before = user.show("101", "--as-of", str(merge["position"] - 1))
    assert {(one["playbook_id"], one["state"]) for one in before["playbooks"]} == {("p1", "logged"), ("p2", "draft")}


def test_case_47_a_call_is_disconnected_and_the_preview_says_so(user: User) -> None:
    user.contact("101")
    user.contact("102")
    user.do("start_call", "101", call_id="c1")
    warned = user.json("preview", "contacts", "101", "102")["warnings"]
    assert "CALL_WILL_DISCONNECT" in {one["code"] for one in warned}
    merge = user.merge("101", "102")
    assert "c1" in str(merge["effects"]["calls_disconnected"])
    assert user.show("101").get("active_call") is None


def test_case_48_a_thousand_activities_are_there_in_the_very_next_read(user: User) -> None:
    user.contact("101")
    user.contact("102")
    user.apply(*(
        {
            "type": "log_activity", "activity_id": f"n{number}", "activity_type": "note",
            "records": [{"object_type": "contacts", "record_id": "101" if number % 2 else "102"}],
        }
        for number in range(1000)
    ))  # fmt: skip
    user.merge("101", "102")
    shown = user.show("101")
    assert shown["activities_total"] == 1000
    assert len(shown["activities"]) == 100
