"""Layer: tests. Which value of each property survives, and why: H07 to H09 and the types' own rules."""

import pytest

from domain.language.refusals import SumOutOfRange
from domain.language.values import Plain, Sent
from tests.builders import (
    ACME,
    ACME_BV,
    ANA,
    ANN,
    ANNA,
    ANNE,
    DEAL,
    DEAL_AGAIN,
    at,
    choosing,
    configure,
    create,
    dressed,
    manual,
    merge,
    update,
)
from tests.specification import START, given

# -- create date, the primary's value, the secondary's in its absence


def test_h07_the_oldest_create_date_is_kept() -> None:
    then = given(create(ANN, createdate="2024-05-01"), create(ANNE, createdate="2021-03-09")).when(merge())
    then.then_decided("createdate", "2021-03-09T00:00:00Z", side="secondary", rule="H07")
    assert then.merged.event.occurred_at > at("2026-01-01")  # The merge itself is of now.


def test_h07_create_dates_are_compared_as_instants_and_a_tie_is_the_primarys() -> None:
    given(create(ANN, createdate="2024-05-01T12:00:00+02:00"), create(ANNE, createdate="2024-05-01T10:00:00Z")).when(
        merge()
    ).then_decided("createdate", "2024-05-01T10:00:00Z", side="primary", rule="H07")


def test_h07_later_as_text_may_be_earlier_as_an_instant() -> None:
    given(create(ANN, createdate="2024-05-01T01:00:00Z"), create(ANNE, createdate="2024-05-01T02:00:00+02:00")).when(
        merge()
    ).then_decided("createdate", "2024-05-01T00:00:00Z", side="secondary", rule="H07")


def test_h07_a_missing_create_date_leaves_the_others() -> None:
    both = create(ANN, createdate=None), create(ANNE, createdate="2021-03-09")
    given(*both).when(merge()).then_decided("createdate", "2021-03-09T00:00:00Z", side="secondary")
    given(*both).when(merge(ANNE, ANN, into=ANNA)).then_decided("createdate", "2021-03-09T00:00:00Z", side="primary")


def test_h07_two_missing_create_dates_decide_nothing() -> None:
    given(create(ANN, createdate=None), create(ANNE, createdate=None)).when(merge()).then_undecided("createdate")


def test_h07_a_create_date_that_was_not_sent_is_when_the_record_was_made() -> None:
    then = given(create(ANN)).when(create(ANNE, occurred_at=at("2025-02-03")))
    assert then.value("createdate", ANNE) == "2025-02-03T00:00:00Z"
    assert then.value("createdate", ANN) == START.isoformat().replace("+00:00", "Z")


def test_h08_the_primarys_value_wins_even_when_the_secondarys_is_newer() -> None:
    given(create(ANN, city=dressed("Gent", "2023-01-01")), create(ANNE, city=dressed("Brugge", "2025-01-01"))).when(
        merge()
    ).then_decided("city", "Gent", side="primary", rule="H08", losing="Brugge", chosen=False)


def test_h08_equal_values_are_the_primarys() -> None:
    given(create(ANN, city="Gent"), create(ANNE, city="Gent")).when(merge()).then_decided(
        "city", "Gent", side="primary", rule="H08", losing="Gent"
    )


def test_h08_the_value_kept_has_its_own_time_source_and_record() -> None:
    then = given(
        create(ANN, city=manual("Gent", "2023-01-01")), create(ANNE, phone=dressed("+32 1", "2022-02-02"))
    ).when(merge())
    merged = then.record(ANNA)
    city, phone = merged.properties["city"], merged.properties["phone"]
    assert (city.at, city.source, merged.origin("city")) == (at("2023-01-01"), "manual", ANN.record_id)
    assert (phone.at, phone.source, merged.origin("phone")) == (at("2022-02-02"), "integration", ANNE.record_id)


@pytest.mark.parametrize("empty", ["missing", None, "", "  ", [], [""], ["  ", "\t"]])
def test_h09_an_empty_value_of_the_primary_leaves_the_secondarys(empty: Sent) -> None:
    ann = create(ANN) if empty == "missing" else create(ANN, p=empty)
    given(ann, create(ANNE, p="x")).when(merge()).then_decided("p", "x", side="secondary", rule="H09", losing=None)


@pytest.mark.parametrize("empty", ["missing", None, "", "  ", [], [""], ["  ", "\t"]])
def test_h09_an_empty_value_of_the_secondary_loses(empty: Sent) -> None:
    anne = create(ANNE) if empty == "missing" else create(ANNE, p=empty)
    given(create(ANN, p="x"), anne).when(merge()).then_decided("p", "x", side="primary", rule="H08", losing=None)


def test_h09_a_value_that_was_cleared_is_empty() -> None:
    given(create(ANN, city="Gent"), update(ANN, city=None), create(ANNE, city="Brugge")).when(merge()).then_decided(
        "city", "Brugge", side="secondary", rule="H09"
    )


def test_h09_zero_and_false_are_values() -> None:
    then = given(create(ANN, n=0, f=False), create(ANNE, n=5, f=True)).when(merge())
    then.then_decided("n", 0, side="primary", rule="H08", losing=5)
    then.then_decided("f", value=False, side="primary", rule="H08", losing=True)


def test_h09_two_empty_values_decide_nothing() -> None:
    then = given(create(ANN, p="  ", q=[]), create(ANNE, p=None)).when(merge())
    then.then_undecided("p", "q")


def test_the_properties_moved_are_those_decided_for_the_secondary() -> None:
    ann = create(ANN, createdate="2021-01-01", city="Gent", zip="9000", country="BE")
    anne = create(ANNE, createdate="2022-01-01", city="Brugge", zip="8000", phone="+32 1", mobile="+32 2", fax="+32 3")
    then = given(ann, anne).when(choosing(zip="secondary"))
    sides = [decision.side for decision in then.merged.decisions().values()]
    assert sides.count("secondary") == 4  # phone, mobile and fax filled in; zip chosen.


# -- the lifecycle stage


@pytest.mark.parametrize(
    ("primary", "secondary", "kept", "side"),
    [
        ("lead", "customer", "customer", "secondary"),
        ("customer", "lead", "customer", "primary"),
        ("customer", "customer", "customer", "primary"),
        ("subscriber", "evangelist", "evangelist", "secondary"),
        ("other", "evangelist", "other", "primary"),  # The last of the default order.
        ("our own", "subscriber", "subscriber", "secondary"),  # Unknown ranks below all known.
        ("subscriber", "our own", "subscriber", "primary"),
        ("our own", "their own", "our own", "primary"),
        (None, "our own", "our own", "secondary"),  # Empty ranks below any.
        ("our own", None, "our own", "primary"),
        (None, "lead", "lead", "secondary"),
    ],
)
def test_h39_a_contacts_lifecycle_stage_is_the_furthest_down_the_funnel(
    primary: str | None, secondary: str | None, kept: str, side: str
) -> None:
    then = given(create(ANN, lifecyclestage=primary), create(ANNE, lifecyclestage=secondary)).when(merge())
    then.then_decided("lifecyclestage", kept, rule="H39")
    assert then.decision("lifecyclestage").side == side


def test_h34_a_companys_lifecycle_stage_is_the_furthest_down_the_funnel() -> None:
    given(create(ACME, lifecyclestage="lead"), create(ACME_BV, lifecyclestage="customer")).when(
        merge(ACME, ACME_BV)
    ).then_decided("lifecyclestage", "customer", side="secondary", rule="H34", losing="lead")


def test_h34_the_order_of_the_funnel_is_the_accounts() -> None:
    given(
        configure(lifecycle_stages=["customer", "lead"]),
        create(ACME, lifecyclestage="lead"),
        create(ACME_BV, lifecyclestage="customer"),
    ).when(merge(ACME, ACME_BV)).then_decided("lifecyclestage", "lead", side="primary", rule="H34")


def test_h39_deals_have_no_lifecycle_exception() -> None:
    given(create(DEAL, lifecyclestage="lead"), create(DEAL_AGAIN, lifecyclestage="customer")).when(
        merge(DEAL, DEAL_AGAIN)
    ).then_decided("lifecyclestage", "lead", side="primary", rule="H08")


# -- sums


@pytest.mark.parametrize(("primary", "secondary", "total"), [(3, 2, 5), (None, 2, 2), (3, None, 3), (0, 0, 0)])
@pytest.mark.parametrize("name", ["num_conversion_events", "num_unique_conversion_events"])
def test_h40_conversions_are_summed(name: str, primary: Plain, secondary: Plain, total: int) -> None:
    given(create(ANN, {name: primary}), create(ANNE, {name: secondary})).when(merge()).then_decided(
        name, total, side="computed", rule="H40"
    )


@pytest.mark.parametrize("name", ["num_conversion_events", "num_unique_conversion_events"])
def test_h40_no_conversions_on_either_side_stay_empty(name: str) -> None:
    given(create(ANN, {name: None}), create(ANNE)).when(merge()).then_undecided(name)


def test_h40_a_sum_is_a_value_of_the_merged_record_at_the_time_of_the_merge() -> None:
    then = given(create(ANN, num_conversion_events=3), create(ANNE, num_conversion_events="2")).when(merge())
    merged = then.record(ANNA)
    assert merged.properties["num_conversion_events"].at == then.merged.event.occurred_at
    assert merged.origin("num_conversion_events") == ANNA.record_id
    decided = then.decision("num_conversion_events")
    assert decided.primary is not None
    assert decided.secondary is not None
    assert (decided.primary.v, decided.secondary.v) == (3, 2)


def test_h40_sums_go_on_through_chains() -> None:
    given(
        create(ANN, num_conversion_events=3),
        create(ANNE, num_conversion_events=2),
        merge(),
        create(ANA, num_conversion_events=4),
    ).when(merge(ANNA, ANA)).then_decided("num_conversion_events", 9)


@pytest.mark.parametrize(
    ("primary", "secondary", "total"),
    [
        (0.1, 0.2, 0.3),
        ("1.10", "2.20", 3.3),
        (0.1, -0.1, 0),
        (1.5, 1.5, 3),
        (2**53, 1, 2**53 + 1),
        (1e20, 1e20, 2e20),
        (-(2**63), 1e300, None),
        (33.333333333333336, 66.66666666666667, 100),  # 100.000000000000006 has more digits than a float holds.
        (2**63 - 1, -1, 2**63 - 2),
        (1e308, 7e307, 1.7e308),
        (1e308, 1e308, None),
        (-1e308, -1e308, None),
        (1e308, 1, None),  # As good as nothing would have been added.
        (2**53 + 1, 0.5, None),
        (2**63 - 1, 1, None),
        (-(2**63), -1, None),
    ],
)
def test_h40_a_sum_is_exact_on_the_digits_as_sent_or_refused(
    primary: str | float, secondary: str | float, total: float | None
) -> None:
    name = "num_conversion_events"
    then = given(create(ANN, {name: primary}), create(ANNE, {name: secondary})).when(merge())
    if total is None:
        then.then_refused(SumOutOfRange, match="correct the value with update_record", properties=[name])
    else:
        then.then_decided(name, total, side="computed", rule="H40")
        assert type(then.record(ANNA).properties[name].v) is type(total)
        then.world.execute(update(ANNA, {name: total}))  # What was computed is accepted.
        assert then.world.record(ANNA).properties[name].v == total


def test_h40_every_sum_out_of_range_is_named() -> None:
    names = ["num_conversion_events", "hs_analytics_num_page_views"]
    ones: dict[str, Sent] = dict.fromkeys(names, 1e308)
    given(create(ANN, ones), create(ANNE, ones)).when(merge()).then_refused(SumOutOfRange, properties=names)


def test_h42_page_views_of_contacts_are_summed_and_other_analytics_are_the_primarys() -> None:
    then = given(
        create(ANN, hs_analytics_num_page_views=7, hs_analytics_num_visits=3),
        create(ANNE, hs_analytics_num_page_views=4, hs_analytics_num_visits=9),
    ).when(merge())
    then.then_decided("hs_analytics_num_page_views", 11, side="computed", rule="H42")
    then.then_decided("hs_analytics_num_visits", 3, side="primary", rule="H08")


def test_h35_page_views_and_visits_of_companies_are_summed() -> None:
    then = given(
        create(ACME, hs_analytics_num_page_views=10, hs_analytics_num_visits=3),
        create(ACME_BV, hs_analytics_num_page_views=5, hs_analytics_num_visits=2),
    ).when(merge(ACME, ACME_BV))
    then.then_decided("hs_analytics_num_page_views", 15, side="computed", rule="H35")
    then.then_decided("hs_analytics_num_visits", 5, side="computed", rule="H35")


def test_h35_an_empty_count_is_zero_and_two_stay_empty() -> None:
    then = given(create(ACME), create(ACME_BV, hs_analytics_num_page_views=5)).when(merge(ACME, ACME_BV))
    then.then_decided("hs_analytics_num_page_views", 5, side="computed", rule="H35")
    then.then_undecided("hs_analytics_num_visits")


# -- the original source


def test_h43_the_oldest_original_source_of_a_contact_is_kept() -> None:
    given(
        create(ANN, hs_analytics_source=dressed("PAID_SEARCH", "2023-01-01")),
        create(ANNE, hs_analytics_source=dressed("ORGANIC_SEARCH", "2021-01-01")),
    ).when(merge()).then_decided("hs_analytics_source", "ORGANIC_SEARCH", side="secondary", rule="H43")


def test_h36_the_oldest_original_source_of_a_company_is_kept() -> None:
    given(
        create(ACME, hs_analytics_source=dressed("PAID_SEARCH", "2021-01-01")),
        create(ACME_BV, hs_analytics_source=dressed("ORGANIC_SEARCH", "2023-01-01")),
    ).when(merge(ACME, ACME_BV)).then_decided("hs_analytics_source", "PAID_SEARCH", side="primary", rule="H36")


BY_HAND = pytest.mark.parametrize(
    ("primary", "secondary", "side"),
    [
        (manual("PAID", "2023-01-01"), dressed("ORGANIC", "2021-01-01"), "primary"),
        (dressed("PAID", "2021-01-01"), manual("ORGANIC", "2023-01-01"), "secondary"),
        (manual("PAID", "2023-01-01"), manual("ORGANIC", "2021-01-01"), "primary"),
        (dressed("PAID", "2021-01-01"), dressed("ORGANIC", "2021-01-01"), "primary"),
        (None, dressed("ORGANIC", "2023-01-01"), "secondary"),
        (dressed("PAID", "2023-01-01"), None, "primary"),
    ],
)


@BY_HAND
def test_h43_a_source_set_by_hand_wins_and_ties_are_the_primarys(primary: Sent, secondary: Sent, side: str) -> None:
    then = given(create(ANN, hs_analytics_source=primary), create(ANNE, hs_analytics_source=secondary)).when(merge())
    then.then_decided("hs_analytics_source", "PAID" if side == "primary" else "ORGANIC", rule="H43")
    assert then.decision("hs_analytics_source").side == side


@BY_HAND
def test_h36_a_source_set_by_hand_wins_and_ties_are_the_primarys(primary: Sent, secondary: Sent, side: str) -> None:
    then = given(create(ACME, hs_analytics_source=primary), create(ACME_BV, hs_analytics_source=secondary)).when(
        merge(ACME, ACME_BV)
    )
    then.then_decided("hs_analytics_source", "PAID" if side == "primary" else "ORGANIC", rule="H36")
    assert then.decision("hs_analytics_source").side == side


def test_h43_the_details_of_a_source_come_from_its_side() -> None:
    then = given(
        create(
            ANN,
            hs_analytics_source=dressed("PAID_SEARCH", "2023-01-01"),
            hs_analytics_source_data_1=dressed("spring sale", "2020-01-01"),
            hs_analytics_source_data_2="google",
        ),
        create(
            ANNE,
            hs_analytics_source=dressed("ORGANIC_SEARCH", "2021-01-01"),
            hs_analytics_source_data_1=dressed("mergers", "2022-01-01"),
        ),
    ).when(merge())
    then.then_decided("hs_analytics_source_data_1", "mergers", side="secondary", rule="H43", losing="spring sale")
    then.then_decided("hs_analytics_source_data_2", None, side="secondary", rule="H43", losing="google")


def test_h36_the_details_of_a_source_that_was_chosen_come_from_its_side() -> None:
    then = given(
        create(ACME, hs_analytics_source=dressed("PAID", "2021-01-01"), hs_analytics_source_data_1="spring sale"),
        create(ACME_BV, hs_analytics_source=dressed("ORGANIC", "2023-01-01"), hs_analytics_source_data_1="mergers"),
    ).when(merge(ACME, ACME_BV, choices={"hs_analytics_source": "secondary"}))
    then.then_decided("hs_analytics_source", "ORGANIC", side="secondary", rule="H10", chosen=True)
    then.then_decided("hs_analytics_source_data_1", "mergers", side="secondary")


def test_h43_details_without_a_source_on_either_side_are_kept_like_any_value() -> None:
    then = given(create(ANN), create(ANNE, hs_analytics_source_data_1="mergers")).when(merge())
    then.then_decided("hs_analytics_source_data_1", "mergers", side="secondary")
    then = given(create(ANN, hs_analytics_source_data_1="sale"), create(ANNE, hs_analytics_source_data_1="x")).when(
        merge()
    )
    then.then_decided("hs_analytics_source_data_1", "sale", side="primary")


@pytest.mark.parametrize(("primary", "secondary", "side"), [("PAID", None, "primary"), (None, "PAID", "secondary")])
def test_h43_details_follow_the_only_source(primary: Sent, secondary: Sent, side: str) -> None:
    then = given(
        create(ANN, hs_analytics_source=primary, hs_analytics_source_data_1="a"),
        create(ANNE, hs_analytics_source=secondary, hs_analytics_source_data_1="b"),
    ).when(merge())
    assert then.decision("hs_analytics_source_data_1").side == side


# -- marketing status and legal basis


@pytest.mark.parametrize(
    ("primary", "secondary", "kept", "side"),
    [
        (False, True, True, "secondary"),
        (True, False, True, "primary"),
        (True, True, True, "primary"),
        (None, False, False, "secondary"),
        (False, None, False, "primary"),
        (None, True, True, "secondary"),
    ],
)
def test_h41_the_most_marketable_status_wins(*, primary: Sent, secondary: Sent, kept: bool, side: str) -> None:
    then = given(create(ANN, hs_marketable_status=primary), create(ANNE, hs_marketable_status=secondary)).when(merge())
    then.then_decided("hs_marketable_status", kept, rule="H41")
    assert then.decision("hs_marketable_status").side == side


def test_h41_without_marketing_contacts_the_primarys_status_is_untouched() -> None:
    given(
        configure(marketing_contacts=False),
        create(ANN, hs_marketable_status=False),
        create(ANNE, hs_marketable_status=True),
    ).when(merge()).then_decided("hs_marketable_status", value=False, side="primary", rule="H08")


def test_h44_the_legal_basis_of_both_sides_is_kept() -> None:
    then = given(
        create(ANN, hs_legal_basis=dressed(["consent"], "2024-01-01", source="form")),
        create(ANNE, hs_legal_basis=dressed(["legitimate interest", "consent"], "2023-01-01")),
    ).when(merge())
    then.then_decided("hs_legal_basis", ["consent", "legitimate interest"], side="both", rule="H44")
    decided = then.decision("hs_legal_basis")
    assert decided.primary is not None
    assert decided.secondary is not None
    assert (decided.primary.v, decided.primary.at, decided.primary.source) == (["consent"], at("2024-01-01"), "form")
    assert decided.secondary.at == at("2023-01-01")


def test_h44_the_legal_basis_of_one_side_alone_is_that_sides() -> None:
    then = given(create(ANN), create(ANNE, hs_legal_basis="consent;contract")).when(merge())
    then.then_decided("hs_legal_basis", ["consent", "contract"], side="secondary", rule="H44")


@pytest.mark.parametrize(
    ("primary_at", "secondary_at", "side"),
    [
        ("2024-01-01", "2023-01-01", "primary"),
        ("2023-01-01", "2024-01-01", "secondary"),
        ("2024-01-01", "2024-01-01", "primary"),
    ],
)
def test_h44_where_one_basis_is_kept_the_latest_wins(primary_at: str, secondary_at: str, side: str) -> None:
    then = given(
        configure(legal_basis="single"),
        create(ANN, hs_legal_basis=dressed(["consent"], primary_at)),
        create(ANNE, hs_legal_basis=dressed(["interest"], secondary_at)),
    ).when(merge())
    then.then_decided("hs_legal_basis", ["consent"] if side == "primary" else ["interest"], rule="H44")
    assert then.decision("hs_legal_basis").side == side
