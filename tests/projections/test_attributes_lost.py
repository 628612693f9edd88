"""Layer: tests. What a merge leaves behind of links is shown with it: attributes that lose, and labels."""

from domain.language.commands import AnyCommand
from ledger.ledger import Previewed
from projections.reading import shapes
from projections.reading.losing_links import SHOWN_MAX
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
    GLOBEX,
    HANNAH,
    INITECH,
    archive,
    associate,
    create,
    dissociate,
    merge,
    parent,
    restore,
)
from tests.reading import Readable

PEOPLE = tuple(create(one) for one in (ANN, ANNE, ANA))
DEALS = create(DEAL), create(DEAL_AGAIN)
Lost = tuple[str, str, dict[str, object]]


def lost(readable: Readable, *given: AnyCommand, by: AnyCommand) -> list[Lost]:
    """List what a merge leaves behind; its preview says the same, and so does the merge when it is shown later."""
    readable.given(*given)
    outcome = readable.told(by)
    effects = readable.merge(outcome.merge_id).effects.associations.attributes_lost
    assert effects.total == len(effects.results)
    return listed(effects)


def listed(effects: shapes.AttributesLost) -> list[Lost]:
    return [(one.id, one.label, dict(one.attributes)) for one in effects.results]


def test_field_case_lost_attributes_of_the_same_label_are_listed(readable: Readable) -> None:
    said = associate(ANN, DEAL, role={"share": 60, "since": "2024"}), associate(ANNE, DEAL, role={"share": 40, "x": 1})
    assert lost(readable, *PEOPLE, *DEALS, *said, by=merge()) == [("301", "role", {"share": 40, "x": 1})]


def test_what_both_sides_say_alike_is_not_lost(readable: Readable) -> None:
    said = associate(ANN, DEAL, role={"share": 60}), associate(ANNE, DEAL, role={"share": 60})
    assert lost(readable, *PEOPLE, *DEALS, *said, by=merge()) == []
    assert lost(readable, associate(ANA, DEAL, role={"share": True}), by=merge(ANNA, ANA, into=HANNAH)) == [
        ("301", "role", {"share": True})
    ]


def test_other_labels_and_other_records_lose_nothing(readable: Readable) -> None:
    said = (
        associate(ANN, DEAL, role={"share": 60}),
        associate(ANNE, DEAL, owner={"share": 40}),
        associate(ANNE, DEAL_AGAIN, role={"share": 1}),
    )
    assert lost(readable, *PEOPLE, *DEALS, *said, by=merge()) == []


def test_a_label_about_which_the_primary_says_nothing_keeps_what_the_secondary_says(readable: Readable) -> None:
    said = associate(ANN, DEAL, "role"), associate(ANNE, DEAL, role={"share": 40})
    assert lost(readable, *PEOPLE, *DEALS, *said, by=merge()) == []
    for record in (ANNA, DEAL):
        (link,) = readable.show(record).associations
        assert [(one.label, one.attributes) for one in link.labels] == [("role", {"share": 40})]


def test_field_case_lost_attributes_labels_of_the_link_between_the_two_are_listed(readable: Readable) -> None:
    said = associate(ANN, ANNE, "friend", sister={"elder": "101"}), associate(ANN, ANA, "colleague")
    assert lost(readable, *PEOPLE, *said, by=merge()) == [("102", "friend", {}), ("102", "sister", {"elder": "101"})]


def test_the_label_between_the_two_is_the_one_that_the_primary_sees(readable: Readable) -> None:
    companies = create(ACME), create(ACME_BV)
    said = associate(ACME_BV, ACME, partner={"level": 3})
    assert lost(readable, *companies, said, by=merge(ACME, ACME_BV)) == [("202", "partner", {"level": 3})]


def test_a_link_between_the_two_that_has_no_label_is_dropped_alone(readable: Readable) -> None:
    assert lost(readable, *PEOPLE, associate(ANN, ANNE), by=merge()) == []


def test_it_is_as_of_the_merge(readable: Readable) -> None:
    said = (
        associate(ANN, DEAL, role={"share": 60}),
        associate(ANNE, DEAL, role={"share": 40}),
        associate(ANNE, DEAL_AGAIN, role={"share": 1}),
    )
    readable.given(*PEOPLE, *DEALS, *said)
    merge_id = readable.told(merge()).merge_id
    # Neither what ends later nor what becomes one record later changes what this merge left behind.
    readable.given(dissociate(ANNA, DEAL), merge(DEAL, DEAL_AGAIN))
    shown = readable.merge(merge_id).effects.associations.attributes_lost
    assert listed(shown) == [("301", "role", {"share": 40})]


def test_links_made_under_older_ids_count(readable: Readable) -> None:
    said = associate(ANN, DEAL, role={"share": 60}), associate(ANA, DEAL_AGAIN, role={"share": 40})
    merged = merge(DEAL, DEAL_AGAIN), merge(ANN, ANNE)
    assert lost(readable, *PEOPLE, *DEALS, *said, *merged, by=merge(ANNA, ANA, into=HANNAH)) == [
        ("303", "role", {"share": 40})
    ]


def test_attributes_of_a_parent_that_a_merge_drops_are_lost(readable: Readable) -> None:
    companies: tuple[AnyCommand, ...] = tuple(create(one) for one in (ACME, ACME_BV, GLOBEX, INITECH))
    said = parent(GLOBEX, of=ACME), associate(ACME_BV, INITECH, parent={"share": 51})
    facts = (*companies, *said, archive(GLOBEX), archive(INITECH))
    assert lost(readable, *facts, by=merge(ACME, ACME_BV)) == [("205", "parent", {"share": 51})]
    readable.given(restore(INITECH))
    assert [label.label for one in readable.show(ACME_GROUP).associations for label in one.labels] == ["parent"]


def test_at_most_a_hundred_are_shown_with_how_many_there_are(readable: Readable) -> None:
    many = [DEAL._replace(record_id=f"d{number}") for number in range(SHOWN_MAX + 5)]
    readable.execute(*PEOPLE, *(create(one) for one in many))
    readable.execute(*(associate(who, one, role={"by": who.record_id}) for who in (ANN, ANNE) for one in many))
    effects = readable.merge(readable.told(merge()).merge_id).effects.associations.attributes_lost
    assert (len(effects.results), effects.total) == (SHOWN_MAX, SHOWN_MAX + 5)


def test_a_preview_says_how_far_the_read_model_is_behind(readable: Readable) -> None:
    readable.given(*PEOPLE)
    with readable.reading() as reader:
        readable.given(*DEALS)
        found = readable.ledger.preview(merge())
        assert isinstance(found, Previewed)
        shown = reader.preview(found)
    assert shown.warnings
    assert [(one.code, one.details) for one in shown.warnings] == [("READ_MODEL_BEHIND", {"events": 4})]
