"""Layer: tests. Playbooks (H28, H29), sync with other systems (H30, H31) and calls (H47) in a merge."""

import pytest
from msgspec.structs import replace

from domain.language import events as e
from domain.language.commands import UnlinkSync
from domain.language.ids import RecordRef
from domain.language.refusals import IdentifierInUse
from domain.language.values import ERASED, PersonalValues
from domain.state.record import evolve
from tests.builders import (
    ACME,
    ACME_BV,
    ACME_GROUP,
    ANA,
    ANN,
    ANNA,
    ANNE,
    ANNIE,
    configure,
    create,
    end_call,
    link_sync,
    log_playbook,
    merge,
    on_plan,
    start_call,
    unlink_sync,
)
from tests.specification import Specification, Then, given

TWO = create(ANN), create(ANNE)


# -- playbooks


def with_playbooks() -> Specification:
    return given(*TWO, log_playbook("p1", ANN), log_playbook("p2", ANN, "draft"), log_playbook("p3", ANNE))


def test_h28_drafts_of_either_are_dropped_and_listed() -> None:
    then = with_playbooks().given(log_playbook("p4", ANNE, "draft")).when(merge())
    assert {(one.id, one.record_id) for one in then.merged.event.dropped_drafts} == {("p2", "101"), ("p4", "102")}
    assert then.record(ANNA).drafts == ()
    assert then.merged.event.has_playbooks
    assert then.merged.event.skipped == ()


def test_h28_a_draft_that_was_logged_is_kept() -> None:
    then = with_playbooks().given(log_playbook("p2", ANN)).when(merge())
    assert then.merged.event.dropped_drafts == ()


def test_h28_drafts_of_the_merged_record_are_its_own() -> None:
    then = with_playbooks().given(merge(), log_playbook("p5", ANN, "draft")).when(create(ANA))
    assert then.record(ANNA).drafts == ("p5",)


@pytest.mark.parametrize(
    ("sales", "service", "marketing", "kept"),
    [
        ("professional", "free", "free", True),
        ("free", "professional", "free", True),
        ("enterprise", "starter", "free", True),
        ("free", "free", "enterprise", False),
        ("starter", "starter", "professional", False),
        ("free", "free", "free", False),
    ],
)
def test_h29_playbooks_need_sales_or_service_at_professional(
    sales: str, service: str, marketing: str, *, kept: bool
) -> None:
    plans = {"sales": sales, "service": service, "marketing": marketing}
    then = with_playbooks().given(configure(subscriptions=plans)).when(merge())
    assert then.record(ANNA).has_playbooks is kept
    assert [one.effect for one in then.merged.event.skipped] == ([] if kept else ["playbooks"])
    assert bool(then.merged.event.dropped_drafts) is kept


def test_h29_a_skipped_effect_says_why_and_never_fails_the_merge() -> None:
    (skipped,) = with_playbooks().given(on_plan("free")).when(merge()).merged.event.skipped
    assert (skipped.effect, skipped.why) == ("playbooks", "subscription")


def test_h29_nothing_is_skipped_without_playbooks() -> None:
    assert given(on_plan("free"), *TWO).when(merge()).merged.event.skipped == ()


# -- sync


def test_h31_only_the_primarys_sync_remains() -> None:
    then = given(*TWO, link_sync(ANN, "sf-0001"), link_sync(ANNE, "sf-0002")).when(merge())
    assert then.merged.event.sync_kept == {"salesforce": ("101",)}
    assert then.merged.event.sync_unlinked == {"salesforce": ("102",)}
    assert then.record(ANNA).sync["salesforce"][0].external_id == "sf-0001"
    assert then.find("sync:salesforce", "sf-0001") == ANNA


def test_h31_the_secondarys_record_there_is_free_for_another() -> None:
    then = given(*TWO, link_sync(ANN, "sf-0001"), link_sync(ANNE, "sf-0002"), merge(), create(ANA)).when(
        link_sync(ANA, "sf-0002")
    )
    assert then.find("sync:salesforce", "sf-0002") == ANA


def test_h31_without_a_sync_of_the_primary_the_merged_record_has_none() -> None:
    then = given(*TWO, link_sync(ANNE, "sf-0002")).when(merge())
    assert then.record(ANNA).sync == {}
    assert then.find("sync:salesforce", "sf-0002") is None


def test_h31_other_types_are_alike() -> None:
    then = given(create(ACME), create(ACME_BV), link_sync(ACME, "sf-0001"), link_sync(ACME_BV, "sf-0002")).when(
        merge(ACME, ACME_BV)
    )
    assert then.record(ACME_GROUP).sync["salesforce"][0].external_id == "sf-0001"
    assert then.find("sync:salesforce", "sf-0002") is None


def test_h31_the_link_kept_goes_on_through_chains() -> None:
    then = given(*TWO, link_sync(ANN, "sf-0001"), merge(), create(ANA), link_sync(ANA, "sf-0003")).when(
        merge(ANNA, ANA)
    )
    assert then.find("sync:salesforce", "sf-0001") == then.made
    assert then.find("sync:salesforce", "sf-0003") is None


def sap(then: Then, record: RecordRef) -> list[str]:
    return [link.external_id for link in then.record(record).sync.get("sap", ())]


LINKED = (*TWO, link_sync(ANN, "K-00001", "sap"), link_sync(ANNE, "K-00002", "sap"))


def test_h31_every_id_of_another_system_goes_on_leading_to_the_merged_record_the_primarys_first() -> None:
    then = given(*LINKED).when(merge())
    assert sap(then, ANNA) == ["K-00001", "K-00002"]
    assert [then.find("sync:sap", one) for one in ("K-00001", "K-00002")] == [ANNA, ANNA]
    assert then.merged.event.sync_unlinked == {}
    chained = then.when(create(ANA)).when(link_sync(ANA, "K-00003", "sap")).when(merge(ANA, ANNA))
    assert sap(chained, chained.made) == ["K-00003", "K-00001", "K-00002"]
    chained.when(create(ANNIE)).when(link_sync(ANNIE, "K-00002", "sap")).then_refused(
        "IDENTIFIER_IN_USE", kind="sync:sap", current_id=chained.made.record_id
    )


def test_h31_the_secondarys_id_is_the_merged_records_where_the_primary_has_none() -> None:
    then = given(*TWO, link_sync(ANNE, "K-00002", "sap")).when(merge())
    assert sap(then, ANNA) == ["K-00002"]


def test_h31_an_account_may_keep_the_primarys_link_to_another_system_alone() -> None:
    then = given(
        configure(sync_rules={"sap": "primary_only"}), configure(sync_rules={"crm": "keep_all"}), *LINKED
    ).when(merge())
    assert sap(then, ANNA) == ["K-00001"]
    assert then.merged.event.sync_unlinked == {"sap": ("102",)}
    assert then.find("sync:sap", "K-00002") is None


def test_h31_all_ids_of_the_secondary_end_where_its_system_keeps_the_primarys_alone_since_then() -> None:
    then = given(*LINKED, merge(), configure(sync_rules={"sap": "primary_only"}), create(ANA)).when(merge(ANA, ANNA))
    assert sap(then, then.made) == []
    assert [then.find("sync:sap", one) for one in ("K-00001", "K-00002")] == [None, None]


@pytest.mark.parametrize("system", ["salesforce", "Salesforce"])
def test_h31_salesforce_is_synced_as_it_asks_however_it_is_written(system: str) -> None:
    with pytest.raises(ValueError, match="primary_only"):
        configure(sync_rules={system: "keep_all"})
    then = given(
        configure(sync_rules={system: "primary_only"}),
        *TWO,
        link_sync(ANN, "sf-0001", system),
        link_sync(ANNE, "sf-0002", system),
    ).when(merge())
    assert then.find(f"sync:{system}", "sf-0002") is None


def test_a_merge_whose_ids_were_erased_keeps_no_link() -> None:
    merged = given(*LINKED).when(merge()).merged.event
    erased: PersonalValues = {source: dict.fromkeys(named, ERASED) for source, named in merged.values.items()}
    assert evolve(None, replace(merged, values=erased), "103").sync == {}


def test_a_new_id_takes_the_place_of_the_one_shown_and_those_from_merges_stay() -> None:
    then = given(*LINKED, merge()).when(link_sync(ANNA, "K-00009", "sap"))
    assert sap(then, ANNA) == ["K-00009", "K-00002"]
    assert then.find("sync:sap", "K-00001") is None
    then = then.when(link_sync(ANNA, "K-00002", "sap"))
    assert sap(then, ANNA) == ["K-00002"]
    assert then.find("sync:sap", "K-00002") == ANNA
    then.when(link_sync(ANNA, "K-00002", "sap")).then_nothing()


@pytest.mark.parametrize(
    ("external_id", "left"),
    [(None, []), ("K-00001", ["K-00002"]), ("K-00002", ["K-00001"]), ("K-9", ["K-00001", "K-00002"])],
)
def test_one_id_of_a_system_is_unlinked_or_all_of_them(external_id: str | None, left: list[str]) -> None:
    unlink = UnlinkSync(
        command_id="unlink", object_type="contacts", record_id="103", system="sap", external_id=external_id
    )
    then = given(*LINKED, merge()).when(unlink)
    assert sap(then, ANNA) == left
    assert [one for one in ("K-00001", "K-00002") if then.find("sync:sap", one) == ANNA] == left


def test_h30_without_a_professional_plan_no_id_of_any_system_leads_to_the_merged_record() -> None:
    then = given(*LINKED, merge(), on_plan("starter"), create(ANA)).when(merge(ANNA, ANA))
    assert sap(then, then.made) == []
    assert [then.find("sync:sap", one) for one in ("K-00001", "K-00002")] == [None, None]


def test_h30_without_a_professional_plan_sync_is_skipped_and_the_merged_record_has_none() -> None:
    then = given(on_plan("starter"), *TWO, link_sync(ANN, "sf-0001"), link_sync(ANNE, "sf-0002")).when(merge())
    assert [one.effect for one in then.merged.event.skipped] == ["sync"]
    assert then.record(ANNA).sync == {}
    assert then.record(ANN).sync["salesforce"][0].external_id == "sf-0001"
    then.when(create(ANA)).when(link_sync(ANA, "sf-0001")).then_applied()


@pytest.mark.parametrize("side", [ANN, ANNE])
def test_h30_one_sides_sync_or_playbook_is_enough_to_be_skipped(side: RecordRef) -> None:
    then = given(on_plan("free"), *TWO, link_sync(side, "sf-0001"), log_playbook("p1", side)).when(merge())
    assert {one.effect for one in then.merged.event.skipped} == {"playbooks", "sync"}


def test_a_record_there_is_linked_to_one_here() -> None:
    world = given(*TWO, link_sync(ANN, "sf-0001"))
    world.when(link_sync(ANNE, "sf-0001")).then_refused(IdentifierInUse, match="101", current_id="101")
    world.when(link_sync(ANN, "sf-0001")).then_nothing()
    world.when(link_sync(ANNE, "sf-0001", system="dynamics")).then_applied()


def test_a_new_link_takes_the_place_of_the_old() -> None:
    then = given(*TWO, link_sync(ANN, "sf-0001")).when(link_sync(ANN, "sf-0009"))
    assert then.find("sync:salesforce", "sf-0001") is None
    assert then.find("sync:salesforce", "sf-0009") == ANN


def test_a_link_kept_by_a_merge_may_be_ended_and_is_free_then() -> None:
    then = given(*TWO, link_sync(ANN, "sf-0001"), merge()).when(unlink_sync(ANNE))
    then.then_applied(e.SyncUnlinked)
    assert then.find("sync:salesforce", "sf-0001") is None
    then.when(unlink_sync(ANNA)).then_nothing()


# -- calls


@pytest.mark.parametrize("on_call", [ANN, ANNE])
def test_h47_a_call_with_either_is_disconnected(on_call: tuple[str, str]) -> None:
    of = ANN if on_call == ANN else ANNE
    then = given(*TWO, start_call(of, "call-1")).when(merge())
    assert [(one.id, one.record_id) for one in then.merged.event.calls_disconnected] == [("call-1", of.record_id)]
    assert then.record(ANNA).active_call is None


def test_h47_two_calls_are_both_disconnected() -> None:
    then = given(*TWO, start_call(ANN, "call-1"), start_call(ANNE, "call-2")).when(merge())
    assert [one.id for one in then.merged.event.calls_disconnected] == ["call-1", "call-2"]


def test_h47_a_call_that_ended_is_not() -> None:
    then = given(*TWO, start_call(ANN, "call-1"), end_call(ANN, "call-1")).when(merge())
    assert then.merged.event.calls_disconnected == ()


def test_another_call_does_not_end_with_this_one() -> None:
    then = given(*TWO, start_call(ANN, "call-1")).when(end_call(ANN, "call-2"))
    assert then.record(ANN).active_call == "call-1"
