"""Layer: tests. What a merged record shows: ids, values, history: H05, H06, H12 to H14, H49, H50, H54, H55."""

import msgspec

from domain.language.commands import DisplayName
from domain.language.filters import FilterGroup
from domain.language.ids import RecordRef
from domain.language.values import Plain
from tests.builders import (
    ACME,
    ACME_BV,
    ACME_GROUP,
    ANA,
    ANN,
    ANNA,
    ANNE,
    ANNIE,
    DEAL,
    DEAL_AGAIN,
    HANNAH,
    NOBODY,
    add_identifier,
    archive,
    at,
    choosing,
    configure,
    create,
    dressed,
    link_sync,
    manual,
    merge,
    on_plan,
    recreate,
    start_call,
    submit_form,
    suppress,
    update,
    where,
)
from tests.reading import Readable

TWO = create(ANN, city="Gent"), create(ANNE, city="Brugge")
OLD_IDS = "hs_merged_object_ids"


def contact(number: int) -> RecordRef:
    return RecordRef("contacts", str(number))


# -- ids


def test_h05_the_ids_merged_into_a_record_are_listed_on_it(readable: Readable) -> None:
    shown = readable.given(*TWO, merge()).show(ANNA)
    assert shown.properties[OLD_IDS] == "101;102"
    assert shown.merged_ids == ["101", "102"]
    assert shown.merge_count == 1


def test_h05_chains_list_the_whole_lineage_and_never_the_record_itself(readable: Readable) -> None:
    shown = readable.given(*TWO, merge(), create(ANA), merge(ANNA, ANA)).show(HANNAH)
    assert shown.properties[OLD_IDS] == "101;102;103;104"
    assert shown.merge_count == 2


def test_h05_the_earliest_merge_comes_first_whichever_side_it_was_on(readable: Readable) -> None:
    a, b, c, d, e, f, g = map(contact, range(1, 8))
    readable.given(*map(create, (a, b, d, e)), merge(a, b, into=c), merge(d, e, into=f), merge(f, c, into=g))
    assert readable.show(g).merged_ids == ["1", "2", "4", "5", "6", "3"]


def test_h05_two_lineages_become_one(readable: Readable) -> None:
    a, b, c, d, e = map(contact, range(1, 6))
    readable.given(create(a), create(b), create(d), merge(a, b, into=c), merge(c, d, into=e))
    for one in (a, b, c, d):
        assert readable.show(one).id == "5"
    with readable.reading() as reader:
        resolved = {one.requested_id: one.path for one in reader.resolve("contacts", ["1", "3", "5", "9"])}
    assert resolved == {"1": ["1", "3", "5"], "3": ["3", "5"], "5": ["5"], "9": []}


def test_h06_either_old_id_shows_the_merged_record_and_says_so(readable: Readable) -> None:
    merge_id = readable.given(*TWO).told(merge()).merge_id
    for old in (ANN, ANNE):
        shown = readable.show(old)
        assert (shown.id, shown.requested_id, shown.redirected_via) == ("103", old.record_id, [merge_id])
    assert readable.show(ANNA).redirected_via == []
    assert readable.show(ANNA).requested_id == "103"


def test_h06_every_hop_is_named(readable: Readable) -> None:
    first = readable.given(*TWO).told(merge()).merge_id
    second = readable.given(create(ANA)).told(merge(ANA, ANNA, into=HANNAH)).merge_id
    assert readable.show(ANN).redirected_via == [first, second]
    assert readable.show(ANNA).redirected_via == [second]


def test_h06_without_following_an_old_id_shows_its_tombstone(readable: Readable) -> None:
    merge_id = readable.given(*TWO).told(merge()).merge_id
    readable.given(create(ANA), merge(ANNA, ANA))
    gone = readable.tombstone(ANN)
    assert (gone.id, gone.merged_into, gone.current_id, gone.merge_id) == ("101", "103", "106", merge_id)


def test_h06_what_never_was_is_unknown(readable: Readable) -> None:
    with readable.given(*TWO).reading() as reader:
        assert reader.record(*NOBODY) is None
        (unknown,) = reader.resolve("contacts", ["199"])
        assert (unknown.status, unknown.current_id, unknown.path) == ("unknown", None, [])


def test_h49_merged_ids_are_a_property_like_any_other_on_the_record(readable: Readable) -> None:
    shown = readable.given(*TWO, merge()).show(ANNA)
    assert shown.properties["hs_object_id"] == "103"
    assert shown.properties[OLD_IDS] == "101;102"
    assert OLD_IDS not in readable.given(create(ANA)).show(ANA).properties


def test_h50_merged_ids_known_lists_the_survivors(readable: Readable) -> None:
    readable.given(*TWO, create(ANA), merge())
    assert readable.found("contacts", merged=True) == ["103"]
    readable.given(create(ANNIE), merge(ANNA, ANA))
    assert readable.found("contacts", merged=True) == ["106"]


def test_h50_filtering_by_one_old_id_finds_the_merged_record(readable: Readable) -> None:
    readable.given(*TWO, create(ANA), create(ANNIE), merge(), merge(ANNA, ANA))

    def found(operator: str, value: Plain = None, **more: Plain) -> list[str]:
        asked = {"propertyName": OLD_IDS, "operator": operator, **({} if value is None else {"value": value}), **more}
        return readable.found("contacts", msgspec.convert([{"filters": [asked]}], list[FilterGroup]))

    for old in ("101", "102", "103", "104"):
        assert found("EQ", old) == ["106"]
        assert found("IN", values=[old, "999"]) == ["106"]
        assert found("CONTAINS_TOKEN", old) == ["106"]
    assert found("HAS_PROPERTY") == ["106"]
    assert found("NOT_HAS_PROPERTY") == ["105"]
    assert found("EQ", "10") == []


# -- values


def test_the_merged_record_shows_the_values_that_survived_and_no_empty_ones(readable: Readable) -> None:
    shown = readable.given(
        create(ANN, city="Gent", email="a@x.example", zip="", createdate="2021-01-01"),
        create(ANNE, phone="+32 9", email="b@x.example"),
        merge(),
    ).show(ANNA)
    assert shown.properties == {
        "city": "Gent",
        "phone": "+32 9",
        "email": "a@x.example",
        "hs_additional_emails": "b@x.example",
        "createdate": "2021-01-01T00:00:00Z",
        "hs_object_id": "103",
        OLD_IDS: "101;102",
    }


def test_h33_additional_domains_are_shown(readable: Readable) -> None:
    readable.given(
        create(ACME, domain="a.example"), add_identifier(ACME, "c.example"), create(ACME_BV, domain="b.example")
    )
    shown = readable.given(merge(ACME, ACME_BV)).show(ACME_GROUP)
    assert shown.properties["domain"] == "a.example"
    assert set(str(shown.properties["hs_additional_domains"]).split(";")) == {"b.example", "c.example"}


def test_h20_tokens_of_both_are_shown(readable: Readable) -> None:
    readable.given(create(ANN, email="a@x.example"), create(ANNE, email="b@x.example"))
    readable.given(submit_form(usertoken="u1", email="a@x.example"), submit_form(usertoken="u2", email="b@x.example"))
    readable.given(merge(), submit_form(usertoken="u9", email="b@x.example"))
    assert sorted(readable.show(ANNA).usertokens) == ["u1", "u2", "u9"]
    with readable.reading() as reader:
        assert [one.id for one in reader.find_by_usertoken("contacts", "u2")] == ["103"]
        assert [one.id for one in reader.find_by_email("contacts", " B@X.example")] == ["103"]


def test_h31_sync_and_suppressions_are_shown(readable: Readable) -> None:
    readable.given(*TWO, link_sync(ANN, "sf1"), link_sync(ANNE, "sf2"), suppress(ANNE, topic="news"), merge())
    shown = readable.show(ANNA)
    assert shown.sync == {"salesforce": "sf1"}
    assert [(one.kind, one.topic, one.source_record_id) for one in shown.suppressions] == [
        ("unsubscribed", "news", "102")
    ]


def test_h12_the_comparison_has_every_property_so_hiding_one_changes_nothing(readable: Readable) -> None:
    asked = merge()
    readable.given(create(ANN, city="Gent", phone="+32 1"), create(ANNE, city="Brugge"))
    previewed = readable.ledger.preview(asked)
    assert not hasattr(previewed, "status")
    told = readable.told(asked)
    shown = {one.property: (one.value, one.rule) for one in readable.merge(told.merge_id).decisions}
    assert shown["city"] == ("Gent", "H08")
    assert shown["phone"] == ("+32 1", "H08")


# -- history


def entries(readable: Readable, record: RecordRef, name: str = "city") -> list[tuple[Plain, str, bool]]:
    return [(one.value, one.source_record_id, one.current) for one in readable.history(record, name)]


def test_h13_the_history_of_both_sides_is_the_merged_records(readable: Readable) -> None:
    readable.given(
        create(ANN, city=dressed("Gent", "2023-01-01")),
        create(ANNE, city=dressed("Brugge", "2022-01-01")),
        update(ANNE, city=dressed("Oostende", "2024-01-01")),
        merge(),
    )
    in_order = entries(readable, ANNA)
    by_time = in_order if in_order[0][0] == "Brugge" else in_order[::-1]
    assert by_time == [("Brugge", "102", False), ("Gent", "101", True), ("Oostende", "102", False)]


def test_h13_the_value_kept_has_the_winners_time_and_source_and_the_merge_adds_no_entry(readable: Readable) -> None:
    readable.given(create(ANN, city=manual("Gent", "2023-01-01")), create(ANNE), merge())
    (kept,) = readable.history(ANNE, "city")
    assert (kept.value, kept.at, kept.source, kept.source_record_id) == ("Gent", at("2023-01-01"), "manual", "101")
    assert kept.cause.startswith("command:")
    assert kept.current


def test_h13_a_value_chosen_from_the_secondary_is_the_current_one(readable: Readable) -> None:
    readable.given(*TWO, choosing(city="secondary"))
    assert {value: current for value, _, current in entries(readable, ANNA)} == {"Gent": False, "Brugge": True}


def test_h13_a_sum_adds_an_entry_of_the_merge(readable: Readable) -> None:
    readable.given(create(ANN, num_conversion_events=3), create(ANNE, num_conversion_events=2))
    outcome = readable.told(merge())
    history = readable.history(ANNA, "num_conversion_events")
    assert sorted(str(one.value) for one in history) == ["2", "3", "5"]
    (total,) = [one for one in history if one.value == 5]
    assert (total.source_record_id, total.cause, total.current) == ("103", f"merge:{outcome.merge_id}", True)
    assert total.at == readable.merge(outcome.merge_id).occurred_at
    assert not [one for one in history if one.value != 5 and one.current]


def test_h13_later_changes_follow_and_a_form_says_which_it_was(readable: Readable) -> None:
    readable.given(create(ANN, email="a@x.example", city="Gent"), create(ANNE), merge())
    readable.given(submit_form("signup", email="a@x.example", city="Aalst"))
    history = readable.history(ANN, "city")
    (current,) = [one for one in history if one.current]
    assert (current.value, current.source, current.source_record_id, current.cause) == (
        "Aalst",
        "form",
        "103",
        "form:signup",
    )


def test_h13_a_cleared_value_is_in_the_history_and_nothing_is_current(readable: Readable) -> None:
    readable.given(create(ANN, city="Gent"), update(ANN, city=None))
    assert [one.current for one in readable.history(ANN, "city") if one.value == "Gent"] == [False]


def test_h14_of_two_entries_at_one_time_the_primarys_alone_is_kept(readable: Readable) -> None:
    readable.given(create(ANN, city=dressed("Gent", "2023-01-01")), create(ANNE, city=dressed("Brugge", "2023-01-01")))
    merge_id = readable.told(merge()).merge_id
    assert entries(readable, ANNA) == [("Gent", "101", True)]
    (city,) = [one for one in readable.merge(merge_id).decisions if one.property == "city"]
    assert city.secondary is not None
    assert city.secondary.value == "Brugge"


def test_h14_it_is_so_for_each_property_alone_and_for_each_time(readable: Readable) -> None:
    readable.given(
        create(ANN, city=dressed("Gent", "2023-01-01")),
        create(ANNE, zip=dressed("8000", "2023-01-01"), city=dressed("Brugge", "2022-01-01")),
        merge(),
    )
    assert {value for value, *_ in entries(readable, ANNA)} == {"Gent", "Brugge"}
    assert entries(readable, ANNA, "zip") == [("8000", "102", True)]


def test_h14_an_older_value_of_the_side_that_was_kept_is_dropped_all_the_same(readable: Readable) -> None:
    readable.given(
        create(ANN, city=dressed("Gent", "2023-01-01")),
        update(ANN, city=dressed(None, "2023-06-01")),
        create(ANNE, city=dressed("Brugge", "2023-01-01")),
        update(ANNE, city=dressed("Oostende", "2024-01-01")),
        merge(),
    )
    assert entries(readable, ANNA) == [("Gent", "101", False), (None, "101", False), ("Oostende", "102", True)]


def test_h14_a_value_that_was_chosen_is_in_the_history_though_the_primarys_is_of_the_same_time(
    readable: Readable,
) -> None:
    readable.given(
        create(ANN, city=dressed("Gent", "2023-01-01")),
        create(ANNE, city=dressed("Brugge", "2023-01-01")),
        choosing(city="secondary"),
    )
    assert ("Brugge", "102", True) in entries(readable, ANNA)


def test_h14_through_chains_the_side_that_was_primary_where_they_meet_wins(readable: Readable) -> None:
    same = "2023-01-01"
    readable.given(
        create(ANN, city=dressed("Gent", same)),
        create(ANNE, city=dressed("Brugge", same)),
        merge(),
        create(ANA, city=dressed("Aalst", same)),
        merge(ANA, ANNA, into=HANNAH),
    )
    assert entries(readable, HANNAH) == [("Aalst", "104", True)]


# -- at another time


def test_h54_both_sides_stay_readable_as_they_were_before_the_merge(readable: Readable) -> None:
    readable.given(*TWO, update(ANNE, phone="+32 9"))
    position = readable.told(merge()).position
    readable.given(update(ANNA, city="Aalst"))
    assert position is not None
    before = readable.show(ANNE, as_of=position - 1)
    assert (before.id, before.status, before.properties["city"], before.properties["phone"]) == (
        "102",
        "active",
        "Brugge",
        "+32 9",
    )
    assert readable.show(ANNE, as_of=position).id == "103"
    assert readable.show(ANNE, as_of=position).properties["city"] == "Gent"
    assert readable.show(ANNE).properties["city"] == "Aalst"


def test_h54_a_record_made_again_says_from_what(readable: Readable) -> None:
    readable.given(create(DEAL), create(DEAL_AGAIN, amount=7), merge(DEAL, DEAL_AGAIN))
    outcome = readable.told(recreate(DEAL_AGAIN))
    again = readable.show(RecordRef("deals", str(outcome.record_id)))
    assert again.recreated_from == "302"
    assert again.properties["amount"] == 7
    assert {one.cause for one in readable.history(RecordRef("deals", again.id), "amount")} == {"recreate:302"}


def test_a_time_means_when_it_was_recorded(readable: Readable) -> None:
    readable.given(create(ANN, city="Gent", occurred_at=at("2020-01-01")))
    with readable.reading() as reader:
        assert reader.record(*ANN, as_of=reader.position_at(at("2000-01-01"))) is None
        assert reader.record(*ANN, as_of=reader.position_at(at("2999-01-01"))) is not None


# -- archived


def test_an_archived_record_is_shown_and_found_by_its_address_but_not_searched(readable: Readable) -> None:
    readable.given(create(ANN, email="a@x.example", city="Gent"), archive(ANN))
    assert readable.show(ANN).status == "archived"
    assert readable.found("contacts", where(city="Gent")) == []
    assert readable.found("contacts") == []


# -- names and plans


def test_h55_a_display_name_changes_no_type(readable: Readable) -> None:
    readable.given(
        configure(display_names={"companies": DisplayName("Account", "Accounts")}), create(ACME), create(ACME_BV)
    )
    outcome = readable.told(merge(ACME, ACME_BV))
    assert readable.merge(outcome.merge_id).object_type == "companies"
    with readable.reading() as reader:
        assert "display_names" in reader.settings().settings


def test_h29_what_the_plan_skips_is_seen_as_of_before_the_merge_alone(readable: Readable) -> None:
    readable.given(on_plan("free"), *TWO, link_sync(ANN, "sf1"))
    outcome = readable.told(merge())
    assert outcome.position is not None
    assert readable.show(ANNA).sync == {}
    assert readable.show(ANN, as_of=outcome.position - 1).sync == {"salesforce": "sf1"}


def test_h47_a_call_is_shown_until_the_merge_disconnects_it(readable: Readable) -> None:
    readable.given(*TWO, start_call(ANN, "call-1"))
    assert readable.show(ANN).active_call == "call-1"
    outcome = readable.told(merge())
    assert readable.show(ANN).active_call is None
    assert readable.merge(outcome.merge_id).effects.calls_disconnected == ["call-1"]
