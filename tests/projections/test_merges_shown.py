"""Layer: tests. A merge as it is shown, and a preview of it: one assembly, with the lists that grow along a chain."""

from typing import Any

import msgspec
import pytest

from domain.language.commands import MergeRecords
from domain.language.outcomes import Outcome
from domain.merge.explained import Identifiers, PlaybookEffects, Ref, SegmentEffects, SyncEffects, WorkflowEffects
from ledger.ledger import Previewed
from projections.reading import open_reader, shapes
from projections.reading.lists import MergesAsked
from tests.builders import (
    ACME,
    ACME_BV,
    ANA,
    ANN,
    ANNA,
    ANNE,
    ANNIE,
    DEAL,
    HANNAH,
    add_identifier,
    add_to_segment,
    associate,
    configure,
    create,
    enroll,
    link_sync,
    log_playbook,
    merge,
    on_plan,
    primary_company,
    remove_identifier,
    start_call,
    static_segment,
    submit_form,
    suppress,
    unlink_sync,
    update,
    where,
    workflow,
)
from tests.reading import Readable

ONLY_OF_A_MERGE = {"merge_id", "command_id", "result_id", "occurred_at", "recorded_at", "position"}
ONLY_OF_A_PREVIEW = {"preview_token", "warnings"}


def previewed(readable: Readable, command: MergeRecords) -> dict[str, Any]:
    readable.projector.catch_up()
    decided = readable.ledger.preview(command)
    assert isinstance(decided, Previewed), decided
    with open_reader(readable.store, readable.ledger, "main") as reader:
        shown = reader.preview(decided)
    found: dict[str, Any] = msgspec.to_builtins(shown)
    return found


def merged(readable: Readable, command: MergeRecords) -> shapes.Merge:
    return readable.merge(readable.told(command).merge_id)


@pytest.fixture
def full(readable: Readable) -> Readable:
    """Two contacts with one of everything, and a third to merge with what they become."""
    return readable.given(
        create(ANN, email="ann@x.be", city="Gent", num_conversion_events=1),
        create(ANNE, email="anne@x.be", phone="12", num_conversion_events=2, hs_legal_basis=["consent"]),
        create(ANA, email="ana@x.be", hs_legal_basis=["contract"]),
        create(ACME),
        create(ACME_BV),
        create(DEAL),
        primary_company(ANN, ACME),
        primary_company(ANNE, ACME_BV),
        associate(ANN, ANNE, "friend"),
        static_segment("s1"),
        static_segment("s2"),
        add_to_segment("s1", ANN),
        add_to_segment("s2", ANNE),
        workflow("w1"),
        workflow("w2", where(phone="12"), allow=True),
        enroll("w1", ANN),
        enroll("w1", ANNE),
        log_playbook("p1", ANN),
        log_playbook("p2", ANNE, "draft"),
        log_playbook("p3", ANNE),
        link_sync(ANN, "sf1"),
        link_sync(ANNE, "sf2"),
        start_call(ANNE, "call-1"),
        suppress(ANNE, address="anne@x.be", topic="news"),
        submit_form(usertoken="u1", email="ann@x.be"),
        submit_form(usertoken="u2", email="anne@x.be"),
        add_identifier(ANN, "a@x.be"),
    )


def test_a_merge_is_shown_with_all_it_did(full: Readable) -> None:
    shown = merged(full, merge(reason="the same"))
    effects = shown.effects
    assert (shown.primary_id, shown.secondary_id, shown.result_id) == ("101", "102", "103")
    assert (shown.reason, shown.rule_set, shown.merged_ids) == ("the same", "hubspot@1", ["101", "102"])
    assert effects.associations == shapes.AssociationEffects(
        [Ref("companies", "202")],
        [Ref("contacts", "102")],
        [],
        "201",
        shapes.AttributesLost([shapes.LabelLost("contacts", "102", "friend", {})], 1),
    )
    assert effects.static_segments == SegmentEffects(["s2"], ["s1"])
    assert effects.workflows == WorkflowEffects(["w1"], ["w2"])
    assert effects.identifiers.emails == Identifiers("ann@x.be", ["a@x.be", "anne@x.be"])
    assert effects.identifiers.domains == Identifiers(None, [])
    assert effects.identifiers.usertokens == ["u1", "u2"]
    assert effects.sync == SyncEffects(
        {"salesforce": "sf1"}, {"salesforce": "sf2"}, {"salesforce": ["sf1"]}, {"salesforce": ["sf2"]}
    )
    assert effects.playbooks == PlaybookEffects(["p1", "p3"], ["p2"])
    assert effects.calls_disconnected == ["call-1"]
    assert [(one.topic, one.address, one.source_record_id) for one in effects.suppressions] == [
        ("news", "anne@x.be", "102")
    ]
    assert effects.skipped == []
    moved = [one.property for one in shown.decisions if one.from_ == "secondary"]
    assert shown.properties_moved == len(moved)
    assert "phone" in moved


def test_every_decision_shows_both_sides(full: Readable) -> None:
    shown = msgspec.to_builtins(merged(full, merge(choices={"city": "secondary"})))
    decisions = {one["property"]: one for one in shown["decisions"]}
    assert decisions["email"]["from"] == "primary"
    assert decisions["email"]["primary"]["value"] == "ann@x.be"
    assert decisions["email"]["primary"]["record_id"] == "101"
    assert decisions["email"]["secondary"]["value"] == "anne@x.be"
    assert decisions["city"]["value"] is None, "an empty side was chosen"
    assert decisions["city"]["chosen_by_user"] is True
    assert decisions["city"]["secondary"] is None
    assert decisions["num_conversion_events"]["from"] == "computed"
    assert decisions["num_conversion_events"]["value"] == 5, "each sent a form, too"
    assert set(decisions["phone"]) == {
        "property", "value", "from", "rule", "rule_name", "chosen_by_user", "primary", "secondary",
    }  # fmt: skip


def test_a_preview_shows_what_the_merge_will(full: Readable) -> None:
    for command in (merge(reason="x"), merge(ANNA, ANA, into=HANNAH)):
        before = previewed(full, command)
        after = msgspec.to_builtins(merged(full, command))
        assert set(after) - set(before) == ONLY_OF_A_MERGE
        assert set(before) - set(after) == ONLY_OF_A_PREVIEW
        for name in set(before) & set(after):
            assert before[name] == after[name] or name == "decisions"
        for was, became in zip(before["decisions"], after["decisions"], strict=True):
            assert {**was, "primary": None, "secondary": None} == {**became, "primary": None, "secondary": None}
            for side in ("primary", "secondary"):
                assert (was[side] or {}).get("value") == (became[side] or {}).get("value")


def test_a_merge_of_merged_records_lists_what_all_of_them_had(full: Readable) -> None:
    merged(full, merge())
    shown = merged(full, merge(ANA, ANNA, into=HANNAH))
    assert shown.merged_ids == ["101", "102", "104", "103"]
    assert shown.effects.identifiers.emails == Identifiers("ana@x.be", ["ann@x.be", "a@x.be", "anne@x.be"])
    assert shown.effects.identifiers.usertokens == ["u1", "u2"]
    assert shown.effects.playbooks.kept == ["p1", "p3"]
    basis = next(one for one in shown.decisions if one.property == "hs_legal_basis")
    assert (basis.from_, basis.value) == ("both", ["contract", "consent"])


def test_what_happens_later_changes_no_merge_that_was_shown(full: Readable) -> None:
    shown = merged(full, merge())
    full.given(
        remove_identifier(ANNA, "anne@x.be"),
        add_identifier(ANNA, "later@x.be"),
        log_playbook("p9", ANNA),
        unlink_sync(ANNA),
        update(ANNA, city="Luik"),
        create(ANNIE),
        merge(ANNIE, ANNA, into=HANNAH),
    )
    assert full.merge(shown.merge_id if isinstance(shown.merge_id, str) else None) == shown


def test_what_the_plan_leaves_out_is_skipped_and_warned_of(full: Readable) -> None:
    full.given(on_plan("free"))
    shown = previewed(full, merge())
    assert [one["effect"] for one in shown["effects"]["skipped"]] == ["playbooks", "workflows", "sync"]
    assert shown["effects"]["playbooks"] == {"kept": [], "dropped_drafts": []}
    assert shown["effects"]["workflows"] == {"unenrolled": [], "enrolled": []}
    assert shown["effects"]["sync"] == {"kept": {}, "unlinked": {}, "kept_ids": {}, "unlinked_ids": {}}
    assert [one["code"] for one in shown["warnings"]] == [
        "CALL_WILL_DISCONNECT",
        "EFFECT_SKIPPED",
        "ATTRIBUTES_LOST",
    ]


def test_a_preview_warns_of_what_nobody_can_take_back(full: Readable) -> None:
    codes = [one["code"] for one in previewed(full, merge())["warnings"]]
    assert codes == ["CALL_WILL_DISCONNECT", "DRAFTS_DROPPED", "SYNC_LOST", "ATTRIBUTES_LOST"]


@pytest.mark.parametrize(("limit", "warned"), [(1, True), (2, False)])
def test_a_preview_warns_near_the_limit(readable: Readable, limit: int, *, warned: bool) -> None:
    readable.given(create(ANN), create(ANNE), create(ANA), merge(), configure(merge_limit=limit))
    shown = previewed(readable, merge(ANNA, ANA, into=HANNAH))
    assert [one["code"] for one in shown["warnings"]] == ["NEAR_MERGE_LIMIT"] * warned
    assert shown["merge_counts"] == {"primary": 1, "secondary": 0, "limit": limit}


def test_warnings_name_no_value(full: Readable) -> None:
    told = str(previewed(full, merge())["warnings"])
    for value in ("sf2", "anne@x.be", "Gent", "u1"):
        assert value not in told


def test_merges_are_listed_by_type_lineage_actor_and_time(readable: Readable) -> None:
    readable.given(create(ANN), create(ANNE), create(ANA), create(ANNIE), create(ACME), create(ACME_BV))
    first = readable.told(msgspec.structs.replace(merge(), actor="kim"))
    second = readable.told(merge(ACME, ACME_BV))
    third = readable.told(merge(ANNA, ANA, into=HANNAH))

    def listed(**asked: Any) -> list[object]:  # noqa: ANN401  filters
        with readable.reading() as reader:
            return [one.merge_id for one in reader.merges(MergesAsked(**asked)).results]

    every: list[Outcome] = [first, second, third]
    assert listed() == [one.merge_id for one in every]
    assert listed(object_type="companies") == [second.merge_id]
    assert listed(object_type="contacts", record_id="104") == [first.merge_id, third.merge_id]
    assert listed(record_id="101") == [first.merge_id, third.merge_id]
    assert listed(record_id="105") == []
    assert listed(actor="kim") == [first.merge_id]
    recorded = readable.merge(second.merge_id).recorded_at
    assert listed(since=recorded)[0] in {first.merge_id, second.merge_id}
    assert third.merge_id in listed(since=recorded)
    assert third.merge_id not in listed(until=recorded)


def test_the_tree_of_a_chain_is_shown_from_any_of_its_ids(readable: Readable) -> None:
    readable.given(create(ANN), create(ANNE), create(ANA), merge(), merge(ANA, ANNA, into=HANNAH))
    with readable.reading() as reader:
        trees = [reader.lineage("contacts", one) for one in ("101", "104", "106")]
    assert trees[0] is not None
    assert all(tree == trees[0] for tree in trees)
    assert trees[0].root == "106"
    assert [(one.record_id, one.primary_id, one.secondary_id) for one in trees[0].nodes] == [
        ("106", "104", "103"),
        ("104", None, None),
        ("103", "101", "102"),
        ("101", None, None),
        ("102", None, None),
    ]
    assert "merge_id" not in msgspec.to_builtins(trees[0])["nodes"][1]
