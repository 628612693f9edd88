import csv
import io
from collections.abc import Sequence
from typing import Any

import pytest

from tests.cli.running import Cli, contact, lines

COMPANY = {"type": "create_record", "object_type": "companies", "record_id": "51"}
MERGE = {"type": "merge_records", "object_type": "contacts", "primary_id": "101", "secondary_id": "102"}
RECORD = {"object_type": "contacts", "record_id": "101"}


@pytest.fixture
def merged(cli: Cli) -> Cli:
    cli.given(
        contact("101", firstname="Ann", city="Gent", email="ann@x.example"),
        contact("102", firstname="Anne", city="Brugge", email="anne@x.example"),
        {**COMPANY, "properties": {"domain": "x.example"}},
        {"type": "define_segment", "segment_id": "S1", "name": "One", "object_type": "contacts", "kind": "static"},
        {"type": "add_to_segment", **RECORD, "record_id": "102", "segment_id": "S1"},
        {"type": "define_workflow", "workflow_id": "W1", "name": "Work", "object_type": "contacts"},
        {"type": "enroll", **RECORD, "workflow_id": "W1"},
        {"type": "associate", **RECORD, "to": {"object_type": "companies", "record_id": "51"}, "labels": ["primary"]},
        {"type": "log_activity", "activity_id": "n1", "activity_type": "note", "records": [RECORD], "subject": "Hi"},
        {"type": "link_sync", **RECORD, "system": "salesforce", "external_id": "sf1"},
        {**MERGE, "command_id": "merge-1", "result_id": "103", "reason": "same person", "actor": "j.peeters"},
    )
    return cli


@pytest.mark.parametrize("record_id", ["101", "102", "103"])
def test_show_follows_every_id_to_the_record(merged: Cli, record_id: str) -> None:
    record = merged("show", "contacts", record_id).json
    assert (record["id"], record["requested_id"], record["status"]) == ("103", record_id, "active")


def test_show_without_following_shows_the_tombstone(merged: Cli) -> None:
    tombstone = merged("show", "contacts", "101", "--no-follow").json
    assert (tombstone["status"], tombstone["merged_into"]) == ("merged_away", "103")
    assert "properties" not in tombstone


def test_show_as_of_a_position_or_a_time_shows_what_was(merged: Cli) -> None:
    merge = merged("merges", "list").lines[0]
    before = merged("show", "contacts", "101", "--as-of", str(merge["position"] - 1)).json
    assert (before["id"], before["properties"]["city"]) == ("101", "Gent")
    assert merged("show", "contacts", "101", "--as-of", str(merge["position"])).json["id"] == "103"
    assert merged("show", "contacts", "101", "--as-of", merge["recorded_at"]).json["id"] == "103"
    assert merged("show", "contacts", "101", "--as-of", "2020-01-01").code == 4


@pytest.mark.parametrize("moment", ["yesterday", "-5", "2026-01-31T12:00:00", "1.5", ""])
def test_a_moment_that_cannot_be_read_is_a_mistake(merged: Cli, moment: str) -> None:
    ran = merged("show", "contacts", "101", f"--as-of={moment}")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("merge-ledger: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (["contacts", "--email", "Anne@X.example "], ["103"]),
        (["companies", "--domain", "x.example"], ["51"]),
        (["contacts", "--sync", "salesforce:sf1"], ["103"]),
        (["contacts", "--property", "city=Gent"], ["103"]),
    ],
)
def test_find_finds_by_what_leads_to_a_record(merged: Cli, options: list[str], ids: list[str]) -> None:
    assert [one["id"] for one in merged("find", *options, "-o", "json").json] == ids


def test_find_of_nothing_is_not_found(merged: Cli) -> None:
    ran = merged("find", "contacts", "--usertoken", "u9")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == "merge-ledger: no contacts found in account main\n"


@pytest.mark.parametrize(
    "options",
    [[], ["--email", "a@b", "--domain", "b"], ["--sync", "sf1"], ["--property", "city"], ["--property", "=x"]],
)
def test_find_by_nothing_or_by_two_is_a_mistake(merged: Cli, options: list[str]) -> None:
    assert merged("find", "contacts", *options).code == 2


def test_resolve_answers_in_the_order_asked_and_unknown_ids_too(merged: Cli) -> None:
    found = merged("resolve", "contacts", "103", "102", "999", "-o", "json").json
    assert [(one["requested_id"], one["status"], one["current_id"], one["path"]) for one in found] == [
        ("103", "active", "103", ["103"]),
        ("102", "merged_away", "103", ["102", "103"]),
        ("999", "unknown", None, []),
    ]


def test_resolve_reads_ids_from_stdin(merged: Cli) -> None:
    ids = " ".join(str(number) for number in range(1, 2501))
    found = merged("resolve", "contacts", "103", "-", "-o", "jsonl", stdin=ids.encode()).lines
    assert [one["requested_id"] for one in found] == ["103", *ids.split()]


def test_resolve_of_nothing_is_a_mistake(merged: Cli) -> None:
    assert merged("resolve", "contacts").code == 2


def test_resolve_of_nothing_readable_answers_nothing_and_says_so(merged: Cli) -> None:
    ran = merged("resolve", "contacts", "-", stdin=b"\xff")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("line 1: not an id")


def test_search_filters_counts_and_pages(cli: Cli) -> None:
    cli.given(*(contact(f"{number:02}", city="Gent" if number % 2 else "Luik") for number in range(10)))
    filters = '[{"filters": [{"propertyName": "city", "operator": "EQ", "value": "Gent"}]}]'
    page = cli("search", "contacts", "--filter", filters, "--limit", "2", "-o", "json").json
    assert page["total"] == 5
    seen = page["results"]
    while "paging" in page:
        after = page["paging"]["next"]["after"]
        page = cli("search", "contacts", "--filter", filters, "--limit", "2", "--after", after, "-o", "json").json
        seen += page["results"]
    assert [one["id"] for one in seen] == ["01", "03", "05", "07", "09"]


def test_search_of_merged_finds_the_survivor(merged: Cli) -> None:
    assert [one["id"] for one in merged("search", "contacts", "--merged").lines] == ["103"]


@pytest.mark.parametrize(
    "filters", ["", "{}", '[{"filters": [{"propertyName": "x", "operator": "NOPE"}]}]', "[" * 9999]
)
def test_a_filter_that_cannot_be_read_is_a_mistake(merged: Cli, filters: str) -> None:
    ran = merged("search", "contacts", "--filter", filters)
    assert ran.code == 2
    assert ran.err.startswith("merge-ledger: --filter: ")


PAGED: list[Sequence[str]] = [
    ("search", "contacts"),
    ("history", "contacts", "103"),
    ("timeline", "contacts", "103"),
    ("merges", "list"),
    ("segments", "list"),
    ("workflows", "list"),
    ("outcomes", "list"),
    ("events", "list"),
]


@pytest.mark.parametrize("words", PAGED, ids=" ".join)
def test_every_list_is_results_and_where_to_go_on(merged: Cli, words: Sequence[str]) -> None:
    whole = merged(*words, "-o", "json").json
    assert isinstance(whole["results"], list)
    assert "paging" not in whole
    seen: list[Any] = []
    ran = merged(*words, "--limit", "1", "-o", "json")
    while "paging" in ran.json:
        seen += ran.json["results"]
        assert "there is more: --after" in ran.err
        ran = merged(*words, "--limit", "1", "--after", ran.json["paging"]["next"]["after"], "-o", "json")
    assert seen + ran.json["results"] == whole["results"]


@pytest.mark.parametrize("words", PAGED, ids=" ".join)
@pytest.mark.parametrize("options", [("--limit", "0"), ("--limit", "-5"), ("--limit", "x"), ("--after", "nowhere")])
def test_a_limit_or_cursor_that_is_none_is_a_mistake(merged: Cli, words: Sequence[str], options: Sequence[str]) -> None:
    ran = merged(*words, *options)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


def test_history_can_be_of_one_property(merged: Cli) -> None:
    entries = merged("history", "contacts", "101", "--property", "city").lines
    assert [(one["value"], one["source_record_id"], one["current"]) for one in entries] == [
        ("Gent", "101", True),
        ("Brugge", "102", False),
    ]


def test_lineage_has_the_tree(merged: Cli) -> None:
    tree = merged("lineage", "contacts", "102").json
    assert tree["root"] == "103"
    assert [one["record_id"] for one in tree["nodes"]] == ["103", "101", "102"]


def test_merges_can_be_listed_by_what_they_are(merged: Cli) -> None:
    for options in (["--record", "102"], ["--record", "103", "--type", "contacts"], ["--actor", "j.peeters"]):
        assert len(merged("merges", "list", *options).lines) == 1
    for options in (["--record", "51"], ["--type", "deals"], ["--until", "2020-01-01"], ["--since", "2999-01-01"]):
        assert merged("merges", "list", *options).lines == []


def test_segments_and_workflows_tell_what_a_merge_ended(merged: Cli) -> None:
    merge_id = merged("merges", "list").lines[0]["merge_id"]
    [removal] = merged("segments", "show", "S1").json["removals"]
    assert (removal["record_id"], removal["cause"]) == ("102", f"merge:{merge_id}")
    [unenrolled] = merged("workflows", "show", "W1").json["unenrollments"]
    assert (unenrolled["record_id"], unenrolled["cause"]) == ("101", f"merge:{merge_id}")


def test_outcomes_can_be_listed_by_status_and_code(merged: Cli) -> None:
    merged("merge", "contacts", "101", "102", "--yes")
    assert [one["code"] for one in merged("outcomes", "list", "--status", "refused").lines] == ["ALREADY_MERGED"]
    assert merged("outcomes", "list", "--code", "SAME_RECORD").lines == []
    assert merged("outcomes", "list", "--since", "2999-01-01").lines == []
    assert merged("outcomes", "list", "--status", "lost").code == 2


def test_an_id_used_twice_shows_its_answer_and_tells_of_the_rest(merged: Cli) -> None:
    merged("merge", "contacts", "1", "2", "--yes", "--command-id", "merge-1")
    ran = merged("outcomes", "show", "merge-1")
    assert ran.json["merge_id"]
    assert "COMMAND_ID_REUSED" in ran.err


def test_events_can_be_listed_by_record_and_type(merged: Cli) -> None:
    events = merged("events", "list", "--record", "contacts", "102", "--type", "record.merged-away.v1").lines
    assert [(one["stream"], one["data"]["side"]) for one in events] == [
        ("main/records/contacts/101", "primary"),
        ("main/records/contacts/102", "secondary"),
    ]


def test_account_shows_settings_with_their_origin(cli: Cli) -> None:
    cli.given({"type": "configure_account", "command_id": "conf", "merge_limit": 10})
    settings = cli("account", "show").json["settings"]
    assert (settings["merge_limit"]["value"], settings["merge_limit"]["origin"]) == (10, "command")
    assert settings["legal_basis"]["origin"] == "default"
    assert cli("account", "show", "--as-of", "0").json["settings"]["merge_limit"]["value"] == 250


@pytest.mark.parametrize(
    "words",
    [
        ("show", "contacts", "999"),
        ("show", "boats", "1"),
        ("history", "contacts", "999"),
        ("timeline", "contacts", "999"),
        ("lineage", "contacts", "999"),
        ("merges", "show", "m-9"),
        ("segments", "show", "S9"),
        ("workflows", "show", "W9"),
        ("outcomes", "show", "c-9"),
        *((*words, "--account", "nobody") for words in PAGED),
        ("resolve", "contacts", "1", "--account", "nobody"),
        ("find", "contacts", "--email", "a@b", "--account", "nobody"),
        ("account", "show", "--account", "nobody"),
        ("preview", "contacts", "1", "2", "--account", "nobody"),
    ],
    ids=" ".join,
)
def test_what_does_not_exist_is_exit_4_in_one_line(merged: Cli, words: Sequence[str]) -> None:
    ran = merged(*words)
    assert (ran.code, ran.out) == (4, "")
    assert "does not exist" in ran.err
    assert ran.err.count("\n") == 1


def test_without_catching_up_reads_are_as_of_before(merged: Cli) -> None:
    merged("status")
    merged("show", "contacts", "103")
    merged.given(contact("7"))
    assert merged("show", "contacts", "7", "--no-catch-up").code == 4
    assert merged("--no-catch-up", "show", "contacts", "7").code == 4
    assert merged("show", "contacts", "7").code == 0


@pytest.mark.parametrize("before", [True, False])
def test_options_of_every_command_stand_before_or_after_it(cli: Cli, *, before: bool) -> None:
    options = ("--db", "other.db", "--account", "shop", "-o", "csv")
    cli(*(("--db", "other.db", "--account=shop", "apply", "-")), stdin=b'{"type":"configure_account","command_id":"c"}')
    words = ("outcomes", "list")
    ran = cli(*options, *words) if before else cli(*words, *options)
    assert ran.out.splitlines()[0].startswith("command_id,status")
    assert (cli.folder / "other.db").exists()


DRAWN: list[tuple[Sequence[str], Sequence[str]]] = [
    (
        ("show", "contacts", "101"),
        ("contacts 103", "active", "101 leads here", "Gent", "companies 51", "primary", "sf1"),
    ),
    (("show", "contacts", "101", "--no-follow"), ("101", "merged_away", "103")),
    (("find", "contacts", "--email", "ann@x.example"), ("103", "Ann", "101, 102")),
    (("resolve", "contacts", "101"), ("101 → 103",)),
    (("search", "contacts"), ("103", "ann@x.example")),
    (("history", "contacts", "103"), ("Brugge", "command:create-102", "current")),
    (("timeline", "contacts", "103"), ("n1", "Hi", "contacts 103")),
    (("lineage", "contacts", "103"), ("103", "├── 101", "└── 102")),
    (("merges", "list"), ("101", "102", "103", "same person", "j.peeters")),
    (("segments", "list"), ("S1", "One", "static")),
    (("segments", "show", "S1"), ("S1", "One", "Removals", "merge:m-")),
    (("workflows", "list"), ("W1", "Work")),
    (("workflows", "show", "W1"), ("W1", "Enrolled", "nobody", "Unenrollments", "merge:m-")),
    (("outcomes", "list"), ("merge-1", "applied")),
    (("outcomes", "show", "merge-1"), ("merge-1", "applied", "103")),
    (("events", "list"), ("record.merged.v1", "main/records")),
    (("account", "show"), ("merge_limit", "250", "default")),
    (("projections", "list"), ("current_records", "merged_ids")),
    (("status",), ("ledger.db", "position", "lag events", "merge-ledger", "default")),
]


@pytest.mark.parametrize(("words", "told"), DRAWN, ids=[" ".join(words) for words, _ in DRAWN])
def test_a_table_shows_it_to_people(merged: Cli, words: Sequence[str], told: Sequence[str]) -> None:
    (merged.folder / "merge-ledger.toml").write_text('output = "table"')
    ran = merged(*words)
    assert ran.code == 0, ran.err
    for one in told:
        assert one in ran.out


def test_a_merge_is_drawn_with_both_sides_the_result_and_why(merged: Cli) -> None:
    merge_id = merged("merges", "list").lines[0]["merge_id"]
    out = merged("merges", "show", merge_id, "-o", "table").out
    [city] = [line for line in out.splitlines() if line.strip().startswith("city")]
    assert city.split()[1] == "Gent"
    for one in ("Brugge", "primary", "H08", "primary_wins"):
        assert one in city
    assert "static segments removed" in out


@pytest.mark.parametrize("words", [words for words, _ in DRAWN], ids=" ".join)
def test_csv_is_a_header_and_rows_of_its_width(merged: Cli, words: Sequence[str]) -> None:
    rows = list(csv.reader(io.StringIO(merged(*words, "-o", "csv").out)))
    assert len(rows) >= 2
    assert {len(row) for row in rows} == {len(rows[0])}


def test_what_would_command_a_terminal_is_not_written_to_it(cli: Cli) -> None:
    cli.given(contact("1", city="\x1b[31mred\x07", name="a\nb"))
    out = cli("show", "contacts", "1", "-o", "table").out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "a b" in out
    assert "\x1b" not in cli("show", "contacts", "\x1b[31m").err


TYPED = (
    ["show", "{}", "1"],
    ["find", "{}", "--email", "ann@x.example"],
    ["find", "{}", "--property", "city=Gent"],
    ["resolve", "{}", "1"],
    ["search", "{}"],
    ["history", "{}", "1"],
    ["timeline", "{}", "1"],
    ["lineage", "{}", "1"],
    ["merges", "list", "--type", "{}"],
    ["events", "list", "--record", "{}", "1"],
)


@pytest.mark.parametrize("words", TYPED, ids=" ".join)
def test_an_object_type_that_is_misspelt_is_named_with_the_one_that_was_meant(cli: Cli, words: list[str]) -> None:
    cli.given(contact("1"), {"type": "define_object_type", "object_type": "subscriptions"})
    for said, meant in (("contact", "contacts"), ("Company", "companies"), ("subscription", "subscriptions")):
        ran = cli(*(word.format(said) for word in words), "-o", "csv")
        assert (ran.code, ran.out) == (4, "")
        assert ran.err == (f"merge-ledger: object type {said} does not exist in account main; did you mean {meant}?\n")
    ran = cli(*(word.format("unicorns") for word in words))
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == (
        "merge-ledger: object type unicorns does not exist in account main; "
        "account show lists those that were defined\n"
    )


@pytest.mark.parametrize("words", [["merge", "contact", "1", "2", "--yes"], ["preview", "contact", "1", "2"]])
def test_a_merge_of_a_misspelt_object_type_names_the_one_that_was_meant(cli: Cli, words: list[str]) -> None:
    cli.given(contact("1"), contact("2"))
    ran = cli(*words)
    assert ran.code == 3
    assert "UNKNOWN_OBJECT_TYPE: object type contact is unknown; did you mean contacts?" in ran.err


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("city=Gent", "expecting value, at character 1"),
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("[{'filters':[]}]", "expecting property name enclosed in double quotes, at character 3"),
        ('[{"filters":[', "it ends after character 13, before it is complete"),
        ('[{"filters":[]}]]', "extra data, at character 17"),
        ('[\n{"filters":[]},,]', "expecting value, at line 2, character 16"),
        ('["é" x]', "expecting ',' delimiter, at character 6"),
        ('[{"filters":[{"value":NaN}]}]', "NaN is not a number in JSON"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_a_filter_that_is_not_json_is_told_where_and_why(cli: Cli, said: str, why: str) -> None:
    cli.given(contact("1"))
    ran = cli("search", "contacts", "--filter", said)
    example = '[{"filters":[{"propertyName":"city","operator":"EQ","value":"Gent"}]}]'
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"merge-ledger: --filter: not JSON: {why}; expected such as {example}\n"


@pytest.mark.parametrize("said", ['{"filters":[]}', '"x"', "5", '[{"filtres":[]}]'])
def test_a_filter_that_is_json_of_another_shape_is_shown_one_that_is_right(cli: Cli, said: str) -> None:
    cli.given(contact("1"))
    ran = cli("search", "contacts", "--filter", said)
    assert (ran.code, ran.out) == (2, "")
    assert 'expected JSON such as [{"filters":[{' in ran.err


def test_a_choice_that_is_not_json_is_told_where_and_why(cli: Cli) -> None:
    cli.given(contact("1", n=5), contact("2", n=6))
    for said, why in (
        ("{value: 5}", "expecting property name enclosed in double quotes, at character 2"),
        ('{"value": ', "it ends after character 10, before it is complete"),
        ('{"value": 5}x', "extra data, at character 13"),
    ):
        ran = cli("preview", "contacts", "1", "2", "--choose", f"n={said}")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == f'merge-ledger: --choose: not JSON: {why}; expected such as {{"value": 5}}\n'


@pytest.mark.parametrize("words", [["show", "contacts", "1", "--as-of"], ["merges", "list", "--since"]], ids=" ".join)
def test_a_time_without_its_zone_is_told_so(cli: Cli, words: list[str]) -> None:
    cli.given(contact("1"))
    ran = cli(*words, "2026-01-31T12:00:00")
    assert ran.code == 2
    assert "expected a time with its zone, such as 2026-01-31T12:00:00Z; this one has no zone" in ran.err
    assert "isoformat" not in cli(*words, "yesterday").err


def test_a_value_without_its_zone_is_refused_as_such(cli: Cli) -> None:
    cli.given({"type": "define_object_type", "object_type": "contacts", "properties": {"seen": {"type": "datetime"}}})
    said = {"2026-01-31T12:00:00": "this one has no zone", "yesterday": "expected a date, or a time with its zone"}
    for number, (value, why) in enumerate(said.items()):
        ran = cli("apply", "-", "-o", "jsonl", stdin=lines(contact(f"c{number}", seen=value)))
        assert (ran.lines[0]["code"], why in ran.lines[0]["message"]) == ("INVALID_PROPERTY", True)
