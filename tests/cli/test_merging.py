import pytest

from tests.cli.running import Cli, contact
from tests.cli.terminal import on_terminal

ANN = contact("101", firstname="Ann", city="Gent", email="ann@x.example")
ANNE = contact("102", firstname="Anne", city="Brugge", phone="+32 9 000")


@pytest.fixture
def pair(cli: Cli) -> Cli:
    cli.given(ANN, ANNE)
    return cli


def test_a_merge_without_a_terminal_needs_yes_or_a_token(pair: Cli) -> None:
    ran = pair("merge", "contacts", "101", "102")
    assert (ran.code, ran.out) == (2, "")
    assert "pass --yes, or the --preview-token" in ran.err
    assert pair("show", "contacts", "101").json["id"] == "101"


def test_a_merge_prints_the_merge(pair: Cli) -> None:
    ran = pair(
        "merge", "contacts", "101", "102", "--yes", "--reason", "same person", "--result-id", "103", "-o", "json"
    )
    merge = ran.json
    assert ran.code == 0
    assert (merge["primary_id"], merge["secondary_id"], merge["result_id"]) == ("101", "102", "103")
    assert merge["reason"] == "same person"
    assert pair("merges", "show", merge["merge_id"], "-o", "json").json == merge


def test_a_merge_in_a_table_is_one_line(pair: Cli) -> None:
    ran = pair("merge", "contacts", "101", "102", "--yes", "--result-id", "103", "-o", "table")
    assert ran.out == "contacts 101 + 102 -> 103   position 5\n"


def test_a_merge_with_the_token_of_a_preview_needs_no_yes(pair: Cli) -> None:
    token = pair("preview", "contacts", "101", "102").json["preview_token"]
    assert pair("merge", "contacts", "101", "102", "--preview-token", token).code == 0


def test_a_merge_that_is_no_longer_what_was_previewed_is_refused(pair: Cli) -> None:
    token = pair("preview", "contacts", "101", "102").json["preview_token"]
    update = {"type": "update_record", "object_type": "contacts", "record_id": "102", "properties": {"city": "Luik"}}
    pair.given({**update, "command_id": "u"})
    ran = pair("merge", "contacts", "101", "102", "--preview-token", token)
    assert (ran.code, ran.json["code"]) == (3, "VERSION_CONFLICT")


def test_a_preview_changes_nothing_and_has_no_ids(pair: Cli) -> None:
    ran = pair("preview", "contacts", "101", "102")
    assert ran.code == 0
    assert not {"merge_id", "command_id", "result_id", "position", "occurred_at"} & set(ran.json)
    assert ran.json["warnings"] == []
    assert pair("show", "contacts", "102").json["id"] == "102"
    assert pair("outcomes", "list", "--status", "refused").lines == []


def test_show_narrows_the_display_of_a_preview_and_not_its_token(pair: Cli) -> None:
    whole = pair("preview", "contacts", "101", "102").json
    narrow = pair("preview", "contacts", "101", "102", "--show", "city,phone").json
    assert {one["property"] for one in narrow["decisions"]} == {"city", "phone"}
    assert narrow["preview_token"] == whole["preview_token"]


def test_a_preview_of_a_refusal_is_an_outcome(pair: Cli) -> None:
    ran = pair("preview", "contacts", "101", "999")
    assert (ran.code, ran.json["status"], ran.json["code"]) == (3, "refused", "NOT_FOUND")
    assert "NOT_FOUND: contacts 999 does not exist" in ran.err


def test_choices_are_sides_or_values(pair: Cli) -> None:
    ran = pair("preview", "contacts", "101", "102", "--choose", "city=secondary", "--choose", "firstname=Anne")
    chosen = {one["property"]: (one["value"], one["chosen_by_user"]) for one in ran.json["decisions"]}
    assert chosen["city"] == ("Brugge", True)
    assert chosen["firstname"] == ("Anne", True)


def test_a_choice_of_a_number_is_written_as_json(cli: Cli) -> None:
    cli.given(contact("1", n=5), contact("2", n=6))
    refused = cli("preview", "contacts", "1", "2", "--choose", "n=6")
    assert refused.json["code"] == "VALUE_NOT_FROM_EITHER"
    ran = cli("preview", "contacts", "1", "2", "--choose", 'n={"value": 6}')
    assert {one["property"]: one["value"] for one in ran.json["decisions"]}["n"] == 6


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--choose", "city"], "--choose: expected NAME=VALUE"),
        (["--choose", "city="], "--choose: expected NAME=VALUE"),
        (["--choose", "city=primary", "--choose", "city=secondary"], "--choose: city is chosen twice"),
        (["--choose", "City=primary"], "as a key of $.choices"),
        (["--choose", "city={"], "--choose:"),
        (["--command-id", "a b"], "expected a command id"),
        (["--result-id", "a b"], "expected an id"),
        (["--secondary-type", ""], "expected an id"),
    ],
)
def test_what_cannot_be_a_merge_is_a_mistake(pair: Cli, options: list[str], told: str) -> None:
    ran = pair("merge", "contacts", "101", "102", "--yes", *options)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert ran.err.count("\n") == 1


def test_the_same_command_id_again_gets_the_same_merge(pair: Cli) -> None:
    words = ("merge", "contacts", "101", "102", "--yes", "--command-id", "m-1")
    first, again = pair(*words), pair(*words)
    assert (first.code, again.code) == (0, 0)
    assert again.json == first.json


def test_a_refused_merge_is_an_outcome_on_stdout_and_a_line_on_stderr(pair: Cli) -> None:
    ran = pair("merge", "contacts", "101", "101", "--yes", "--command-id", "m-1")
    assert ran.code == 3
    assert (ran.json["command_id"], ran.json["code"]) == ("m-1", "SAME_RECORD")
    assert ran.err == f"merge-ledger: SAME_RECORD: {ran.json['message']}\n"
    assert pair("outcomes", "show", "m-1").json == ran.json


def test_the_actor_is_an_option_or_a_setting(pair: Cli) -> None:
    pair.patch.setenv("MERGE_LEDGER_ACTOR", "batch")
    assert pair("preview", "contacts", "101", "102").json["actor"] == "batch"
    assert pair("preview", "contacts", "101", "102", "--actor", "j.peeters").json["actor"] == "j.peeters"


@pytest.mark.parametrize(("object_type", "rules"), [("contacts", ["H52"]), ("companies", ["H53"]), ("deals", [])])
def test_unmerge_is_refused_and_recorded_whatever_the_id(cli: Cli, object_type: str, rules: list[str]) -> None:
    ran = cli("unmerge", object_type, "12345")
    assert (ran.code, ran.json["code"]) == (3, "UNMERGE_NOT_SUPPORTED")
    assert [one["rule"] for one in ran.json["details"]["workarounds"]] == rules
    assert cli("outcomes", "show", ran.json["command_id"]).json == ran.json


def test_a_person_is_shown_both_records_and_asked(pair: Cli) -> None:
    seen = on_terminal(pair.folder, "merge", "contacts", "101", "102", answers=[("[y/N]", "n\n")])
    assert "contacts 101 + 102" in seen.screen
    assert "Gent" in seen.screen
    assert "Brugge" in seen.screen
    assert "merge contacts 102 (Anne) into contacts 101 (Ann)? this is final [y/N]" in seen.screen
    assert seen.code == 2
    assert pair("show", "contacts", "101").json["id"] == "101"


def test_a_yes_merges(pair: Cli) -> None:
    seen = on_terminal(
        pair.folder, "merge", "contacts", "101", "102", "--result-id", "103", answers=[("[y/N]", "yes\n")]
    )
    assert seen.code == 0
    assert "contacts 101 + 102 -> 103   position 5" in seen.screen
    assert pair("show", "contacts", "101").json["id"] == "103"


def test_a_person_is_not_asked_about_what_would_be_refused(pair: Cli) -> None:
    seen = on_terminal(pair.folder, "merge", "contacts", "101", "999")
    assert seen.code == 3
    assert "NOT_FOUND" in seen.screen
    assert "[y/N]" not in seen.screen


def test_what_changed_while_a_person_thought_is_not_merged(pair: Cli) -> None:
    def meanwhile() -> str:
        update = {"type": "update_record", "object_type": "contacts", "record_id": "102"}
        pair.given({**update, "command_id": "u", "properties": {"city": "Luik"}})
        return "y\n"

    seen = on_terminal(pair.folder, "merge", "contacts", "101", "102", answers=[("[y/N]", meanwhile)])
    assert seen.code == 3
    assert "VERSION_CONFLICT" in seen.screen
