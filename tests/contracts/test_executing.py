"""Layer: tests. The one door for writing, on every store: one outcome a command, once, in order, all or nothing."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from domain import decide
from domain.decisions import context
from domain.language.commands import Command, Envelope
from domain.language.events import CommandApplied, RecordsMerged
from domain.language.ids import RecordRef
from domain.language.outcomes import Outcome
from domain.state.folds import Recorded
from domain.state.needs import NotLoaded
from domain.state.record import Record
from domain.state.view import View
from ledger.ledger import BATCH_COMMANDS_MAX, Ledger, Previewed
from ledger.store.codec import decode
from ledger.store.port import Store
from tests.builders import (
    ANA,
    ANN,
    ANNA,
    ANNE,
    HANNAH,
    NOBODY,
    associate,
    at,
    command_id,
    create,
    create_without_id,
    merge,
    update,
)
from tests.contracts.places import START, Place, TickingClock, batch
from tests.repeating import as_first


def execute(ledger: Ledger, *commands: Command) -> list[Outcome]:
    return ledger.execute(batch(*commands))


def types(ledger: Ledger) -> list[str]:
    return [stored.type for stored in ledger.read(0, 1_000)]


# -- outcomes ---------------------------------------------------------------------------------------------------------


def test_every_command_gets_its_outcome_in_the_order_it_was_sent(ledger: Ledger) -> None:
    one, other, taken = create(ANN, city="Gent"), create(ANNE), create(ANN)
    outcomes = execute(ledger, one, other, taken)
    assert [outcome.command_id for outcome in outcomes] == [one.command_id, other.command_id, taken.command_id]
    assert [outcome.status for outcome in outcomes] == ["applied", "applied", "refused"]
    assert outcomes[2].code == "ALREADY_EXISTS"


def test_nothing_sent_is_nothing_done(ledger: Ledger) -> None:
    assert execute(ledger) == []
    assert ledger.head() == 0


def test_an_outcome_tells_the_position_of_the_commands_first_event(ledger: Ledger) -> None:
    created, _, merged = execute(ledger, create(ANN), create(ANNE), merge())
    assert created.position == 1
    assert merged.position is not None
    assert types(ledger)[merged.position - 1 :] == [
        "record.merged.v1",
        "record.merged-away.v1",
        "record.merged-away.v1",
        "command.applied.v1",
    ]


def test_a_refusal_is_an_outcome_that_is_stored_for_ever(ledger: Ledger) -> None:
    (outcome,) = execute(ledger, merge(NOBODY, ANN))
    assert (outcome.status, outcome.code) == ("refused", "NOT_FOUND")
    assert types(ledger) == ["command.refused.v1"]


def test_a_merge_is_told_on_all_three_streams_in_one_append(ledger: Ledger) -> None:
    execute(ledger, create(ANN), create(ANNE), merge())
    assert [stored.type for stored in ledger.stream("main/records/contacts/103")] == ["record.merged.v1"]
    for side in ("101", "102"):
        stream = ledger.stream(f"main/records/contacts/{side}")
        assert [(stored.version, stored.type) for stored in stream] == [
            (1, "record.created.v1"),
            (2, "record.merged-away.v1"),
        ]


# -- once -------------------------------------------------------------------------------------------------------------


def test_a_batch_sent_again_appends_nothing_and_gets_the_same_answers(ledger: Ledger) -> None:
    commands = batch(create(ANN), create(ANNE), merge(), merge(NOBODY, ANN))
    first = ledger.execute(commands)
    head = ledger.head()
    again = ledger.execute(commands)
    assert [as_first(outcome) for outcome in again] == first
    assert all(outcome.repeated for outcome in again)
    assert ledger.head() == head


def test_a_repeated_answer_says_when_it_was_recorded_whenever_it_happened_upstream(ledger: Ledger) -> None:
    command = replace(create(ANN), occurred_at=at("2020-01-01"))
    execute(ledger, command)
    *_, stored = ledger.read(0, 100)
    for commands in ((command,), (create(ANNE), command)):
        assert execute(ledger, *commands)[-1].first_answered_at == stored.recorded_at


def test_a_command_twice_in_one_batch_is_done_once(ledger: Ledger) -> None:
    command = create(ANN)
    first, second = execute(ledger, command, command)
    assert first.status == "applied"
    assert second.repeated
    assert as_first(second) == first
    assert types(ledger) == ["record.created.v1", "command.applied.v1"]


def test_a_spent_id_with_another_body_is_refused_and_recorded_beside_the_first_answer(ledger: Ledger) -> None:
    first = create(ANN)
    other = replace(create(ANNE), command_id=first.command_id)
    applied, reused = execute(ledger, first, other)
    assert reused.code == "COMMAND_ID_REUSED"
    assert reused.details == {"command_id": first.command_id}
    assert types(ledger)[-1] == "command.id-reused.v1"
    again = execute(ledger, first, other)
    assert [as_first(outcome) for outcome in again] == [applied, reused]
    assert all(outcome.repeated for outcome in again)
    assert len(types(ledger)) == 3


def test_the_same_id_in_another_account_is_another_command(ledger: Ledger) -> None:
    command = create(ANN)
    outcomes = execute(ledger, command, replace(command, account="other"))
    assert [(outcome.status, outcome.repeated) for outcome in outcomes] == [("applied", False)] * 2


def test_a_repeated_command_finds_the_id_that_was_made_for_it(ledger: Ledger) -> None:
    command = create_without_id("contacts", city="Gent")
    (first,) = execute(ledger, command)
    (second,) = execute(ledger, command)
    assert first.record_id is not None
    assert second.record_id == first.record_id


# -- in order ---------------------------------------------------------------------------------------------------------


def test_a_later_command_of_a_batch_sees_what_the_earlier_ones_did(ledger: Ledger) -> None:
    outcomes = execute(
        ledger,
        create(ANN, email="ann@x.be"),
        create(ANNE, email="ann@x.be"),
        create(ANNE, email="anne@x.be"),
        merge(),
        create(ANA),
        merge(ANNA, ANA, into=HANNAH),
        update(ANN, city="Gent"),
    )
    assert [outcome.code for outcome in outcomes] == [None, "IDENTIFIER_IN_USE", None, None, None, None, None]
    assert outcomes[-1].followed == {"101": "106"}


def test_one_batch_or_one_command_at_a_time_comes_to_the_same(place: Place) -> None:
    sent: list[Command] = [
        create(ANN, email="ann@x.be", city="Gent"),
        create(ANNE, email="anne@x.be"),
        create(ANA, email="anne@x.be"),
        associate(ANN, ANNE),
        merge(),
        create(ANA, email="anne@x.be"),
        create(ANA),
        merge(ANNA, ANA, into=HANNAH),
        update(ANNE, email="new@x.be"),
        merge(ANN, ANA),
    ]
    commands = [replace(command, occurred_at=at("2026-02-03")) for command in sent]
    together = Ledger(place.open(TickingClock()))
    apart = Ledger(place.another().open(TickingClock()))
    together.execute(batch(*commands))
    for command in commands:
        apart.execute(batch(command))

    def log(ledger: Ledger) -> list[tuple[Any, ...]]:
        return [(one.position, one.stream, one.version, one.type, one.data) for one in ledger.read(0, 1_000)]

    assert log(together) == log(apart)
    together.close()
    apart.close()


def test_commands_without_a_time_happen_when_they_are_executed_each_later_than_the_one_before(ledger: Ledger) -> None:
    execute(ledger, create(ANN), create(ANNE), create(ANA))
    times = [ledger.decode(stored).occurred_at for stored in ledger.read(0, 100) if stored.type.startswith("record")]
    assert times == sorted(set(times))
    assert START < times[0] < times[-1] < START + timedelta(seconds=2)


def test_times_grow_from_batch_to_batch_also_when_the_clock_goes_back(ledger: Ledger, clock: TickingClock) -> None:
    execute(ledger, create(ANN))
    clock.now -= timedelta(hours=1)
    execute(ledger, create(ANNE))
    first, _, second, _ = (ledger.decode(stored).occurred_at for stored in ledger.read(0, 100))
    assert first < second


def made_ids(ledger: Ledger) -> list[int]:
    """Let a ledger make ids for two records and their merge, in a batch of its own each."""
    made: list[str] = []
    for _ in range(2):
        (outcome,) = execute(ledger, create_without_id("contacts"))
        made.append(str(outcome.record_id))
    one, other = (RecordRef("contacts", made_id) for made_id in made)
    (merged,) = execute(ledger, merge(one, other, into=None))
    return [int(made_id) for made_id in (*made, str(merged.record_id))]


def test_ids_that_the_ledger_makes_grow_also_when_the_clock_goes_back(store: Store, clock: TickingClock) -> None:
    made = made_ids(Ledger(store, clock=clock))
    clock.now -= timedelta(hours=1)
    made += made_ids(Ledger(store, clock=clock))  # By another process, which knows no more than what is stored.
    for _ in range(10):
        clock.now = START  # A clock that does not move.
        made += made_ids(Ledger(store, clock=clock))
    assert made == sorted(set(made))


def test_no_command_is_executed_later_than_it_is_recorded(store: Store, clock: TickingClock) -> None:
    for _ in range(3):
        clock.now -= timedelta(hours=1)
        known = create_without_id("contacts")
        execute(Ledger(store, clock=clock), known, known, known, create_without_id("contacts"))
    with store.reading() as snapshot:
        for stored in snapshot.page(0, 100):
            assert decode(stored.type, stored.data).occurred_at <= stored.recorded_at


# -- all or nothing ---------------------------------------------------------------------------------------------------


def test_a_batch_that_breaks_in_the_middle_leaves_nothing_behind(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, command = decide.decide, update(ANN, city="Gent")

    def breaks(envelope: Envelope, view: View, now: datetime) -> list[Recorded]:
        if envelope.command == command:
            raise NotLoaded(command.record_id)
        return real(envelope, view, now)

    monkeypatch.setattr(decide, "decide", breaks)
    with pytest.raises(NotLoaded):
        execute(ledger, create(ANN), command)
    assert ledger.head() == 0
    monkeypatch.setattr(decide, "decide", real)
    assert [outcome.status for outcome in execute(ledger, create(ANN), command)] == ["applied", "applied"]


def test_a_batch_that_is_too_long_is_refused_whole(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match=f"send at most {BATCH_COMMANDS_MAX}"):
        execute(ledger, *[create(ANN)] * (BATCH_COMMANDS_MAX + 1))
    assert ledger.head() == 0


def test_an_id_that_the_ledger_makes_and_finds_taken_is_made_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "record_id_for", lambda _id, _now, attempt=0: str(101 + attempt))
    execute(ledger, create(ANN), create(ANNE))
    made = execute(ledger, create_without_id("contacts"), create_without_id("contacts"))
    assert [outcome.record_id for outcome in made] == ["103", "104"]


# -- previewing -------------------------------------------------------------------------------------------------------


def test_a_preview_is_the_merge_that_follows_and_stores_nothing(ledger: Ledger) -> None:
    execute(ledger, create(ANN, city="Gent"), create(ANNE, city="Brugge", phone="5"))
    head = ledger.head()
    command = merge(choices={"city": "secondary"})
    previewed = ledger.preview(command)
    assert isinstance(previewed, Previewed)
    assert ledger.head() == head == previewed.head
    assert ledger.read(0, 100)[-1].type == "command.applied.v1"
    execute(ledger, replace(command, preview_token=previewed.token))
    merged = ledger.decode(ledger.stream("main/records/contacts/103")[0])
    assert isinstance(merged, RecordsMerged)
    assert merged.decisions == previewed.event.decisions
    assert merged.merge_counts == previewed.event.merge_counts


def test_a_merge_is_refused_when_its_preview_no_longer_holds(ledger: Ledger) -> None:
    execute(ledger, create(ANN), create(ANNE))
    previewed = ledger.preview(merge())
    assert isinstance(previewed, Previewed)
    execute(ledger, update(ANNE, city="Gent"))
    (outcome,) = execute(ledger, merge(preview_token=previewed.token))
    assert outcome.code == "VERSION_CONFLICT"


def test_the_preview_of_a_refused_merge_is_the_refusal(ledger: Ledger) -> None:
    execute(ledger, create(ANN))
    command = merge(ANN, NOBODY)
    previewed = ledger.preview(command)
    assert isinstance(previewed, Outcome)
    assert [previewed] == execute(ledger, command)


def test_the_preview_of_a_command_that_was_carried_out_is_its_answer(ledger: Ledger) -> None:
    command = merge()
    *_, outcome = execute(ledger, create(ANN), create(ANNE), command)
    again = ledger.preview(command)
    assert isinstance(again, Outcome)
    assert again.repeated
    assert as_first(again) == outcome


# -- reading what became of it ----------------------------------------------------------------------------------------


def test_the_state_of_a_record_is_the_fold_of_its_stream_up_to_a_position(ledger: Ledger) -> None:
    execute(ledger, create(ANN, city="Gent"), update(ANN, city="Brugge"), create(ANNE), merge())
    stream = "main/records/contacts/101"
    cities = {}
    for position in range(ledger.head() + 1):
        state = ledger.state(stream, position)
        cities[position] = None if state is None else (state.status, state.properties["city"].v)
    assert cities[0] is None
    assert cities[1] == cities[2] == ("active", "Gent")
    assert cities[3] == ("active", "Brugge")
    assert cities[ledger.head()] == ("merged_away", "Brugge")
    assert isinstance(ledger.state(stream), Record)
    assert ledger.state("main/records/contacts/199") is None


def test_a_position_inside_a_command_is_rounded_up_to_its_end(ledger: Ledger) -> None:
    *_, merged, _ = execute(ledger, create(ANN), create(ANNE), merge(), create(ANA))
    assert merged.position is not None
    end = merged.position + 3
    assert isinstance(ledger.decode(ledger.read(end - 1, 1)[0]), CommandApplied)
    assert [ledger.end_of_command(position) for position in range(merged.position, end + 1)] == [end] * 4
    assert ledger.end_of_command(merged.position - 1) == merged.position - 1
    assert ledger.end_of_command(0) == 0
    assert ledger.end_of_command(10_000) == ledger.head()


def test_a_time_leads_to_the_last_event_recorded_by_then(ledger: Ledger) -> None:
    commands = [create(ANN), update(ANN, city="Gent"), update(ANN, city="Brugge"), update(ANN, city="Aalst")]
    heads = []
    for command in commands:
        execute(ledger, command)
        heads.append(ledger.head())
    times = [ledger.read(head - 1, 1)[0].recorded_at for head in heads]
    microsecond = timedelta(microseconds=1)
    assert [ledger.position_at(time) for time in times] == heads
    assert [ledger.position_at(time - microsecond) for time in times] == [0, *heads[:-1]]
    assert ledger.position_at(times[-1] + timedelta(days=1)) == heads[-1]


def test_an_account_is_read_apart_from_the_others(ledger: Ledger) -> None:
    execute(ledger, create(ANN, city="Gent"), replace(create(ANN, city="Brugge"), account="other"))
    assert ledger.state("main/records/contacts/101").properties["city"].v == "Gent"
    assert ledger.state("other/records/contacts/101").properties["city"].v == "Brugge"


def test_command_ids_in_all_the_shapes_that_are_allowed_are_kept_apart(ledger: Ledger) -> None:
    ids = ["a/b", "a", "b", "a/b/c", "A:b", "x" * 200, command_id()]
    made = [replace(create_without_id("contacts"), command_id=one) for one in ids]
    assert [outcome.repeated for outcome in execute(ledger, *made)] == [False] * len(ids)
    assert [outcome.command_id for outcome in execute(ledger, *made) if outcome.repeated] == ids
