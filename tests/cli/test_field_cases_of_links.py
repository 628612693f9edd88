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


def test_field_case_archived_form_brings_the_contact_back_and_lands_on_it(user: User) -> None:
    outcome = applied(user, "archived-form")["3"]
    assert (outcome["status"], outcome.get("record_id")) == ("applied", "b"), outcome
    shown = user.show("b")
    assert (shown["status"], shown["activities"]) == ("active", ["s"])
    assert user.ids("search", "contacts") == user.ids("find", "contacts", "--usertoken", "t") == ["b"]
    (restored,) = user.json("events", "list", "--type", "record.restored.v1")["results"]
    assert restored["data"]["cause"] == "form:s"
