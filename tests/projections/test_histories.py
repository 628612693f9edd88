"""Layer: tests. What history shows beyond the rules: the value that was kept is always in it."""

import pytest

from tests.builders import (
    ANA,
    ANN,
    ANNA,
    ANNE,
    HANNAH,
    add_identifier,
    choosing,
    create,
    dressed,
    merge,
    set_primary_identifier,
    update,
)
from tests.reading import Readable

THEN = "2025-01-01"


def told(readable: Readable, name: str) -> list[tuple[object, str, bool]]:
    return [(one.value, one.source_record_id, one.current) for one in readable.history(ANN, name)]


def test_h14_a_value_that_the_merge_kept_stays_beside_the_primarys_of_the_same_time(readable: Readable) -> None:
    readable.given(create(ANN, city=dressed("Gent", THEN)), create(ANNE, city=dressed("Brugge", THEN)))
    readable.given(choosing(city="secondary"))
    assert told(readable, "city") == [("Gent", "101", False), ("Brugge", "102", True)]
    readable.given(update(ANNA, city="Luik"))
    assert told(readable, "city") == [("Gent", "101", False), ("Brugge", "102", False), ("Luik", "103", True)]


def test_h14_a_stage_that_went_further_stays_too(readable: Readable) -> None:
    readable.given(
        create(ANN, lifecyclestage=dressed("lead", THEN)), create(ANNE, lifecyclestage=dressed("customer", THEN))
    ).given(merge())
    assert told(readable, "lifecyclestage") == [("lead", "101", False), ("customer", "102", True)]


@pytest.mark.parametrize("choice", ["primary", "secondary"])
def test_h14_what_a_later_merge_kept_does_not_bring_back_what_an_earlier_one_dropped(
    readable: Readable, choice: str
) -> None:
    readable.given(*(create(one, city=dressed(one.record_id, THEN)) for one in (ANN, ANNE, ANA)))
    readable.given(merge(), merge(ANA, ANNA, into=HANNAH, choices={"city": choice}))
    kept = [("104", "104", True)] if choice == "primary" else [("101", "101", True), ("104", "104", False)]
    assert sorted(told(readable, "city"), key=lambda one: str(one[0])) == kept


def test_an_address_that_became_primary_is_in_the_history(readable: Readable) -> None:
    readable.given(create(ANN, email="ann@x.be"), add_identifier(ANN, "a@x.be"), set_primary_identifier(ANN, "a@x.be"))
    assert [(value, current) for value, _, current in told(readable, "email")] == [
        ("ann@x.be", False),
        ("a@x.be", True),
    ]


def test_history_is_of_one_property_or_of_all(readable: Readable) -> None:
    readable.given(create(ANN, city="Gent", phone="1"), update(ANN, city="Luik"))
    with readable.reading() as reader:
        every = reader.history(*ANN)
        of_city = reader.history(*ANN, property_name="city")
    assert every is not None
    assert of_city is not None
    assert {one.property for one in every.results} == {"city", "phone", "createdate"}
    assert of_city.results == [one for one in every.results if one.property == "city"]
