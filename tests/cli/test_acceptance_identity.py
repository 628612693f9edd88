"""Tests: the acceptance cases of identity, chains, limits and failure, through the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.running import lines
from tests.cli.user import Shown, User


@pytest.fixture
def five(user: User) -> User:
    """Contacts A and B merged into C, and D, which is not."""
    for record_id in "ABD":
        user.contact(record_id, city=record_id)
    user.merge("A", "B", "--result-id", "C")
    return user


def test_case_49_every_id_of_a_chain_leads_to_its_end(five: User) -> None:
    five.merge("C", "D", "--result-id", "E")
    answers = five.json("resolve", "contacts", *"ABCDE")
    assert {one["current_id"] for one in answers} == {"E"}
    assert answers[0]["path"] == ["A", "C", "E"]
    assert five.properties("E")["hs_merged_object_ids"] == "A;B;C;D"
    assert five.show("A")["merged_ids"] == ["A", "B", "C", "D"]
    assert len(five.show("A")["redirected_via"]) == 2


def test_case_51_a_record_merged_away_takes_no_part_in_another_merge(five: User) -> None:
    outcome = five.merge_refused("A", "D")
    assert outcome["code"] == "ALREADY_MERGED"
    assert outcome["details"] == {"record_id": "A", "current_id": "C"}


def test_case_52_the_same_merge_under_a_new_id_is_refused(five: User) -> None:
    before = five.show("C")
    assert five.merge_refused("A", "B")["code"] == "ALREADY_MERGED"
    assert five.show("C")["version"] == before["version"]


def test_case_54_records_of_two_types_are_not_merged(user: User) -> None:
    user.contact("A")
    user.company("B")
    assert user.merge_refused("A", "B", "--secondary-type", "companies")["code"] == "TYPE_MISMATCH"


def test_case_55_another_accounts_record_is_not_there(user: User) -> None:
    user.contact("A")
    user.apply({"type": "create_record", "object_type": "contacts", "record_id": "B", "account": "other"})
    outcome = user.merge_refused("A", "B")
    assert (outcome["code"], outcome["details"]["record_id"]) == ("NOT_FOUND", "B")
    assert "other" not in outcome["message"].replace("another", "")


def test_case_56_missing_and_archived_records_are_not_merged(user: User) -> None:
    user.contact("A")
    assert user.merge_refused("A", "B")["code"] == "NOT_FOUND"
    user.contact("B")
    user.do("archive_record", "B")
    assert user.merge_refused("A", "B")["code"] == "RECORD_ARCHIVED"
    user.do("restore_record", "B")
    user.merge("A", "B")


def _merged_times(user: User, name: str, times: int) -> str:
    """Make a contact with so many merges in its lineage; returns its id."""
    commands: list[Shown] = [_contact(f"{name}0")]
    for number in range(times):
        commands += [_contact(f"{name}-other{number}"), {
            "type": "merge_records", "object_type": "contacts", "primary_id": f"{name}{number}",
            "secondary_id": f"{name}-other{number}", "result_id": f"{name}{number + 1}",
        }]  # fmt: skip
    user.apply(*commands)
    return f"{name}{times}"


def _contact(record_id: str) -> Shown:
    return {"type": "create_record", "object_type": "contacts", "record_id": record_id}


@pytest.mark.parametrize(
    ("primary", "secondary", "refused"), [(125, 125, False), (125, 126, True), (130, 130, True), (250, 0, False)]
)
def test_case_57_the_limit_counts_both_lineages(user: User, primary: int, secondary: int, *, refused: bool) -> None:
    one, other = _merged_times(user, "p", primary), _merged_times(user, "s", secondary)
    if not refused:
        assert "NEAR_MERGE_LIMIT" in str(user.json("preview", "contacts", one, other)["warnings"])
        merge = user.merge(one, other, "--result-id", "R")
        assert merge["merge_counts"] == {"primary": primary, "secondary": secondary, "limit": 250}
        assert user.show("p0")["merge_count"] == 251
        return
    outcome = user.merge_refused(one, other)
    assert outcome["code"] == "MERGE_LIMIT_EXCEEDED"
    details = outcome["details"]
    assert (details["primary"], details["secondary"], details["limit"]) == (primary, secondary, 250)
    assert len(details["remedies"]) == 2


def test_case_57_a_lineage_over_the_limit_merges_no_more(user: User) -> None:
    one = _merged_times(user, "p", 251)
    user.contact("x")
    assert user.merge_refused(one, "x")["code"] == "MERGE_LIMIT_EXCEEDED"


@pytest.mark.parametrize(("object_type", "rule"), [("contacts", "H52"), ("companies", "H53"), ("deals", None)])
def test_case_58_there_is_no_unmerge(user: User, object_type: str, rule: str | None) -> None:
    user.contact("x")
    ran = user.run("unmerge", object_type, "nowhere", "-o", "json")
    assert ran.code == 3
    outcome = ran.json
    assert outcome["code"] == "UNMERGE_NOT_SUPPORTED"
    assert [one["rule"] for one in outcome["details"]["workarounds"]] == ([rule] if rule else [])


def test_case_59_a_removed_address_makes_a_new_contact(user: User) -> None:
    user.contact("101", email="a@x.example")
    user.contact("102", email="b@x.example")
    user.do("suppress", "102", kind="unsubscribed", address="b@x.example")
    user.merge("101", "102", "--result-id", "103")
    user.do("remove_identifier", "103", kind="email", value="b@x.example")
    user.contact("200", email="b@x.example")
    assert user.ids("find", "contacts", "--email", "b@x.example") == ["200"]
    assert user.show("102")["id"] == "103"
    assert user.show("200")["suppressions"][0]["address"] == "b@x.example"
    form = {"type": "submit_form", "form_id": "f", "submission_id": "s", "usertoken": "u", "email": "b@x.example"}
    assert user.apply(form)[0]["record_id"] == "200"


def test_case_61_of_two_merges_of_one_record_one_is_made(user: User) -> None:
    for record_id in "ABD":
        user.contact(record_id)
    merges = [
        {"type": "merge_records", "object_type": "contacts", "primary_id": "A", "secondary_id": other} for other in "BD"
    ]
    outcomes = user.apply(*merges, code=3)
    assert [one.get("code") for one in outcomes] == [None, "ALREADY_MERGED"]
    assert len(user.json("merges", "list")["results"]) == 1


def test_case_63_an_update_beside_a_merge_is_never_lost(user: User) -> None:
    user.contact("A", city="Gent")
    user.contact("B")
    update = {"type": "update_record", "object_type": "contacts", "record_id": "A", "properties": {"city": "Luik"}}
    merge = {"type": "merge_records", "object_type": "contacts", "primary_id": "A", "secondary_id": "B"}
    user.apply(merge, update)
    assert user.properties("A")["city"] == "Luik"


def test_case_64_a_command_sent_three_times_is_done_once(user: User) -> None:
    user.contact("A")
    user.contact("B")
    sent = lines({
        "type": "merge_records", "command_id": "m", "object_type": "contacts", "primary_id": "A", "secondary_id": "B"
    })  # fmt: skip
    answers: list[Shown] = [user.run("apply", "-", "-o", "jsonl", stdin=sent).lines[0] for _ in range(3)]
    assert [one.pop("repeated", False) for one in answers] == [False, True, True]
    assert answers[1].pop("first_answered_at") == answers[2].pop("first_answered_at")
    assert answers[0] == answers[1] == answers[2]
    assert len(user.json("merges", "list")["results"]) == 1


def test_case_66_a_merge_that_would_differ_from_its_preview_is_refused(user: User) -> None:
    user.contact("A", city="Gent")
    user.contact("B")
    token = user.json("preview", "contacts", "A", "B")["preview_token"]
    user.do("update_record", "B", properties={"phone": "1"})
    outcome = user.json("merge", "contacts", "A", "B", "--preview-token", token, code=3)
    assert outcome["code"] == "VERSION_CONFLICT"
    assert outcome["details"]["record_id"] == "B"
    fresh = user.json("preview", "contacts", "A", "B")["preview_token"]
    assert fresh != token
    user.merge("A", "B", "--preview-token", fresh)


def test_case_67_a_refused_preview_is_an_outcome_and_writes_nothing(user: User) -> None:
    user.contact("A")
    head = user.run("events", "list", "-o", "json").out
    assert user.json("preview", "contacts", "A", "nobody", code=3)["code"] == "NOT_FOUND"
    assert user.run("events", "list", "-o", "json").out == head


def test_case_68_the_preview_is_the_merge(user: User) -> None:
    user.contact("A", email="a@x.example", city="Gent", num_conversion_events=1, lifecyclestage="lead")
    user.contact("B", email="b@x.example", phone="1", num_conversion_events=2, lifecyclestage="customer")
    user.do("log_playbook", "B", playbook_id="p", state="logged")
    preview = user.json("preview", "contacts", "A", "B", "--choose", "city=secondary")
    merge = user.merge("A", "B", "--choose", "city=secondary", "--preview-token", preview["preview_token"])
    assert preview["decisions"] == merge["decisions"]
    assert preview["effects"] == merge["effects"]
    assert preview["properties_moved"] == merge["properties_moved"]
    assert "result_id" not in preview or preview["result_id"] is None


def test_case_69_projections_catch_up_and_do_nothing_twice(user: User) -> None:
    user.contact("A")
    user.contact("B")
    user.json("projections", "list", "--no-catch-up")
    user.merge("A", "B")
    first = user.json("projections", "list")
    assert {one["lag_events"] for one in first} == {0}
    assert user.json("projections", "list") == first


def test_case_70_a_rebuild_gives_the_same_tables_twice(five: User) -> None:
    five.merge("C", "D")
    live = {one["name"]: one["digest"] for one in five.json("projections", "list")}
    for _ in range(2):
        assert five.run("projections", "rebuild").code == 0
        assert {one["name"]: one["digest"] for one in five.json("projections", "list")} == live


def test_case_73_a_unique_address_is_owned_once_at_every_moment(user: User) -> None:
    user.contact("A")
    user.contact("B", email="b@x.example")
    merge = user.merge("A", "B", "--result-id", "R")
    assert user.ids("find", "contacts", "--email", "b@x.example") == ["R"]
    taken = user.refused("create_record", object_type="contacts", properties={"email": "b@x.example"})
    assert taken["details"]["current_id"] == "R"
    before = user.show("B", "--as-of", str(merge["position"] - 1))
    assert (before["id"], before["properties"]["email"]) == ("B", "b@x.example")


def test_case_74_a_marked_pair_needs_an_override_with_a_reason(user: User) -> None:
    for record_id in "ABC":
        user.contact(record_id)
    user.apply({"type": "mark_not_duplicates", "object_type": "contacts", "record_ids": ["A", "B"]})
    user.merge("B", "C", "--result-id", "R")
    assert user.merge_refused("A", "R")["code"] == "MARKED_NOT_DUPLICATES"
    assert user.merge_refused("A", "R", "--override-not-duplicates")["code"] == "REASON_REQUIRED"
    user.merge("A", "R", "--override-not-duplicates", "--reason", "seen both passports")


def test_case_78_stage_and_address_may_be_chosen(user: User) -> None:
    user.contact("A", lifecyclestage="lead", email="a@x.example")
    user.contact("B", lifecyclestage="customer", email="b@x.example")
    merge = user.merge("A", "B", "--choose", "lifecyclestage=primary", "--choose", "email=secondary")
    shown = user.properties("A")
    assert (shown["lifecyclestage"], shown["email"], shown["hs_additional_emails"]) == (
        "lead",
        "b@x.example",
        "a@x.example",
    )
    assert all(one["chosen_by_user"] for one in merge["decisions"] if one["property"] in ("lifecyclestage", "email"))


def test_a_ledger_survives_the_end_of_every_process(five: User, tmp_path: Path) -> None:
    assert (tmp_path / "ledger.db").exists()
    assert json.loads(five.run("show", "contacts", "A", "-o", "json").out)["id"] == "C"
