"""Layer: tests. Which two records become one, and what they become: H01 to H04, H32, H37, H45, H46, H56."""

import pytest

from domain.language import events as e
from domain.language.commands import Associate
from domain.language.ids import RecordRef
from domain.language.refusals import (
    AlreadyExists,
    AlreadyMerged,
    CompanyParentChild,
    CompanySalesforceBlock,
    MergeLimitExceeded,
    NotFound,
    ObjectTypeNotActivated,
    SameRecord,
    TypeMismatch,
    UnknownObjectType,
)
from tests.builders import (
    ACME,
    ACME_BV,
    ANA,
    ANN,
    ANNA,
    ANNE,
    CAR,
    CAR_AGAIN,
    DEAL,
    DEAL_AGAIN,
    GLOBEX,
    HANNAH,
    NOBODY,
    TICKET,
    TICKET_AGAIN,
    archive,
    configure,
    create,
    define,
    merge,
    on_plan,
    parent,
    unlink_sync,
    update,
    was_in_merges,
)
from tests.specification import InMemoryLedger, given

TWO = create(ANN), create(ANNE)

# -- two of one type, in one account


@pytest.mark.parametrize(("one", "other"), [(ANN, ANNE), (ACME, ACME_BV), (DEAL, DEAL_AGAIN), (TICKET, TICKET_AGAIN)])
def test_h01_two_records_of_one_type_become_one(one: RecordRef, other: RecordRef) -> None:
    then = given(create(one), create(other)).when(merge(one, other))
    then.then_applied(e.RecordsMerged, e.MergedAway, e.MergedAway, e.CommandApplied)
    assert then.record(one).status == then.record(other).status == "merged_away"
    assert then.record(then.made).status == "active"


def test_h01_two_of_different_types_are_refused_before_either_is_read() -> None:
    given().when(merge(ANN, ANNE, secondary_type="companies")).then_refused(
        TypeMismatch, match="companies, not contacts", expected="contacts", actual="companies"
    )


def test_h01_the_secondarys_type_may_be_named() -> None:
    given(*TWO).when(merge(secondary_type="contacts")).then_applied()


def test_h01_a_record_of_another_account_is_not_found() -> None:
    given(create(ANN), create(ANNE, account="other")).when(merge()).then_refused(
        NotFound, match="contacts 102 does not exist", object_type="contacts", record_id="102"
    )


def test_h01_a_record_is_not_merged_with_itself() -> None:
    given(create(ANN)).when(merge(ANN, ANN)).then_refused(SameRecord, match="name two records", record_id="101")


@pytest.mark.parametrize(("primary", "secondary", "missing"), [(NOBODY, ANN, "199"), (ANN, NOBODY, "199")])
def test_a_missing_record_is_refused(primary: RecordRef, secondary: RecordRef, missing: str) -> None:
    given(create(ANN)).when(merge(primary, secondary, into=None)).then_refused(
        NotFound, match=missing, record_id=missing
    )


def test_a_record_of_another_type_with_the_same_id_is_not_found() -> None:
    given(create(ANN), create(RecordRef("companies", "102"))).when(merge()).then_refused(NotFound, record_id="102")


@pytest.mark.parametrize("archived", [ANN, ANNE])
def test_an_archived_record_is_refused(archived: RecordRef) -> None:
    given(*TWO, archive(archived)).when(merge()).then_refused(
        "RECORD_ARCHIVED", match="restore", record_id=archived.record_id
    )


# -- types


def test_h02_an_unknown_type_is_refused() -> None:
    given().when(merge(RecordRef("unicorns", "1"), RecordRef("unicorns", "2"), into=None)).then_refused(
        UnknownObjectType, match="define_object_type", object_type="unicorns"
    )


@pytest.mark.parametrize("object_type", ["appointments", "courses", "listings", "services"])
def test_h02_an_optional_type_is_merged_once_it_is_activated(object_type: str) -> None:
    one, other, merged = (RecordRef(object_type, number) for number in ("1", "2", "3"))
    asked = merge(one, other, into=merged)
    given().when(asked).then_refused(ObjectTypeNotActivated, match="activated_object_types", object_type=object_type)
    given().when(create(one)).then_refused(ObjectTypeNotActivated, object_type=object_type)
    given(configure(activated_object_types=[object_type]), create(one), create(other)).when(asked).then_applied()


def test_h02_a_type_that_is_deactivated_is_not_merged_any_more() -> None:
    one, other = RecordRef("courses", "1"), RecordRef("courses", "2")
    given(
        configure(activated_object_types=["courses", "services"]),
        create(one),
        create(other),
        configure(activated_object_types=["services"]),
    ).when(merge(one, other, into=None)).then_refused(ObjectTypeNotActivated)


def test_h02_a_custom_type_is_merged_once_it_is_defined() -> None:
    given().when(merge(CAR, CAR_AGAIN)).then_refused(UnknownObjectType)
    given(define("cars", "Car"), create(CAR), create(CAR_AGAIN)).when(merge(CAR, CAR_AGAIN)).then_applied()


# -- primary and secondary


def test_h03_the_order_of_the_two_matters() -> None:
    two = create(ANN, city="Gent"), create(ANNE, city="Brugge")
    given(*two).when(merge(ANN, ANNE)).then_decided("city", "Gent", side="primary")
    then = given(*two).when(merge(ANNE, ANN, into=ANNA))
    then.then_decided("city", "Brugge", side="primary")
    assert (then.merged.event.primary_id, then.merged.event.secondary_id) == ("102", "101")


def test_h03_each_side_is_told_which_it_was() -> None:
    away = given(*TWO).when(merge()).told_of(e.MergedAway)
    assert (away[ANN].side, away[ANN].into) == ("primary", "103")
    assert (away[ANNE].side, away[ANNE].into) == ("secondary", "103")
    assert away[ANN].merge_id == away[ANNE].merge_id


# -- the merged record's id


def test_h04_the_merged_record_has_the_id_that_was_asked_for() -> None:
    then = given(*TWO).when(merge(into=ANNA))
    assert then.made == ANNA
    assert then.outcome.record_id == "103"
    assert then.outcome.merge_id == then.merged.event.merge_id


def test_h04_without_one_it_has_a_new_id_of_digits() -> None:
    then = given(*TWO).when(merge(into=None))
    assert then.made not in (ANN, ANNE)
    assert then.made.record_id.isdecimal()
    assert then.world.resolve(ANN) == then.world.resolve(ANNE) == then.made


@pytest.mark.parametrize("taken", [ANN, ANNE, ANA])
def test_h04_an_id_is_never_used_again(taken: RecordRef) -> None:
    given(*TWO, create(ANA)).when(merge(into=taken)).then_refused(
        AlreadyExists, match=taken.record_id, id=taken.record_id
    )


def test_h04_an_id_that_was_merged_away_is_not_used_again() -> None:
    world = given(*TWO, merge(), create(ANA))
    world.when(merge(ANNA, ANA, into=ANN)).then_refused(AlreadyExists)
    world.when(create(ANNE)).then_refused(AlreadyExists, id="102")


def test_h04_ids_that_are_made_grow_with_time() -> None:
    world = InMemoryLedger()
    made = []
    for number in range(3):
        one, other = RecordRef("contacts", f"a{number}"), RecordRef("contacts", f"b{number}")
        *_, outcome = world.execute(create(one), create(other), merge(one, other, into=None))
        made.append(int(str(outcome.record_id)))
    assert made == sorted(made)


def test_a_merge_id_follows_from_its_command() -> None:
    asked = merge()
    one, again = given(*TWO).when(asked), given(*TWO).when(asked)
    assert one.merged.event.merge_id == again.merged.event.merge_id
    assert one.merged.event.merge_id.startswith("m-")


def test_the_merge_tells_the_versions_it_was_decided_on() -> None:
    merged = given(create(ANN), update(ANN, city="Gent"), create(ANNE)).when(merge()).merged.event
    assert (merged.primary_version, merged.secondary_version) == (2, 1)
    assert merged.rule_set == "hubspot@1"


# -- merged away is for ever


def test_a_record_merged_away_takes_no_part_in_another_merge() -> None:
    given(*TWO, merge(), create(ANA)).when(merge(ANN, ANA, into=HANNAH)).then_refused(
        AlreadyMerged, match="name 103 instead", record_id="101", current_id="103"
    )


def test_a_record_merged_away_is_no_secondary_either_and_the_current_id_is_that_of_today() -> None:
    given(*TWO, merge(), create(ANA), merge(ANNA, ANA)).when(merge(ANA, ANNE, into=None)).then_refused(
        AlreadyMerged, record_id="104", current_id="106"
    )


def test_the_same_merge_under_a_new_command_id_is_refused() -> None:
    then = given(*TWO, merge()).when(merge(into=None))
    then.then_refused(AlreadyMerged, record_id="101", current_id="103")
    assert len(then.world.log) == 2 * 2 + 4 + 1


# -- blockers of companies

TWO_COMPANIES = create(ACME), create(ACME_BV)


def test_h32_companies_are_not_merged_while_the_salesforce_integration_is_on() -> None:
    world = given(configure(salesforce_integration=True), *TWO_COMPANIES, *TWO)
    world.when(merge(ACME, ACME_BV)).then_refused(CompanySalesforceBlock, match="salesforce_integration")
    world.when(merge(ANN, ANNE)).then_applied()


def test_h32_it_is_the_switch_that_counts_not_the_companies_sync() -> None:
    world = given(configure(salesforce_integration=True), *TWO_COMPANIES, unlink_sync(ACME))
    world.when(merge(ACME, ACME_BV)).then_refused(CompanySalesforceBlock)
    world.given(configure(salesforce_integration=False)).when(merge(ACME, ACME_BV)).then_applied()


@pytest.mark.parametrize(
    ("link", "related"),
    [
        (parent(ACME, of=GLOBEX), ["201"]),
        (parent(GLOBEX, of=ACME), ["201"]),
        (parent(GLOBEX, of=ACME_BV), ["202"]),
        (parent(ACME_BV, of=GLOBEX), ["202"]),
        (parent(ACME, of=ACME_BV), ["201", "202"]),
    ],
)
def test_h37_a_parent_or_child_company_is_not_merged(link: Associate, related: list[str]) -> None:
    given(*TWO_COMPANIES, create(GLOBEX), link).when(merge(ACME, ACME_BV)).then_refused(
        CompanyParentChild, match="dissociate", record_ids=related
    )


# -- the limit


@pytest.mark.parametrize(("primary", "secondary"), [(125, 125), (250, 0), (0, 250), (1, 0)])
def test_h45_up_to_250_merges_together_pass(primary: int, secondary: int) -> None:
    sides = [was_in_merges(one, n) if n else create(one) for one, n in ((ANN, primary), (ANNE, secondary))]
    then = given(*sides).when(merge())
    counts = then.merged.event.merge_counts
    assert (counts.primary, counts.secondary, counts.limit) == (primary, secondary, 250)
    assert then.record(ANNA).merge_count == primary + secondary + 1  # May be 251.


@pytest.mark.parametrize(("primary", "secondary"), [(125, 126), (130, 130), (251, 0), (0, 251)])
def test_h45_more_than_250_merges_together_are_refused(primary: int, secondary: int) -> None:
    sides = [was_in_merges(one, n) if n else create(one) for one, n in ((ANN, primary), (ANNE, secondary))]
    given(*sides).when(merge()).then_refused(
        MergeLimitExceeded, match=f"{primary} .* {secondary}", primary=primary, secondary=secondary, limit=250
    )


def test_h45_the_limit_is_the_accounts() -> None:
    world = given(configure(merge_limit=0), *TWO, create(ANA))
    world.when(merge()).then_applied()
    world.when(merge(ANNA, ANA)).then_refused(MergeLimitExceeded, primary=1, secondary=0, limit=0)


def test_h45_merges_of_both_lineages_are_counted() -> None:
    others = [RecordRef("contacts", f"x{number}") for number in range(4)]
    world = given(configure(merge_limit=2), *TWO, *map(create, others))
    world.given(merge(ANN, ANNE), merge(others[0], others[1], into=RecordRef("contacts", "x9")))
    world.when(merge(ANNA, RecordRef("contacts", "x9"))).then_applied()
    world.when(merge(HANNAH, others[2], into=None)).then_refused(MergeLimitExceeded, primary=3, secondary=0, limit=2)


def test_h45_a_chain_of_251_merges_can_be_made_and_no_longer_one() -> None:
    def link(number: int) -> RecordRef:
        return RecordRef("contacts", f"r{number}")

    world = InMemoryLedger()
    world.execute(create(link(0)))
    for number in range(251):
        other = RecordRef("contacts", f"x{number}")
        _, outcome = world.execute(create(other), merge(link(number), other, into=link(number + 1)))
        assert outcome.status == "applied"
    assert world.record(link(251)).merge_count == 251
    assert world.resolve(link(0)) == link(251)
    assert len(world.merged_ids(link(251))) == 2 * 251
    _, outcome = world.execute(create(ANA), merge(link(251), ANA, into=None))
    assert outcome.code == "MERGE_LIMIT_EXCEEDED"


def test_h46_at_the_limit_the_remedies_are_named() -> None:
    refused = given(was_in_merges(ANN, 251), create(ANNE)).when(merge())
    refused.then_refused(
        MergeLimitExceeded,
        match="create a new record or edit one of the records by hand",
        remedies=["create a new record", "edit one of the records by hand"],
    )


@pytest.mark.parametrize("plan", ["free", "starter", "professional", "enterprise"])
def test_h56_the_merge_itself_needs_no_paid_plan(plan: str) -> None:
    given(configure(subscriptions={"sales": plan, "service": plan, "marketing": plan}), *TWO).when(
        merge()
    ).then_applied()
    given(on_plan("free"), define("cars"), create(CAR), create(CAR_AGAIN)).when(merge(CAR, CAR_AGAIN)).then_applied()
