"""Layer: tests. Values of unique properties: whose they are, through merges, and when they became unique later."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from domain.language import events as e
from domain.language.commands import AnyCommand
from domain.language.refusals import IdentifierInUse, InvalidProperty, NotAdditional
from tests.builders import (
    ANN,
    ANNE,
    CAR,
    CAR_AGAIN,
    CAR_MERGED,
    add_identifier,
    create,
    define,
    merge,
    remove_identifier,
    set_primary_identifier,
    update,
)
from tests.specification import Specification, Then, given

UNIQUE = define("cars", "Car", vin={"unique": True})


def test_a_unique_value_stands_on_one_record_only() -> None:
    world = given(UNIQUE, create(CAR, vin="VIN-0001"), create(CAR_AGAIN))
    refused = world.when(create(CAR_MERGED, vin=" VIN-0001 "))
    refused.then_refused(IdentifierInUse, match="501", kind="vin", current_id="501")
    world.when(update(CAR_AGAIN, vin="VIN-0001")).then_refused(IdentifierInUse, current_id="501")


OTHER_CAR = CAR._replace(record_id="599")
VIN, OF_VIN = "unique:cars:vin", "property:vin"


def two_cars_merged() -> Then:
    return given(UNIQUE, create(CAR, vin="VIN-0001"), create(CAR_AGAIN, vin="VIN-0002")).when(merge(CAR, CAR_AGAIN))


def test_a_unique_value_that_lost_in_a_merge_still_leads_to_the_merged_record() -> None:
    then = two_cars_merged()
    then.then_decided("vin", "VIN-0001", side="primary", losing="VIN-0002").then_warned()
    assert [then.find(VIN, vin) for vin in ("VIN-0001", "VIN-0002")] == [CAR_MERGED, CAR_MERGED]
    then.when(create(OTHER_CAR, vin="VIN-0002")).then_refused(IdentifierInUse, kind="vin", current_id="503")
    then.when(update(CAR, vin="VIN-0003")).when(create(OTHER_CAR, vin="VIN-0001")).then_applied()


def test_a_unique_value_that_lost_through_a_chain_leads_to_its_end() -> None:
    then = two_cars_merged()
    end = CAR._replace(record_id="598")
    then = then.when(create(OTHER_CAR, vin="VIN-0003")).when(merge(OTHER_CAR, CAR_MERGED, into=end))
    assert [then.find(VIN, f"VIN-000{n}") for n in (1, 2, 3)] == [end] * 3


def test_an_additional_unique_value_can_be_removed_and_is_free_then() -> None:
    then = two_cars_merged().when(remove_identifier(CAR, "VIN-0002", OF_VIN))
    then.then_applied(e.IdentifierRemoved)
    assert then.find(VIN, "VIN-0002") is None
    then.when(create(OTHER_CAR, vin="VIN-0002")).then_applied()


@pytest.mark.parametrize("vin", ["VIN-0001", "VIN-0009"])
def test_the_primary_unique_value_and_that_of_nobody_cannot_be_removed_so(vin: str) -> None:
    two_cars_merged().when(remove_identifier(CAR_MERGED, vin, OF_VIN)).then_refused(NotAdditional, kind=OF_VIN)


def test_an_additional_unique_value_can_be_made_the_primary_one_and_the_old_one_is_additional() -> None:
    then = two_cars_merged().when(set_primary_identifier(CAR_MERGED, " VIN-0002", OF_VIN))
    assert then.value("vin", CAR_MERGED) == " VIN-0002"
    assert then.find(VIN, "VIN-0001") == CAR_MERGED
    then.when(set_primary_identifier(CAR_MERGED, "VIN-0002", OF_VIN)).then_nothing()
    then.when(set_primary_identifier(CAR_MERGED, "VIN-0009", OF_VIN)).then_refused(NotAdditional)


def test_updating_a_unique_property_to_an_own_additional_value_promotes_it() -> None:
    then = two_cars_merged().when(update(CAR_MERGED, vin="VIN-0002"))
    assert [then.find(VIN, vin) for vin in ("VIN-0001", "VIN-0002")] == [CAR_MERGED, CAR_MERGED]


@pytest.mark.parametrize("new", ["VIN-0009", None])
def test_updating_a_unique_property_to_a_new_value_or_none_releases_the_old_one_alone(new: str | None) -> None:
    then = two_cars_merged().when(update(CAR_MERGED, vin=new))
    assert [then.find(VIN, vin) for vin in ("VIN-0001", "VIN-0002")] == [None, CAR_MERGED]


def test_a_unique_value_sent_again_with_blanks_stays_claimed() -> None:
    then = given(UNIQUE, create(CAR, vin="VIN-0001")).when(update(CAR, vin=" VIN-0001 "))
    assert then.find(VIN, "VIN-0001") == CAR


def test_a_unique_value_can_be_added_and_is_typed_as_its_property() -> None:
    number = "property:number"
    world = given(define("cars", "Car", number={"type": "number", "unique": True}), create(CAR, number=7))
    then = world.when(add_identifier(CAR, "8.0", number))
    assert then.find("unique:cars:number", "8") == CAR
    then.when(add_identifier(CAR, "8", number)).then_nothing()
    then.when(create(CAR_AGAIN, number=8)).then_refused(IdentifierInUse, current_id="501")
    assert then.when(set_primary_identifier(CAR, "8.00", number)).value("number", CAR) == 8
    then.when(add_identifier(CAR, "eight", number)).then_refused(InvalidProperty, match="number", property="number")
    then.when(add_identifier(CAR, "  ", number)).then_refused(InvalidProperty, match="value", property="number")


@pytest.mark.parametrize("ask", [add_identifier, remove_identifier, set_primary_identifier])
def test_only_a_unique_property_has_additional_values(ask: Callable[..., AnyCommand]) -> None:
    world = given(UNIQUE, define("cars", colour={}), create(CAR, colour="red"), create(ANN, email="a@x.example"))
    for record, name in ((CAR, "colour"), (CAR, "nothing"), (ANN, "email")):
        refused = world.when(ask(record, "something", f"property:{name}"))
        refused.then_refused(InvalidProperty, match="only a unique property", property=name)


def test_a_unique_value_of_the_secondary_that_is_kept_is_never_unowned_nor_owned_twice() -> None:
    then = given(UNIQUE, create(CAR), create(CAR_AGAIN, vin="VIN-0002")).when(merge(CAR, CAR_AGAIN))
    assert then.find("unique:cars:vin", "VIN-0002") == CAR_MERGED
    then.when(create(CAR._replace(record_id="599"), vin="VIN-0002")).then_refused(IdentifierInUse, current_id="503")


def test_a_unique_number_is_the_same_however_it_is_written() -> None:
    world = given(define("cars", "Car", number={"type": "number", "unique": True}), create(CAR, number=7))
    for same in (7, 7.0, "7", "7.0"):
        world.when(create(CAR_AGAIN, number=same)).then_refused(IdentifierInUse, kind="number", current_id="501")
    assert world.when(update(CAR, number=7.0)).find("unique:cars:number", "7") == CAR


def test_a_unique_value_that_is_changed_is_free() -> None:
    then = given(UNIQUE, create(CAR, vin="VIN-0001")).when(update(CAR, vin="VIN-0009"))
    then.when(create(CAR_AGAIN, vin="VIN-0001")).then_applied()


def test_a_unique_value_chosen_from_the_secondary_leaves_the_primarys_as_an_additional_one() -> None:
    then = given(UNIQUE, create(CAR, vin="VIN-0001"), create(CAR_AGAIN, vin="VIN-0002")).when(
        merge(CAR, CAR_AGAIN, choices={"vin": "secondary"})
    )
    assert [then.find(VIN, vin) for vin in ("VIN-0001", "VIN-0002")] == [CAR_MERGED, CAR_MERGED]


def test_values_set_before_their_property_was_defined_unique_are_claimed_when_they_are_set_again() -> None:
    both = given(create(ANN, code="x1"), create(ANNE, code="x1"), define("contacts", code={"unique": True}))
    both.when(update(ANN, code="x1")).then_applied()
    given(
        create(ANN, code="x1"),
        create(ANNE, code="x1"),
        define("contacts", code={"unique": True}),
        update(ANN, code="x1"),
    ).when(update(ANNE, code="x1")).then_refused(IdentifierInUse)


# -- unique since later


LATER = define("cars", vin={"unique": True})


def set_before(*vins: str) -> Specification:
    """Cars with values from before their property was defined unique: the two to be merged, and another."""
    cars = zip((CAR, CAR_AGAIN, OTHER_CAR), vins, strict=False)
    return given(define("cars", "Car"), *(create(car, vin=vin) for car, vin in cars), LATER)


def test_a_merge_claims_both_sides_values_that_nobody_claimed() -> None:
    then = set_before("VIN-0001", "VIN-0002").when(merge(CAR, CAR_AGAIN))
    then.then_warned()
    assert then.merged.event.claimed == {"vin": ("501", "502")}
    assert [then.find(VIN, vin) for vin in ("VIN-0001", "VIN-0002")] == [CAR_MERGED, CAR_MERGED]
    then.when(create(OTHER_CAR, vin="VIN-0001")).then_refused(IdentifierInUse, current_id="503")


def test_a_merge_of_two_with_the_same_unclaimed_value_claims_it_once() -> None:
    then = set_before("VIN-0001", " VIN-0001").when(merge(CAR, CAR_AGAIN))
    then.then_warned()
    assert then.merged.event.claimed == {"vin": ("501",)}
    assert then.find(VIN, "VIN-0001") == CAR_MERGED


def test_a_kept_value_that_another_record_claims_stays_there_and_the_merge_warns() -> None:
    world = set_before("VIN-0001", "VIN-0002", "VIN-0001").given(update(OTHER_CAR, vin="VIN-0001"))
    then = world.when(merge(CAR, CAR_AGAIN))
    then.then_warned("NOT_UNIQUE", match="599", property="vin", record_id="599")
    then.then_decided("vin", "VIN-0001", side="primary")
    assert [then.find(VIN, vin) for vin in ("VIN-0001", "VIN-0002")] == [OTHER_CAR, CAR_MERGED]


def test_a_losing_value_that_another_record_claims_stays_there_without_a_warning() -> None:
    world = set_before("VIN-0001", "VIN-0002", "VIN-0002").given(update(OTHER_CAR, vin="VIN-0002"))
    then = world.when(merge(CAR, CAR_AGAIN))
    then.then_warned()
    assert [then.find(VIN, vin) for vin in ("VIN-0001", "VIN-0002")] == [CAR_MERGED, OTHER_CAR]


def test_a_preview_no_longer_holds_once_another_record_claims_the_value() -> None:
    world = set_before("VIN-0001", "VIN-0002", "VIN-0001")
    asked = merge(CAR, CAR_AGAIN)
    token = world.world.preview(asked).token
    world.given(update(OTHER_CAR, vin="VIN-0001")).when(replace(asked, preview_token=token)).then_refused(
        "VERSION_CONFLICT"
    )
