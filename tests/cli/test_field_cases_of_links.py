"""Tests: inputs that came from the field about links and archived records, each with its right value, end to end."""

from pathlib import Path
from typing import Any

from tests.cli.user import User

CASES = Path(__file__).parents[1] / "field_cases"


def applied(user: User, case: str) -> dict[str, dict[str, Any]]:
    """Apply a case's input to an empty ledger, and return its outcomes by the number that ends their command id."""
    outcomes: list[dict[str, Any]] = user.run("apply", str(CASES / f"{case}.jsonl"), "-o", "jsonl").lines
    return {one["command_id"].rsplit("-", 1)[1]: one for one in outcomes}


def labels(user: User, record_id: str, object_type: str) -> dict[str, list[str]]:
    """List a record's links as `show` has them, by the other's id."""
    links = user.show(record_id, object_type=object_type)["associations"]
    return {one["id"]: [label["label"] for label in one["labels"]] for one in links}


def test_field_case_archived_primary_the_label_goes_to_the_company_that_is_active(user: User) -> None:
    merge_id = applied(user, "archived-primary")["8"]["merge_id"]
    assert labels(user, "ef", "contacts") == {"c1": [], "c2": ["primary"]}
    effects = user.json("merges", "show", merge_id)["effects"]
    assert effects["associations"]["demoted"] == [{"object_type": "companies", "id": "c1"}]


def test_field_case_archived_parent_blocks_no_merge_and_keeps_its_child(user: User) -> None:
    outcomes = applied(user, "archived-parent")
    assert outcomes["6"]["status"] == "applied"
    assert outcomes["7"]["code"] == "RECORD_ARCHIVED"  # And what it advises is done here:
    assert labels(user, "xk", "companies") == {"p": ["parent"]}
    user.do("restore_record", "p", "companies")
    assert labels(user, "p", "companies") == {"xk": ["child"]}
    user.do("dissociate", "k", "companies", to={"object_type": "companies", "record_id": "p"})
    assert labels(user, "xk", "companies") == {}


def test_field_case_archived_parent_shows_a_label_that_ended(user: User) -> None:
    for name in ("p", "q", "x", "k"):
        user.company(name)
    for child, parent in (("x", "p"), ("k", "q")):
        to = {"object_type": "companies", "record_id": parent}
        user.do("associate", child, "companies", to=to, labels=["parent", "supplier"])
        user.do("archive_record", parent, "companies")
    effects = user.merge("x", "k", "--result-id", "xk", object_type="companies")["effects"]
    dropped = [{"object_type": "companies", "id": "q", "label": "parent"}]
    assert effects["associations"]["hierarchy_dropped"] == dropped
    for name in ("p", "q"):
        user.do("restore_record", name, "companies")
    assert labels(user, "xk", "companies") == {"p": ["parent", "supplier"], "q": ["supplier"]}
    assert labels(user, "q", "companies") == {"xk": ["supplier"]}


def test_field_case_parent_cycle_a_second_parent_and_a_circle_are_refused(user: User) -> None:
    outcomes = applied(user, "parent-cycle")
    codes = {number: one.get("code") for number, one in outcomes.items() if number >= "5"}
    assert codes == {"5": None, "6": "HIERARCHY_CIRCLE", "7": None, "8": "HAS_PARENT"}
    assert labels(user, "c1", "companies") == {"c2": ["parent"], "c3": ["child"]}


def test_field_case_lost_attributes_are_shown_with_the_merge(user: User) -> None:
    merge_id = applied(user, "lost-attributes")["6"]["merge_id"]
    effects = user.json("merges", "show", merge_id)["effects"]
    lost = {"object_type": "companies", "id": "c", "label": "billing", "attributes": {"since": "2020", "until": "2021"}}
    assert effects["associations"]["attributes_lost"] == {"results": [lost], "total": 1}


def test_field_case_lost_attributes_are_shown_and_warned_of_in_the_preview(user: User) -> None:
    *facts, merge = (CASES / "lost-attributes.jsonl").read_bytes().splitlines(keepends=True)
    assert user.run("apply", "-", stdin=b"".join(facts)).code == 0
    for options in ([], ["--no-catch-up"]):
        previewed = user.json("preview", "contacts", "a", "b", *options)
        lost = previewed["effects"]["associations"]["attributes_lost"]
        assert (lost["total"], lost["results"][0]["label"]) == (1, "billing")
        (warning,) = previewed["warnings"]
        assert (warning["code"], warning["details"]) == ("ATTRIBUTES_LOST", {"total": 1})
        assert "2020" not in warning["message"]
    page = user.run("preview", "contacts", "a", "b", "-o", "table").out
    assert "companies c billing (since=2020, until=2021)" in " ".join(page.split())
    assert user.run("apply", "-", stdin=merge).code == 0


def test_field_case_archived_form_brings_the_contact_back_and_lands_on_it(user: User) -> None:
    outcome = applied(user, "archived-form")["3"]
    assert (outcome["status"], outcome.get("record_id")) == ("applied", "b"), outcome
    shown = user.show("b")
    assert (shown["status"], shown["activities"]) == ("active", ["s"])
    assert user.ids("search", "contacts") == user.ids("find", "contacts", "--usertoken", "t") == ["b"]
    (restored,) = user.json("events", "list", "--type", "record.restored.v1")["results"]
    assert restored["data"]["cause"] == "form:s"
