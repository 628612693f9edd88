"""Tests: what people who merge records reported elsewhere: stages, unique values, other systems, guards, repeats.

Each input in `tests/field-cases` is applied to an empty ledger as it is.
"""

import json
from pathlib import Path
from typing import Any

from tests.cli.user import Shown, User, decision

CASES = Path(__file__).parents[1] / "field-cases"


def applied(user: User, name: str) -> list[Shown]:
    """Apply a case's input; the outcomes in its order."""
    outcomes: list[Shown] = user.run("apply", "-", "-o", "jsonl", stdin=(CASES / f"{name}.jsonl").read_bytes()).lines
    return outcomes


def lines_of(name: str) -> list[Shown]:
    """Read the commands of a case's input."""
    return [json.loads(line) for line in (CASES / f"{name}.jsonl").read_text().splitlines()]


def told(outcomes: list[Shown]) -> list[Any]:
    """Name what became of each command: its status, or the code of a refusal."""
    return [one.get("code", one["status"]) for one in outcomes]


def codes(answer: Shown) -> list[str]:
    """List the codes of an answer's warnings."""
    return [one["code"] for one in answer.get("warnings", ())]


# -- lifecycle-writing


def test_field_case_lifecycle_writing_a_stage_is_stored_as_the_account_writes_it(user: User) -> None:
    outcomes = applied(user, "lifecycle-writing")
    assert told(outcomes) == ["applied"] * 6
    assert [codes(one) for one in outcomes] == [[]] * 6
    assert [user.properties(one)["lifecyclestage"] for one in ("ab", "cd")] == ["customer", "customer"]
    written = {
        one["value"] for one in user.json("history", "contacts", "cd", "--property", "lifecyclestage")["results"]
    }
    assert written == {"customer", "lead"}
    user.contact("e", lifecyclestage="Marketing Qualified Lead")
    assert user.properties("e")["lifecyclestage"] == "marketingqualifiedlead"
    wanted = {"propertyName": "lifecyclestage", "operator": "EQ", "value": "Marketing Qualified Lead"}
    assert user.ids("search", "contacts", "--filter", json.dumps([{"filters": [wanted]}])) == ["e"]


def test_field_case_lifecycle_writing_an_unknown_stage_is_kept_and_warned_of(user: User) -> None:
    properties = {"lifecyclestage": "Klant"}
    created = user.apply(
        {"type": "create_record", "object_type": "contacts", "record_id": "a", "properties": properties}
    )
    assert codes(created[0]) == ["UNKNOWN_STAGE"]
    assert "Klant" not in str(created)
    user.contact("b", lifecyclestage="subscriber")
    assert codes(user.json("preview", "contacts", "a", "b")) == ["UNKNOWN_STAGE"]
    ran = user.run("merge", "contacts", "a", "b", "--yes", "--command-id", "m-1", "-o", "json")
    assert decision(ran.json, "lifecyclestage")["value"] == "subscriber"
    assert "warning: UNKNOWN_STAGE" in ran.err
    assert codes(user.json("outcomes", "show", "m-1")) == ["UNKNOWN_STAGE"]


# -- unique-alias


def test_field_case_unique_alias_a_losing_unique_value_still_leads_to_the_merged_record(user: User) -> None:
    outcomes = applied(user, "unique-alias")
    assert told(outcomes) == ["applied"] * 4 + ["IDENTIFIER_IN_USE"]
    assert outcomes[4]["details"] == {"kind": "national_id", "current_id": "m"}
    assert user.ids("find", "contacts", "--property", "national_id=NL-2") == ["m"]
    assert user.show("m")["additional_identifiers"] == {"national_id": ["NL-2"]}
    (merge,) = user.json("merges", "list")["results"]
    shown = merge["effects"]["identifiers"]["properties"]
    assert shown == {"national_id": {"primary": "NL-1", "additional": ["NL-2"]}}


def test_field_case_unique_alias_it_is_free_once_it_is_removed(user: User) -> None:
    applied(user, "unique-alias")
    user.do("remove_identifier", "m", kind="property:national_id", value="NL-2")
    assert user.run("find", "contacts", "--property", "national_id=NL-2").code == 4
    assert user.show("m")["additional_identifiers"] == {}
    user.contact("again", national_id="NL-2")
    assert user.ids("find", "contacts", "--property", "national_id=NL-2") == ["again"]


def test_field_case_unique_alias_it_is_promoted_and_released_like_an_address(user: User) -> None:
    applied(user, "unique-alias")
    user.do("update_record", "a", properties={"national_id": "NL-2"})
    assert user.show("m")["additional_identifiers"] == {"national_id": ["NL-1"]}
    user.do("set_primary_identifier", "m", kind="property:national_id", value="NL-1")
    user.do("add_identifier", "b", kind="property:national_id", value="NL-3")
    assert user.show("m")["additional_identifiers"] == {"national_id": ["NL-3", "NL-2"]}
    user.do("update_record", "m", properties={"national_id": "NL-9"})
    user.contact("other", national_id="NL-1")
    assert user.show("m")["additional_identifiers"] == {"national_id": ["NL-3", "NL-2"]}
    assert user.refused(
        "add_identifier", object_type="contacts", record_id="m", kind="property:national_id", value="NL-1"
    )["details"] == {"kind": "national_id", "current_id": "other"}


def test_a_kind_of_identifier_that_cannot_be_is_unreadable(user: User) -> None:
    asked = {"object_type": "contacts", "record_id": "a", "kind": "phone", "value": "1"}
    (outcome,) = user.apply({"type": "add_identifier", **asked}, code=1)
    assert outcome["message"] == "expected email, domain or property:NAME at $.kind"


# -- sync-other-system


def test_field_case_sync_other_system_every_id_leads_to_the_merged_record(user: User) -> None:
    assert told(applied(user, "sync-other-system")) == ["applied"] * 4
    assert user.ids("find", "contacts", "--sync", "sap:K77") == ["m"]
    shown = user.show("m")
    assert (shown["sync"], shown["sync_ids"]) == ({"sap": "K77"}, {"sap": ["K77"]})
    (merge,) = user.json("merges", "list")["results"]
    assert merge["effects"]["sync"] == {
        "kept": {"sap": "K77"},
        "unlinked": {},
        "kept_ids": {"sap": ["K77"]},
        "unlinked_ids": {},
    }
    user.contact("c")
    user.do("link_sync", "c", system="sap", external_id="K1")
    assert "SYNC_LOST" not in codes(user.json("preview", "contacts", "c", "m"))
    user.merge("c", "m", "--result-id", "cm")
    shown = user.show("cm")
    assert (shown["sync"], shown["sync_ids"]) == ({"sap": "K1"}, {"sap": ["K1", "K77"]})
    assert user.ids("find", "contacts", "--sync", "sap:K77") == ["cm"]


def test_field_case_sync_other_system_an_account_may_keep_the_primarys_alone(user: User) -> None:
    user.configure(sync_rules={"sap": "primary_only"})
    settings = user.json("account", "show")["settings"]["sync_rules"]
    assert settings["value"] == {"salesforce": "primary_only", "sap": "primary_only"}
    applied(user, "sync-other-system")
    assert user.show("m")["sync_ids"] == {}
    assert user.run("find", "contacts", "--sync", "sap:K77").code == 4


def test_field_case_sync_other_system_the_rule_of_salesforce_is_fixed(user: User) -> None:
    (outcome,) = user.apply({"type": "configure_account", "sync_rules": {"salesforce": "keep_all"}}, code=1)
    assert outcome["code"] == "INVALID_FIELD"
    assert "primary_only" in outcome["message"]


# -- guard-identified


def test_field_case_guard_identified_two_that_differ_are_not_merged_by_mistake(user: User) -> None:
    guard = {"type": "define_object_type", "object_type": "contacts", "properties": {"user_key": {"must_match": True}}}
    user.apply(guard)
    outcomes = applied(user, "guard-identified")
    assert told(outcomes) == ["applied", "applied", "MUST_MATCH"]
    assert outcomes[2]["details"] == {"properties": ["user_key"]}
    assert user.merge_refused("a", "b")["code"] == "MUST_MATCH"
    assert user.merge_refused("a", "b", "--override-must-match")["code"] == "REASON_REQUIRED"
    merged = user.merge("a", "b", "--override-must-match", "--reason", "two logins of one person")
    assert merged["reason"] == "two logins of one person"
    assert decision(merged, "user_key")["value"] == "1"


# -- refused-is-spent


def test_field_case_refused_is_spent_a_repeated_refusal_says_when_it_was_given_and_what_to_do(user: User) -> None:
    outcomes = applied(user, "refused-is-spent")
    assert told(outcomes) == ["NOT_FOUND", "applied", "applied", "NOT_FOUND"]
    first, again = outcomes[0], outcomes[3]
    assert "repeated" not in first
    assert again["repeated"]
    assert again["message"].startswith(first["message"])
    assert f"answered at {again['first_answered_at']}: send it under a new id" in again["message"]
    (merge,) = [one for one in lines_of("refused-is-spent") if one["command_id"] == "merge-1"][:1]
    assert told(user.apply({**merge, "command_id": "merge-2"})) == ["applied"]
    repeated = user.apply({**merge, "command_id": "merge-2"})[0]
    assert (repeated["repeated"], repeated["first_answered_at"][-1]) == (True, "Z")


# -- unique-defined-later


def test_field_case_unique_defined_later_a_merge_claims_the_values_of_the_merged_record(user: User) -> None:
    outcomes = applied(user, "unique-defined-later")
    assert told(outcomes) == ["applied"] * 4 + ["IDENTIFIER_IN_USE"]
    assert [codes(one) for one in outcomes] == [[], [], ["NOT_UNIQUE"], [], []]
    assert "next set or merged" in outcomes[2]["warnings"][0]["message"]
    assert outcomes[4]["details"]["current_id"] == "m"
    assert user.ids("find", "contacts", "--property", "ext=E1") == ["m"]
    assert user.ids("find", "contacts", "--property", "ext=E2") == ["m"]
    assert user.show("m")["additional_identifiers"] == {"ext": ["E2"]}


def test_field_case_unique_defined_later_a_value_that_another_claims_is_kept_and_warned_of(user: User) -> None:
    for record_id in ("a", "c"):
        user.contact(record_id, ext="E1")
    user.contact("b", ext="E2")
    user.apply({"type": "define_object_type", "object_type": "contacts", "properties": {"ext": {"unique": True}}})
    user.do("update_record", "c", properties={"ext": "E1"})
    foreseen = [one for one in user.json("preview", "contacts", "a", "b")["warnings"] if one["code"] == "NOT_UNIQUE"]
    user.merge("a", "b", "--command-id", "m-1", "--result-id", "m")
    outcome = user.json("outcomes", "show", "m-1")
    assert outcome["warnings"] == foreseen
    assert foreseen[0]["details"] == {"property": "ext", "record_id": "c"}
    assert user.properties("m")["ext"] == "E1"
    assert user.ids("find", "contacts", "--property", "ext=E1") == ["c"]
    assert user.show("m")["additional_identifiers"] == {"ext": ["E2"]}
