"""Layer: tests. Activities, links, segments, workflows, playbooks of merged records: H15 to H19, H24 to H30, H48."""

from datetime import timedelta

from domain.language.commands import AnyCommand
from domain.language.filters import FilterGroup
from domain.language.values import Plain
from tests.builders import (
    ACME,
    ACME_BV,
    ACME_GROUP,
    ANA,
    ANN,
    ANNA,
    ANNE,
    DEAL,
    DEAL_AGAIN,
    DEAL_MERGED,
    GLOBEX,
    HANNAH,
    active_segment,
    add_to_segment,
    archive,
    associate,
    at,
    choosing,
    configure,
    create,
    dissociate,
    enroll,
    log_activity,
    log_playbook,
    merge,
    on_plan,
    primary_company,
    remove_from_segment,
    restore,
    static_segment,
    submit_form,
    unenroll,
    update,
    where,
    workflow,
)
from tests.reading import Readable, links

TWO = create(ANN), create(ANNE)
CUSTOMERS: list[FilterGroup] = where(lifecyclestage="customer")


# -- activities


def test_h15_activities_of_both_are_on_the_merged_record_each_once(readable: Readable) -> None:
    readable.given(*TWO, log_activity("n1", ANN), log_activity("n2", ANN, ANNE), log_activity("c1", ANNE, kind="call"))
    shown = readable.given(merge()).show(ANNA)
    assert sorted(shown.activities) == ["c1", "n1", "n2"]
    assert shown.activities_total == 3


def test_h15_no_kind_of_activity_is_left_behind_and_the_newest_is_first(readable: Readable) -> None:
    kinds = ("note", "call", "email", "meeting", "task", "our_own")
    readable.given(*TWO)
    for nth, kind in enumerate(kinds):
        side = ANN if nth % 2 else ANNE
        readable.given(log_activity(f"a{nth}", side, kind=kind, occurred_at=at("2025-01-01") + timedelta(days=nth)))
    readable.given(merge(), log_activity("late", ANNA, occurred_at=at("2024-01-01")))
    assert readable.timeline(ANN) == ["a5", "a4", "a3", "a2", "a1", "a0", "late"]


def test_h15_an_activity_names_the_records_of_today(readable: Readable) -> None:
    readable.given(*TWO, create(ACME), log_activity("n1", ANN, ANNE, ACME, subject="Hello", body="Bye"), merge())
    with readable.reading() as reader:
        listing = reader.timeline(*ACME)
    assert listing is not None
    (activity,) = listing.results
    assert (activity.subject, activity.body) == ("Hello", "Bye")
    assert {(one.object_type, one.record_id) for one in activity.records} == {("contacts", "103"), ("companies", "201")}


def test_h22_a_submission_is_on_the_timeline_with_its_own_address(readable: Readable) -> None:
    readable.given(*TWO, submit_form(usertoken="u1", email="new@x.example"))
    with readable.reading() as reader:
        (found,) = reader.find_by_usertoken("contacts", "u1")
    assert found.activities_total == 1


def test_h48_a_thousand_activities_are_there_in_the_very_next_read(readable: Readable) -> None:
    readable.given(*TWO)
    for side, letter in ((ANN, "a"), (ANNE, "b")):
        readable.execute(*(log_activity(f"{letter}{number}", side) for number in range(500)))
    outcome = readable.told(merge())
    shown = readable.show(ANNA)
    assert shown.activities_total == 1_000
    assert len(shown.activities) == 100
    assert len(set(readable.timeline(ANNA))) == 1_000
    assert outcome.position is not None
    assert shown.position >= outcome.position


# -- links


def test_h16_links_of_both_are_the_merged_records_with_labels_and_attributes(readable: Readable) -> None:
    readable.given(*TWO, create(DEAL), create(DEAL_AGAIN))
    readable.given(associate(ANN, DEAL, "x"), associate(ANNE, DEAL, y={"since": "2024"}), associate(ANNE, DEAL_AGAIN))
    shown = readable.given(merge()).show(ANNA)
    assert {one: sorted(labels) for one, labels in links(shown).items()} == {DEAL: ["x", "y"], DEAL_AGAIN: []}
    (y,) = [label for one in shown.associations for label in one.labels if label.label == "y"]
    assert y.attributes == {"since": "2024"}
    assert links(readable.show(DEAL)) == {ANNA: links(shown)[DEAL]}


def test_h16_attributes_stay_with_their_label_whatever_it_is_called(readable: Readable) -> None:
    named = {"buyer": {"seller/share": 1}, "buyer/seller": {"share": 2}, "~1": {"x": 3}, "/": {"y": 4}}
    readable.given(create(ANN), create(DEAL), associate(ANN, DEAL, **named))
    (link,) = readable.show(DEAL).associations
    assert {label.label: label.attributes for label in link.labels} == named


def test_h16_the_same_label_with_other_attributes_has_the_primarys(readable: Readable) -> None:
    readable.given(
        *TWO, create(DEAL), associate(ANN, DEAL, role={"share": 60}), associate(ANNE, DEAL, role={"share": 40})
    )
    readable.given(merge())
    for one in (ANNA, DEAL):
        (link,) = readable.show(one).associations
        assert [(label.label, label.attributes) for label in link.labels] == [("role", {"share": 60})]


def test_h16_targets_that_were_merged_later_are_shown_as_what_they_are_today(readable: Readable) -> None:
    readable.given(*TWO, create(DEAL), create(DEAL_AGAIN), associate(ANN, DEAL, "x"), associate(ANNE, DEAL_AGAIN, "y"))
    shown = readable.given(merge(DEAL, DEAL_AGAIN), merge()).show(ANN)
    assert {one: sorted(labels) for one, labels in links(shown).items()} == {DEAL_MERGED: ["x", "y"]}
    assert set(links(readable.show(DEAL))) == {ANNA}


def test_h16_the_link_between_the_two_is_gone_and_told(readable: Readable) -> None:
    readable.given(*TWO, create(ANA), associate(ANN, ANNE, "sister"), associate(ANN, ANA))
    outcome = readable.told(merge())
    assert links(readable.show(ANNA)) == {ANA: []}
    assert [one.object_type for one in readable.merge(outcome.merge_id).effects.associations.dropped_self] == [
        "contacts"
    ]


def test_h16_a_link_that_ended_on_one_side_stays_on_the_other(readable: Readable) -> None:
    readable.given(*TWO, create(DEAL), associate(ANN, DEAL, "x"), associate(ANNE, DEAL, "y"), dissociate(ANN, DEAL))
    assert links(readable.show(ANN)) == {}
    assert links(readable.given(merge()).show(ANNA)) == {DEAL: ["y"]}


def test_h16_ending_a_link_ends_every_link_that_leads_to_the_pair(readable: Readable) -> None:
    readable.given(*TWO, create(DEAL), associate(ANN, DEAL, "x"), associate(ANNE, DEAL, "y"), merge())
    readable.given(dissociate(ANNE, DEAL, "x"))
    assert links(readable.show(ANNA)) == {DEAL: ["y"]}
    readable.given(dissociate(DEAL, ANN))
    assert links(readable.show(ANNA)) == {}
    assert links(readable.show(DEAL)) == {}
    readable.given(associate(ANN, DEAL, "z"))
    assert links(readable.show(ANNA)) == {DEAL: ["z"]}


def test_h16_links_are_seen_as_they_were(readable: Readable) -> None:
    readable.given(*TWO, create(DEAL), associate(ANN, DEAL, "x"))
    before = readable.told(associate(ANNE, DEAL, "y")).position
    readable.given(merge(), dissociate(ANN, DEAL))
    assert links(readable.show(ANN, as_of=before)) == {DEAL: ["x"]}
    assert links(readable.show(ANNE, as_of=before)) == {DEAL: ["y"]}


def test_h17_the_primarys_company_is_primary_and_the_secondarys_is_linked(readable: Readable) -> None:
    readable.given(*TWO, create(ACME), create(GLOBEX), primary_company(ANN, ACME), primary_company(ANNE, GLOBEX))
    outcome = readable.told(merge())
    assert links(readable.show(ANNA)) == {ACME: ["primary"], GLOBEX: []}
    assert links(readable.show(ACME)) == {ANNA: ["primary"]}
    assert links(readable.show(GLOBEX)) == {ANNA: []}
    demoted = readable.merge(outcome.merge_id).effects.associations.demoted
    assert [(one.object_type, one.id) for one in demoted] == [("companies", "204")]


def test_h17_other_labels_of_the_company_that_lost_it_stay(readable: Readable) -> None:
    readable.given(*TWO, create(ACME), create(GLOBEX), primary_company(ANN, ACME))
    readable.given(associate(ANNE, GLOBEX, "primary", "employer"), merge())
    assert links(readable.show(ANNA)) == {ACME: ["primary"], GLOBEX: ["employer"]}


def test_h17_both_with_one_company_through_a_chain_have_one_link_with_the_label(readable: Readable) -> None:
    readable.given(*TWO, create(ACME), create(ACME_BV), primary_company(ANN, ACME), primary_company(ANNE, ACME_BV))
    readable.given(merge(ACME, ACME_BV))
    assert links(readable.show(ANN)) == {ACME_GROUP: ["primary"]}
    assert links(readable.show(ANNE)) == {ACME_GROUP: ["primary"]}
    assert links(readable.given(merge()).show(ANNA)) == {ACME_GROUP: ["primary"]}


def test_h17_a_contact_of_both_merged_companies_has_one_link_that_keeps_the_label(readable: Readable) -> None:
    readable.given(create(ANN), create(ACME), create(ACME_BV), primary_company(ANN, ACME), associate(ANN, ACME_BV, "x"))
    readable.given(merge(ACME_BV, ACME, into=ACME_GROUP))
    assert {one: sorted(labels) for one, labels in links(readable.show(ANN)).items()} == {ACME_GROUP: ["primary", "x"]}


def test_h17_the_label_moves(readable: Readable) -> None:
    readable.given(create(ANN), create(ACME), create(GLOBEX), primary_company(ANN, ACME), primary_company(ANN, GLOBEX))
    assert links(readable.show(ANN)) == {ACME: [], GLOBEX: ["primary"]}


def test_h37_parent_and_child_are_told_at_both_ends(readable: Readable) -> None:
    readable.given(create(ACME), create(GLOBEX), associate(ACME, GLOBEX, "parent"))
    assert links(readable.show(ACME)) == {GLOBEX: ["parent"]}
    assert links(readable.show(GLOBEX)) == {ACME: ["child"]}


# -- segments


def members(readable: Readable, segment_id: str) -> list[str]:
    with readable.reading() as reader:
        segment = reader.segment(segment_id)
    assert segment is not None
    return sorted(segment.members)


def removals(readable: Readable, segment_id: str) -> list[tuple[str, str, str | None]]:
    with readable.reading() as reader:
        segment = reader.segment(segment_id)
    assert segment is not None
    return sorted((one.record_id, one.cause, one.reason) for one in segment.removals)


def three_lists(readable: Readable) -> Readable:
    return readable.given(
        *map(static_segment, ("s1", "s2", "s3")),
        *TWO,
        add_to_segment("s1", ANN),
        add_to_segment("s2", ANN),
        add_to_segment("s2", ANNE),
        add_to_segment("s3", ANNE),
    )


def test_h18_the_merged_record_is_on_the_primarys_lists_and_the_secondarys_removals_are_told(
    readable: Readable,
) -> None:
    outcome = three_lists(readable).told(merge(reason="the same person"))
    cause = f"merge:{outcome.merge_id}"
    assert [members(readable, one) for one in ("s1", "s2", "s3")] == [["103"], ["103"], []]
    assert removals(readable, "s2") == [("102", cause, "the same person")]
    assert removals(readable, "s3") == [("102", cause, "the same person")]
    assert removals(readable, "s1") == []
    assert sorted(readable.show(ANN).segments.static) == ["s1", "s2"]
    effects = readable.merge(outcome.merge_id).effects.static_segments
    assert (sorted(effects.removed), sorted(effects.carried)) == (["s2", "s3"], ["s1", "s2"])


def test_h18_with_union_the_merged_record_is_on_all_of_them(readable: Readable) -> None:
    three_lists(readable).given(configure(static_segments="union"), merge())
    assert [members(readable, one) for one in ("s1", "s2", "s3")] == [["103"]] * 3


def test_h18_lists_are_seen_as_they_were(readable: Readable) -> None:
    three_lists(readable)
    outcome = readable.told(merge())
    assert outcome.position is not None
    assert sorted(readable.show(ANNE, as_of=outcome.position - 1).segments.static) == ["s2", "s3"]


def test_a_removal_by_hand_is_told_too(readable: Readable) -> None:
    outcome = three_lists(readable).told(remove_from_segment("s1", ANN))
    assert removals(readable, "s1") == [("101", f"command:{outcome.command_id}", None)]


def test_h19_an_active_segment_has_who_matches_now(readable: Readable) -> None:
    readable.given(
        active_segment("customers", CUSTOMERS),
        create(ANN, lifecyclestage="lead"),
        create(ANNE, lifecyclestage="customer"),
    )
    assert members(readable, "customers") == ["102"]
    readable.given(merge())
    assert members(readable, "customers") == ["103"]
    assert readable.show(ANN).segments.active == ["customers"]
    readable.given(update(ANNA, lifecyclestage="lead"))
    assert members(readable, "customers") == []


def test_h19_a_choice_decides_who_is_on_an_active_segment(readable: Readable) -> None:
    readable.given(
        create(ANN, lifecyclestage="lead"),
        create(ANNE, lifecyclestage="customer"),
        choosing(lifecyclestage="primary"),
        active_segment("customers", CUSTOMERS),
    )
    assert members(readable, "customers") == []


def test_h19_a_new_filter_counts_at_once(readable: Readable) -> None:
    readable.given(active_segment("s", CUSTOMERS), create(ANN, city="Gent"), active_segment("s", where(city="Gent")))
    assert members(readable, "s") == ["101"]


def test_h19_an_active_segment_may_look_at_merged_ids_and_additional_addresses(readable: Readable) -> None:
    readable.given(
        active_segment("merged", where(hs_merged_object_ids="102")),
        active_segment("address", where(hs_additional_emails="b@x.example")),
        create(ANN, email="a@x.example"),
        create(ANNE, email="b@x.example"),
    )
    assert [members(readable, one) for one in ("merged", "address")] == [[], []]
    readable.given(merge())
    assert [members(readable, one) for one in ("merged", "address")] == [["103"], ["103"]]


def test_an_archived_record_is_on_no_segment_and_in_no_workflow(readable: Readable) -> None:
    readable.given(
        static_segment("s1"),
        active_segment("customers", CUSTOMERS),
        workflow("w1"),
        create(ANN, lifecyclestage="customer"),
        add_to_segment("s1", ANN),
        enroll("w1", ANN),
        archive(ANN),
    )
    assert [members(readable, one) for one in ("s1", "customers")] == [[], []]
    assert enrolled(readable, "w1") == []
    readable.given(restore(ANN))
    assert [members(readable, one) for one in ("s1", "customers")] == [["101"], ["101"]]


# -- workflows


def enrolled(readable: Readable, workflow_id: str) -> list[tuple[str, str]]:
    with readable.reading() as reader:
        shown = reader.workflow(workflow_id)
    assert shown is not None
    return sorted((one.record_id, one.cause) for one in shown.enrolled)


def unenrollments(readable: Readable, workflow_id: str) -> list[tuple[str, str]]:
    with readable.reading() as reader:
        shown = reader.workflow(workflow_id)
    assert shown is not None
    return sorted((one.record_id, one.cause) for one in shown.unenrollments)


def test_h24_both_are_unenrolled_with_the_merge_as_cause(readable: Readable) -> None:
    readable.given(workflow("w1"), workflow("w2"), *TWO, enroll("w1", ANN), enroll("w2", ANN), enroll("w2", ANNE))
    outcome = readable.told(merge())
    cause = f"merge:{outcome.merge_id}"
    assert (enrolled(readable, "w1"), enrolled(readable, "w2")) == ([], [])
    assert unenrollments(readable, "w1") == [("101", cause)]
    assert unenrollments(readable, "w2") == [("101", cause), ("102", cause)]
    assert readable.show(ANNA).workflows == []


def test_h24_an_unenrollment_by_hand_says_so(readable: Readable) -> None:
    readable.given(workflow("w1"), *TWO, enroll("w1", ANN))
    outcome = readable.told(unenroll("w1", ANN))
    assert unenrollments(readable, "w1") == [("101", f"command:{outcome.command_id}")]


def test_h25_who_a_merge_enrolls_is_enrolled_because_of_it(readable: Readable) -> None:
    readable.given(
        create(ANN, lifecyclestage="lead"),
        create(ANNE, lifecyclestage="customer"),
        workflow("w1", CUSTOMERS, allow=True),
        workflow("w2", CUSTOMERS),
    )
    outcome = readable.told(merge())
    assert enrolled(readable, "w1") == [("103", f"merge:{outcome.merge_id}")]
    assert enrolled(readable, "w2") == []
    assert readable.show(ANN).workflows == ["w1"]
    assert readable.merge(outcome.merge_id).effects.workflows.enrolled == ["w1"]


def test_h26_a_later_enrollment_says_which_command_it_came_from(readable: Readable) -> None:
    readable.given(configure(later_enrollment="always"), *TWO, workflow("w2", where(city="Gent")), merge())
    outcome = readable.told(update(ANN, city="Gent"))
    assert enrolled(readable, "w2") == [("103", f"trigger:{outcome.command_id}")]


def test_h30_what_the_plan_skips_leaves_the_current_lists(readable: Readable) -> None:
    readable.given(on_plan("free"), workflow("w1"), *TWO, enroll("w1", ANN))
    outcome = readable.told(merge())
    assert outcome.position is not None
    assert enrolled(readable, "w1") == []
    assert unenrollments(readable, "w1") == []
    assert readable.show(ANNA).workflows == []
    assert readable.show(ANN, as_of=outcome.position - 1).workflows == ["w1"]


# -- playbooks


def playbooks(readable: Readable, as_of: int | None = None) -> dict[str, str]:
    return {one.playbook_id: one.state for one in readable.show(ANN, as_of).playbooks}


def test_h28_logged_playbooks_of_both_are_kept_and_no_drafts(readable: Readable) -> None:
    readable.given(*TWO, log_playbook("p1", ANN), log_playbook("p2", ANN, "draft"), log_playbook("p3", ANNE))
    assert playbooks(readable) == {"p1": "logged", "p2": "draft"}
    outcome = readable.told(merge())
    assert playbooks(readable) == {"p1": "logged", "p3": "logged"}
    effects = readable.merge(outcome.merge_id).effects.playbooks
    assert (sorted(effects.kept), effects.dropped_drafts) == (["p1", "p3"], ["p2"])
    readable.given(create(ANA), log_playbook("p4", ANA), merge(ANA, ANNA, into=HANNAH))
    assert playbooks(readable) == {"p1": "logged", "p3": "logged", "p4": "logged"}


def test_h29_without_the_plan_playbooks_stay_behind_for_good(readable: Readable) -> None:
    readable.given(on_plan("free"), *TWO, log_playbook("p1", ANN), log_playbook("p2", ANN, "draft"))
    outcome = readable.told(merge())
    assert outcome.position is not None
    assert playbooks(readable) == {}
    assert playbooks(readable, outcome.position - 1) == {"p1": "logged", "p2": "draft"}
    assert [(one.effect, one.why) for one in readable.merge(outcome.merge_id).effects.skipped] == [
        ("playbooks", "subscription")
    ]
    readable.given(on_plan("professional"), create(ANA), log_playbook("p9", ANA), merge(ANNA, ANA))
    assert playbooks(readable) == {"p9": "logged"}


# -- conservation at once


def test_everything_of_a_chain_is_on_its_last_record(readable: Readable) -> None:
    chain: list[AnyCommand] = []
    result = ANN
    for number in range(1, 6):
        other, into = ANN._replace(record_id=f"x{number}"), ANN._replace(record_id=f"r{number}")
        chain += [
            create(other, {f"p{number}": "set"}),
            create(DEAL._replace(record_id=f"d{number}")),
            associate(other, DEAL._replace(record_id=f"d{number}")),
            log_activity(f"n{number}", other),
            merge(result, other, into=into) if number % 2 else merge(other, result, into=into),
        ]
        result = into
    shown = readable.given(create(ANN), *chain).show(ANN)
    expected: dict[str, Plain] = {f"p{number}": "set" for number in range(1, 6)}
    assert expected.items() <= shown.properties.items()
    assert {one.record_id for one in links(shown)} == {f"d{number}" for number in range(1, 6)}
    assert set(shown.activities) == {f"n{number}" for number in range(1, 6)}
    assert shown.merge_count == 5
