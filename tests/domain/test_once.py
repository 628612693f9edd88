"""Layer: tests. A command is carried out once: the same id and body get the same answer, another body is refused."""

from msgspec.structs import replace

from domain.language import commands as c
from domain.language import events as e
from domain.language.outcomes import Outcome
from tests.builders import ANN, ANNE, archive, at, configure, create, define, merge, restore, update
from tests.repeating import as_first
from tests.specification import InMemoryLedger, given


def same_but_repeated(first: Outcome, again: Outcome) -> bool:
    """Check that an answer is the first one again, with when that was given."""
    return as_first(again) == first and again.repeated and again.first_answered_at is not None


def test_the_same_merge_sent_three_times_is_one_event_and_three_equal_answers() -> None:
    world = given(create(ANN), create(ANNE))
    asked = merge(into=None)
    first = world.when(asked)
    length = len(world.world.log)
    for _ in range(2):
        again = world.when(asked)
        assert again.recorded == []
        assert same_but_repeated(first.outcome, again.outcome)
    assert len(world.world.log) == length


def test_a_repeat_in_the_same_batch_is_one_too() -> None:
    world = InMemoryLedger()
    asked = create(ANN)
    first, again = world.execute(asked, asked)
    assert same_but_repeated(first, again)
    assert len(world.log) == 2


def test_a_refusal_is_an_answer_too_and_stays_the_same() -> None:
    world = given(create(ANN), archive(ANN))
    asked = update(ANN, city="Gent")
    first = world.when(asked).then_refused("RECORD_ARCHIVED")
    again = world.given(restore(ANN)).when(asked)
    assert same_but_repeated(first.outcome, again.outcome)


def test_a_repeated_refusal_says_when_it_was_given_and_how_to_have_it_decided_again() -> None:
    asked = update(ANN, city="Gent")
    world = given(create(ANN), archive(ANN))
    world.when(asked).then_refused("RECORD_ARCHIVED")
    again = world.given(restore(ANN)).when(asked)
    again.then_refused("RECORD_ARCHIVED", match=r"restore_record; .* 2026-01-01T12:02:00Z: send it under a new id")
    assert again.outcome.first_answered_at == at("2026-01-01T12:02:00Z")
    world.when(replace(asked, command_id=f"{asked.command_id}-2")).then_applied()


def test_warnings_are_repeated_with_the_answer() -> None:
    asked = define("contacts", national_id={"unique": True})
    first = given().when(asked).then_warned("NOT_UNIQUE", property="national_id")
    assert same_but_repeated(first.outcome, first.when(asked).outcome)


def test_another_body_under_the_same_id_is_refused_and_recorded_and_changes_nothing() -> None:
    asked = create(ANN, city="Gent")
    world = given(asked)
    other = replace(asked, properties={"city": "Brugge"})
    then = world.when(other)
    then.then_refused("COMMAND_ID_REUSED", match="new id", command_id=asked.command_id)
    assert [type(event) for _, event in then.recorded] == [e.CommandIdReused]
    assert then.value("city", ANN) == "Gent"
    assert world.when(asked).outcome.status == "applied"  # The first answer stands beside it.


def test_a_reused_id_sent_again_is_recorded_once() -> None:
    asked = create(ANN, city="Gent")
    other = replace(asked, properties={"city": "Brugge"})
    world = given(asked)
    first = world.when(other)
    again = world.when(other)
    assert again.recorded == []
    assert again.outcome.code == "COMMAND_ID_REUSED"
    assert again.outcome.message == first.outcome.message


def test_who_and_why_are_not_part_of_the_body() -> None:
    asked = create(ANN)
    then = given(asked).when(replace(asked, actor="somebody else", reason="another reason"))
    assert then.outcome.repeated


def test_every_other_field_is_part_of_the_body() -> None:
    asked = merge()
    bodies: list[c.AnyCommand] = [
        asked,
        replace(asked, choices={"city": "secondary"}),
        replace(asked, occurred_at=at("2025-01-01")),
        replace(asked, result_id=None),
        replace(asked, preview_token="a-1-1-b"),  # noqa: S106  no password
        replace(asked, override_not_duplicates=True),
        replace(asked, secondary_object_type="contacts"),
        update(ANN, city="Gent"),
        configure(merge_limit=5),
    ]
    assert len({c.fingerprint(body) for body in bodies}) == len(bodies)


def test_a_command_id_is_spent_in_its_account_alone() -> None:
    asked = create(ANN)
    then = given(asked).when(replace(asked, account="other"))
    assert not then.outcome.repeated
    then.then_applied()


def test_the_position_of_an_outcome_is_that_of_the_commands_first_event() -> None:
    world = given(create(ANN), create(ANNE))
    here = len(world.world.log)
    then = world.when(merge())
    assert then.outcome.position == here + 1
    assert [type(event) for _, event in then.recorded] == [
        e.RecordsMerged,
        e.MergedAway,
        e.MergedAway,
        e.CommandApplied,
    ]
