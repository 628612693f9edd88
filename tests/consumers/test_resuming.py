"""Layer: tests. A person says where a halted partition is read on, and only a person."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.publisher.pages import Folder
from consumers.source import Partition
from consumers.worker.resume import Halt, go_on, halt_of
from consumers.worker.worker import HALT_LOOK_S, Worker
from ledger.ledger import Ledger
from ledger.store.port import Bookmark, BookmarkMoved, LockedDatabase
from tests.consumers.feeding import (
    TOPIC,
    Clock,
    FailingLedger,
    create,
    new_ledger,
    outcomes_in,
    plant_bug,
    topic,
    worker,
)
from tests.consumers.source_in_memory import MemoryTopic

FIRST = Partition(TOPIC, 0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with new_ledger(tmp_path) as opened:
        yield opened


@pytest.fixture
def messages() -> MemoryTopic:
    return topic()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def working(ledger: Ledger, messages: MemoryTopic, clock: Clock) -> Worker:
    """A worker that carried out one command."""
    messages.send(create(0))
    source = messages.join()
    messages.hand_out({0: source})
    made = worker(ledger, source, clock)
    made.step()
    return made


def run_out(messages: MemoryTopic, working: Worker) -> None:
    """Let four messages come, three of them run out of retention, and the worker see it."""
    for number in range(1, 5):
        messages.send(create(number))
    messages.forget(0, before=4)
    working.step()
    assert working.feeds[FIRST].state == "halted"


def halt(ledger: Ledger, messages: MemoryTopic) -> Halt:
    found = halt_of(ledger, FIRST, messages.range_of(0), lambda offset: messages.undecodable_at(FIRST, offset))
    assert found is not None
    return found


def moved_on(ledger: Ledger, messages: MemoryTopic, to: int) -> None:
    go_on(ledger, halt(ledger, messages), to, account="main", actor="ann", reason="agreed with the senders")


def later(clock: Clock, working: Worker) -> None:
    clock.now += HALT_LOOK_S
    working.step()


def test_the_complaint_names_what_to_do(messages: MemoryTopic, working: Worker) -> None:
    run_out(messages, working)
    assert "merge-ledger worker resume merge.commands.v1/0" in working.meter.not_ready()[0]


def test_a_halted_partition_stays_so_until_a_person_decides_and_then_is_read_on(
    ledger: Ledger, messages: MemoryTopic, working: Worker, clock: Clock
) -> None:
    run_out(messages, working)
    later(clock, working)
    assert working.feeds[FIRST].state == "halted"
    moved_on(ledger, messages, 4)
    later(clock, working)
    assert working.feeds[FIRST].state == "reading"
    assert outcomes_in(ledger) == [
        "main/commands/create-0", "main/unreadable/merge.commands.v1/0/1", "main/commands/create-4",
    ]  # fmt: skip
    assert working.meter.not_ready() == []


def test_a_topic_made_anew_is_read_on_where_the_person_says(
    ledger: Ledger, messages: MemoryTopic, working: Worker, clock: Clock
) -> None:
    messages.make_anew()
    for number in range(10, 13):
        messages.send(create(number))
    working.step()
    assert working.feeds[FIRST].state == "halted"
    moved_on(ledger, messages, 1)
    later(clock, working)
    assert outcomes_in(ledger)[2:] == ["main/commands/create-11", "main/commands/create-12"]
    assert ledger.bookmark(FIRST.source) == Bookmark(3, "first+")


def test_a_worker_that_does_not_know_of_the_new_topic_yet_waits_until_it_does(
    ledger: Ledger, messages: MemoryTopic, working: Worker, clock: Clock
) -> None:
    messages.make_anew()
    messages.send(create(10))
    moved_on(ledger, messages, 0)
    messages.identity = "first"  # As its metadata has it.
    working.feeds[FIRST].state = "waiting"
    working.step()
    assert working.feeds[FIRST].state == "halted"
    messages.identity = "first+"
    later(clock, working)
    assert outcomes_in(ledger)[-1] == "main/commands/create-10"


def test_who_why_and_from_where_is_kept_in_the_log_and_is_no_dead_letter(
    ledger: Ledger, messages: MemoryTopic, working: Worker
) -> None:
    run_out(messages, working)
    moved_on(ledger, messages, 4)
    stored = ledger.stream("main/unreadable/merge.commands.v1/0/1")
    told = str(ledger.decode(stored[0]))
    assert "moved on from offset 1 to 4 by ann: agreed with the senders" in told
    published = Folder(ledger).fold(stored)
    assert (len(published.messages), published.dead_letters) == (1, [])
    assert b'"SKIPPED"' in (published.messages[0].value or b"")


def test_what_is_not_halted_is_left_alone(ledger: Ledger, messages: MemoryTopic, working: Worker) -> None:
    assert working.feeds[FIRST].state == "reading"
    assert halt_of(ledger, FIRST, messages.range_of(0), lambda offset: messages.undecodable_at(FIRST, offset)) is None
    assert halt_of(ledger, Partition(TOPIC, 7), messages.range_of(0), lambda _: None) is None


def test_who_was_slower_changes_nothing(ledger: Ledger, messages: MemoryTopic, working: Worker) -> None:
    run_out(messages, working)
    seen = halt(ledger, messages)
    moved_on(ledger, messages, 4)
    head = ledger.head()
    with pytest.raises(BookmarkMoved):
        go_on(ledger, seen, 5, account="main", actor="bob", reason="the same, later")
    assert (ledger.head(), ledger.bookmark(FIRST.source)) == (head, Bookmark(4, "first"))


def test_what_it_means_is_said_before(ledger: Ledger, messages: MemoryTopic, working: Worker) -> None:
    run_out(messages, working)
    found = halt(ledger, messages)
    assert found.costs(4) == ["offsets 1 to 3 are not there any more, and are never carried out"]
    assert found.costs(5)[1:] == ["offsets 4 to 4 are there, and are passed over"]
    messages.make_anew()
    messages.send(create(1))
    assert halt(ledger, messages).costs(1) == [
        "what was not read of the topic as it was, from offset 1 on, is never carried out",
        "offsets 0 to 0 are there, and are passed over",
    ]


def test_a_broker_that_lost_what_was_read_is_read_on_from_its_end(
    ledger: Ledger, messages: MemoryTopic, working: Worker
) -> None:
    assert working.feeds[FIRST].next == 1
    messages.messages[FIRST].clear()
    found = halt(ledger, messages)
    assert found.why == "the broker lost what had been read already"
    assert found.costs(0) == ["offsets 0 to 0 were carried out and are gone; others will take their place"]


def test_what_cannot_be_decoded_is_stepped_over_whole_and_only_by_a_person(
    ledger: Ledger, messages: MemoryTopic, working: Worker, clock: Clock
) -> None:
    messages.send(create(1))
    messages.damage(3)
    messages.send(create(5))
    working.step()
    later(clock, working)
    assert outcomes_in(ledger) == ["main/commands/create-0", "main/commands/create-1"]
    assert "offsets 2 to 4 cannot be decoded" in working.meter.not_ready()[0]
    found = halt(ledger, messages)
    assert found.first == 5
    assert found.costs(6) == [
        "offsets 2 to 4 cannot be decoded, and are never carried out", "offsets 5 to 5 are there, and are passed over",
    ]  # fmt: skip
    moved_on(ledger, messages, found.first)
    later(clock, working)
    assert outcomes_in(ledger)[-1] == "main/commands/create-5"
    assert working.meter.not_ready() == []


def test_what_cannot_be_decoded_at_the_very_beginning_is_stepped_over_too(
    ledger: Ledger, messages: MemoryTopic, clock: Clock
) -> None:
    messages.damage(1)
    messages.send(create(1))
    source = messages.join()
    messages.hand_out({0: source})
    working = worker(ledger, source, clock)
    working.step()
    assert working.feeds[FIRST].state == "halted"
    assert ledger.bookmark(FIRST.source) == Bookmark(0, "first")
    moved_on(ledger, messages, 1)
    later(clock, working)
    assert outcomes_in(ledger)[-1] == "main/commands/create-1"


def test_a_log_emptied_up_to_a_marker_lost_nothing(ledger: Ledger, messages: MemoryTopic, working: Worker) -> None:
    messages.end_transaction()
    working.step()
    assert ledger.bookmark(FIRST.source) == Bookmark(2, "first")
    messages.forget(0, before=2)
    messages.send(create(2))
    source = messages.join()
    messages.hand_out({0: source})
    after_a_restart = worker(ledger, source)
    after_a_restart.step()
    assert outcomes_in(ledger) == ["main/commands/create-0", "main/commands/create-2"]
    assert after_a_restart.meter.not_ready() == []


def test_markers_are_no_lag(messages: MemoryTopic, working: Worker) -> None:
    messages.end_transaction()
    working.step()
    assert [(one.position, one.end, one.lag_records) for one in working.meter.partitions] == [(2, 2, 0)]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    return plant_bug(monkeypatch)


@pytest.mark.parametrize("before", [0, 2])
def test_a_command_that_fails_unexpectedly_halts_its_partition_alone_and_is_stepped_over(
    ledger: Ledger, clock: Clock, planted: set[str], caplog: pytest.LogCaptureFixture, before: int
) -> None:
    messages, failing = topic(partitions=2), before
    planted.add(f"create-{failing}")
    for number in range(before + 2):
        messages.send(create(number))
    source = messages.join()
    messages.hand_out({0: source, 1: source})
    working = worker(ledger, source, clock)
    working.step()
    messages.send(create(9), partition=1)
    later(clock, working)
    assert outcomes_in(ledger) == [f"main/commands/create-{number}" for number in [*range(before), 9]]
    assert working.feeds[FIRST].state == "halted"
    [why] = working.meter.not_ready()
    assert f"the command at offset {failing} failed: KeyError at tests/consumers/feeding.py:" in why
    assert 'partition_state{source="merge.commands.v1/0",state="halted"} 1' in working.meter.text()
    assert "ann@example.com" not in str([vars(record) for record in caplog.records]) + why
    assert "partition was halted" in caplog.text
    halted = halt(ledger, messages)
    assert halted.first == failing + 1
    assert halted.costs(failing + 1) == [f"offsets {failing} to {failing} failed, and are never carried out"]
    moved_on(ledger, messages, halted.first)
    later(clock, working)
    assert outcomes_in(ledger)[-1] == f"main/commands/create-{failing + 1}"
    assert working.meter.not_ready() == []
    assert halt_of(ledger, FIRST, messages.range_of(0), lambda _: None) is None


def test_a_failed_command_is_carried_out_after_a_restart_with_the_bug_mended(
    ledger: Ledger, messages: MemoryTopic, working: Worker, planted: set[str], clock: Clock
) -> None:
    planted.add("create-1")
    messages.end_transaction()  # The bookmark is behind the marker before it.
    messages.send(create(1))
    working.step()
    assert working.feeds[FIRST].state == "halted"
    assert halt(ledger, messages).bookmark.at == 2
    planted.clear()
    source = messages.join()
    messages.hand_out({0: source})
    worker(ledger, source, clock).step()
    assert outcomes_in(ledger)[-1] == "main/commands/create-1"
    assert halt_of(ledger, FIRST, messages.range_of(0), lambda _: None) is None


def test_a_second_failure_on_a_partition_replaces_the_record_of_the_first(
    ledger: Ledger, messages: MemoryTopic, working: Worker, planted: set[str], clock: Clock
) -> None:
    planted |= {"create-1", "create-2"}
    for number in (1, 2, 3):
        messages.send(create(number))
    working.step()
    for offset in (1, 2):
        assert halt(ledger, messages).first == offset + 1
        moved_on(ledger, messages, offset + 1)
        later(clock, working)
    assert outcomes_in(ledger)[-1] == "main/commands/create-3"


def test_a_store_that_is_away_while_a_failure_is_recorded_is_waited_for(
    ledger: Ledger, messages: MemoryTopic, planted: set[str], clock: Clock
) -> None:
    planted.add("create-1")
    messages.send(create(1))
    source = messages.join()
    messages.hand_out({0: source})
    failing = FailingLedger(ledger)
    working = worker(failing, source, clock)
    failing.fails_moving.append(LockedDatabase("here"))
    working.step()
    assert working.feeds[FIRST].state == "backing off"
    clock.now += 60
    working.step()
    assert working.feeds[FIRST].state == "halted"
