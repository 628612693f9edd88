"""Layer: tests. Making, changing, archiving records; reading what is sent; following old ids (H06)."""

import pytest

from domain.language import events as e
from domain.language.commands import Envelope
from domain.language.refusals import (
    AlreadyExists,
    InvalidProperty,
    NotFound,
    ReadOnlyProperty,
    RecordArchived,
    UnknownObjectType,
)
from domain.language.values import Plain, Sent
from tests.builders import (
    ACME,
    ANA,
    ANN,
    ANNA,
    ANNE,
    HANNAH,
    NOBODY,
    archive,
    associate,
    at,
    create,
    create_without_id,
    define,
    enroll,
    log_playbook,
    merge,
    restore,
    start_call,
    suppress,
    update,
    workflow,
)
from tests.specification import START, given

# -- making


def test_a_record_without_an_id_gets_one_of_digits() -> None:
    then = given().when(create_without_id("contacts", city="Gent"))
    assert then.made.record_id.isdecimal()
    assert then.outcome.record_id == then.made.record_id
    assert then.value("city") == "Gent"


def test_an_id_that_is_made_is_one_that_no_record_has() -> None:
    asked = create_without_id("contacts", city="Gent")
    would_be = given().when(asked).made
    then = given(create(would_be)).world
    then.now = START  # At the same time as it would have been made.
    (outcome,) = then.execute(asked)
    assert outcome.status == "applied"
    assert outcome.record_id != would_be.record_id


def test_an_id_is_taken_once_in_a_type_and_an_account() -> None:
    world = given(create(ANN))
    world.when(create(ANN)).then_refused(AlreadyExists, match="101", id="101")
    world.when(create(ACME._replace(record_id="101"))).then_applied()
    world.when(create(ANN, account="other")).then_applied()


def test_a_record_of_an_unknown_type_is_refused() -> None:
    given().when(create(ANN._replace(object_type="unicorns"))).then_refused(UnknownObjectType)
    given().when(create(ANN._replace(object_type="contact"))).then_refused(
        UnknownObjectType, match=r"did you mean contacts\?"
    )


def test_the_first_event_tells_who_and_when() -> None:
    then = given().when(create(ANN, occurred_at=at("2025-05-05T10:00:00+02:00"), city="Gent"))
    (event,) = then.told(e.RecordCreated)
    assert event.occurred_at == at("2025-05-05T08:00:00Z")
    assert event.cause == f"command:{then.command.command_id}"


# -- what is sent


@pytest.mark.parametrize(
    ("kind", "sent", "kept"),
    [
        ("number", "3", 3),
        ("number", "2.5", 2.5),
        ("number", 3.0, 3),
        ("number", "3.0", 3),
        ("number", -0.0, 0),
        ("number", 1e300, 1e300),
        ("number", 3, 3),
        ("number", " +7 ", 7),
        ("number", "-.5", -0.5),
        ("number", "5.", 5),
        ("number", "1e3", 1000),
        ("number", "0007", 7),
        ("number", str(2**63 - 1), 2**63 - 1),
        ("number", str(-(2**63)), -(2**63)),
        ("bool", "true", True),
        ("bool", "False", False),
        ("bool", False, False),
        ("datetime", "2024-05-01", "2024-05-01T00:00:00Z"),
        ("datetime", "2024-05-01T12:00:00+02:00", "2024-05-01T10:00:00Z"),
        ("list", "a; b;a", ["a", "b"]),
        ("list", ["a", "b"], ["a", "b"]),
        ("list", ";a;;b; ;", ["a", "b"]),
        ("string", "3", "3"),
    ],
)
def test_a_value_is_read_by_its_propertys_type(kind: str, sent: Sent, kept: Plain) -> None:
    then = given(define("contacts", ours={"type": kind})).when(create(ANN, ours=sent))
    assert then.value("ours", ANN) == kept
    assert type(then.value("ours", ANN)) is type(kept)


IN_WORDS = {"datetime": "a time with its zone, such as"}


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("number", "three"),
        ("number", True),
        ("number", "NaN"),
        ("number", "Infinity"),
        ("number", ["3"]),
        ("number", "1_000"),
        ("number", "1_0.5"),
        ("number", "\u0663"),
        ("number", "\uff11\uff12"),
        ("number", "0x10"),
        ("number", "1,5"),
        ("number", "1 000"),
        ("number", "1e"),
        ("number", "."),
        ("number", "1e999"),
        ("number", str(2**63)),  # What is out of range as a number is so as text.
        ("number", str(-(2**63) - 1)),
        ("number", "9" * 5_000),
        ("bool", "yes"),
        ("bool", 1),
        ("datetime", "yesterday"),
        ("datetime", "2024-05-01T10:00:00"),
        ("datetime", 5),
        ("list", 5),
        ("string", 5),
        ("string", ["a"]),
    ],
)
def test_a_value_of_another_type_is_refused_without_telling_it(kind: str, sent: Sent) -> None:
    world = given(define("contacts", ours={"type": kind}), create(ANN))
    for ask in (create(ANNE, ours=sent), update(ANN, ours=sent)):
        world.when(ask).then_refused(
            InvalidProperty, match=rf"ours: expected.*{IN_WORDS.get(kind, kind)}", property="ours"
        )


@pytest.mark.parametrize(
    ("name", "sent", "kept"),
    [
        ("num_conversion_events", "3", 3),
        ("hs_marketable_status", "true", True),
        ("hs_legal_basis", "a;b", ["a", "b"]),
        ("hs_analytics_num_visits", "7", 7),
    ],
)
def test_the_known_properties_of_contacts_have_types(name: str, sent: Sent, kept: Plain) -> None:
    assert given().when(create(ANN, {name: sent})).value(name, ANN) == kept


def test_any_other_property_is_kept_as_it_was_sent() -> None:
    then = given().when(create(ANN, shoe="42", size=42, left=True, tags=["a", "b"]))
    assert [then.value(name, ANN) for name in ("shoe", "size", "left", "tags")] == ["42", 42, True, ["a", "b"]]


READ_ONLY = ["hs_object_id", "hs_merged_object_ids", "hs_additional_emails", "hs_additional_domains"]


def test_read_only_properties_are_refused_all_of_them_named() -> None:
    sent: dict[str, Sent] = {"city": "Gent", **dict.fromkeys(READ_ONLY, "1")}
    given().when(create(ANN, sent)).then_refused(ReadOnlyProperty, match="hs_object_id", properties=READ_ONLY)
    given(create(ANN)).when(update(ANN, sent)).then_refused(ReadOnlyProperty, properties=READ_ONLY)


def test_h07_only_creation_sets_the_create_date() -> None:
    given(create(ANN)).when(update(ANN, createdate="2020-01-01")).then_refused(
        ReadOnlyProperty, properties=["createdate"]
    )


def test_a_property_defined_on_a_standard_type_has_its_type_from_then_on() -> None:
    world = given(create(ANN, score="7"), define("contacts", score={"type": "number"}))
    assert world.when(update(ANN, score="8")).value("score", ANN) == 8


# -- changing


def test_null_clears_and_the_last_command_counts_whatever_its_time() -> None:
    world = given(create(ANN, city="Gent"), update(ANN, city="Brugge", occurred_at=at("2020-01-01")))
    assert world.world.record(ANN).properties["city"].v == "Brugge"
    assert world.when(update(ANN, city=None)).value("city", ANN) is None


def test_what_is_not_there_is_not_changed() -> None:
    given().when(update(NOBODY, city="Gent")).then_refused(NotFound, match="199", record_id="199")
    given(create(ANN, account="other")).when(update(ANN, city="Gent")).then_refused(NotFound)


# -- old ids lead on


def test_h06_an_old_id_is_followed_to_the_record_of_today_and_the_outcome_says_so() -> None:
    world = given(create(ANN), create(ANNE), merge(), create(ANA), merge(ANNA, ANA))
    for old in (ANN, ANNE, ANNA, ANA):
        then = world.when(update(old, city="Gent"))
        assert then.outcome.followed == {old.record_id: "106"}
        assert then.outcome.record_id == "106"
        assert then.told_records() == {HANNAH}
    assert world.when(update(HANNAH, city="Gent")).outcome.followed == {}


def test_h06_every_command_on_a_record_follows() -> None:
    world = given(workflow("w1"), create(ANN), create(ANNE), merge())
    for ask in (enroll("w1", ANN), log_playbook("p1", ANNE), start_call(ANN, "call-1"), suppress(ANNE), archive(ANN)):
        assert world.when(ask).outcome.followed in ({"101": "103"}, {"102": "103"})


# -- archived


def test_an_archived_record_takes_no_changes() -> None:
    world = given(workflow("w1"), create(ANN), create(ACME), archive(ANN))
    for ask in (
        update(ANN, city="Gent"),
        associate(ACME, ANN),
        enroll("w1", ANN),
        log_playbook("p1", ANN),
        suppress(ANN),
        archive(ANN),
    ):
        world.when(ask).then_refused(RecordArchived, match="restore_record", record_id="101")


def test_a_restored_record_is_as_it_was() -> None:
    then = given(create(ANN, city="Gent"), archive(ANN)).when(restore(ANN))
    then.then_applied(e.RecordRestored)
    assert then.record(ANN).status == "active"
    assert then.value("city", ANN) == "Gent"
    then.when(restore(ANN)).then_nothing()


def test_an_old_id_of_an_archived_record_is_refused_by_its_current_id() -> None:
    world = given(create(ANN), create(ANNE), merge(), archive(ANNA))
    world.when(update(ANN, city="Gent")).then_refused(RecordArchived, record_id="103")
    assert world.when(restore(ANNE)).record(ANNA).status == "active"


# -- unknown fields


def test_fields_that_nobody_knows_are_listed() -> None:
    then = given().when(Envelope(create(ANN), ignored_fields=("colour", "shape")))
    assert then.outcome.ignored_fields == ("colour", "shape")
    refused = given().when(Envelope(update(ANN, city="Gent"), ignored_fields=("colour",)))
    assert refused.outcome.ignored_fields == ("colour",)
