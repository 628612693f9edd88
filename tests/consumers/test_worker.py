"""Layer: tests. What the worker does with what a source may do to it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from consumers.source import Partition
from domain.language.commands import CreateRecord
from ledger.ledger import Ledger
from ledger.opening import open_ledger
from ledger.store.port import Bookmark, ConnectionLost, LockedDatabase, NotALedger
from ledger.store.postgres.store import PostgresStore
from tests.consumers.feeding import TOPIC, Clock, FailingLedger, create, merge, new_ledger, outcomes_in, topic, worker
from tests.contracts.places import batch

FIRST, SECOND = Partition(TOPIC, 0), Partition(TOPIC, 1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with new_ledger(tmp_path) as opened:
        yield opened


def test_commands_are_carried_out_in_order_and_the_offset_is_stored_with_them(ledger: Ledger) -> None:
    messages = topic()
    for value in (create(1), create(2), merge(1, 2)):
        messages.send(value)
    source = messages.join()
    messages.hand_out({0: source})
    working = worker(ledger, source)
    working.step()
    assert outcomes_in(ledger) == ["main/commands/create-1", "main/commands/create-2", "main/commands/merge-1-2"]
    assert ledger.bookmark(FIRST.source) == Bookmark(3, "first")
    assert messages.hinted == {FIRST: 3}


def test_a_worker_begins_where_the_ledger_stands_whatever_the_group_remembers(ledger: Ledger) -> None:
    messages = topic()
    messages.send(create(1))
    first = messages.join()
    messages.hand_out({0: first})
    worker(ledger, first).step()
    messages.hinted.clear()
    messages.send(create(2))
    second = messages.join()
    messages.hand_out({0: second})
    worker(ledger, second).step()
    assert outcomes_in(ledger) == ["main/commands/create-1", "main/commands/create-2"]


def test_what_cannot_be_read_is_an_outcome_and_the_partition_goes_on(ledger: Ledger) -> None:
    messages = topic()
    messages.send(b"\xff\xfe")
    messages.send(None)
    messages.send(b'{"type":"split_records","command_id":"c-1"}')
    messages.send(create(1))
    source = messages.join()
    messages.hand_out({0: source})
    worker(ledger, source).step()
    assert outcomes_in(ledger) == [
        f"main/unreadable/{TOPIC}/0/0",
        f"main/unreadable/{TOPIC}/0/1",
        f"main/unreadable/{TOPIC}/0/2",
        "main/commands/create-1",
    ]


def test_messages_that_come_again_are_passed_over(ledger: Ledger) -> None:
    messages = topic()
    messages.send(create(1))
    source = messages.join()
    messages.hand_out({0: source})
    working = worker(ledger, source)
    working.step()
    source.late.append((FIRST, messages.messages[FIRST]))
    working.step()
    assert outcomes_in(ledger) == ["main/commands/create-1"]
    assert working.feeds[FIRST].state == "reading"


def test_a_batch_of_a_partition_that_was_taken_away_is_thrown_away(ledger: Ledger) -> None:
    messages = topic()
    messages.send(create(1))
    source, other = messages.join(), messages.join()
    messages.hand_out({0: source})
    working = worker(ledger, source)
    source.late.append((FIRST, messages.messages[FIRST]))
    messages.hand_out({0: other})
    working.step()
    assert outcomes_in(ledger) == []


def test_who_finds_the_offset_moved_stops_and_never_tries_again(ledger: Ledger) -> None:
    messages = topic()
    messages.send(create(1))
    zombie, owner = messages.join(), messages.join()
    messages.hand_out({0: zombie})
    late = worker(ledger, zombie)
    late.step()
    messages.send(create(2))
    zombie.is_cut_off = True
    messages.hand_out({0: owner})
    worker(ledger, owner).step()
    messages.send(create(3))
    late.step()
    assert late.feeds[FIRST].state == "stopped"
    assert "create-3" not in str(outcomes_in(ledger))
    assert late.meter.conflicts == 1


def test_a_batch_that_another_writer_came_between_is_decided_again_and_counted(postgres_url: str) -> None:
    others: list[Callable[[], object]] = []

    def step(name: str) -> None:
        if name == "appending" and others:
            others.pop()()

    messages = topic()
    source = messages.join()
    messages.hand_out({0: source})
    with closing(PostgresStore(postgres_url, step=step)) as store, open_ledger(postgres_url, create=False) as other:
        working = worker(Ledger(store), source)
        messages.send(create(1))
        others.append(
            lambda: other.execute(batch(CreateRecord(command_id="other", object_type="contacts", record_id="1")))
        )
        working.step()
        assert other.head() == 3  # The worker's was refused, once it saw the other's.
        assert [*working.meter.outcomes] == [("refused", "ALREADY_EXISTS")]
        messages.send(create(2))
        working.step()
    assert working.meter.decided_again == 1
    assert "merge_ledger_batches_decided_again_total 1\n" in working.meter.text()


def test_who_was_stopped_goes_on_where_the_ledger_stands_if_the_partition_is_still_its_own(ledger: Ledger) -> None:
    messages, clock = topic(), Clock()
    messages.send(create(1))
    zombie, owner = messages.join(), messages.join()
    messages.hand_out({0: owner})
    working = worker(ledger, owner, clock)
    working.step()
    zombie.win(FIRST)  # It was paused before the rebalance, and works on what it has.
    messages.send(create(2))
    worker(ledger, zombie).step()
    messages.send(create(3))
    working.step()
    assert working.feeds[FIRST].state == "stopped"
    clock.now = working.settings.takeover_s
    working.step()
    assert outcomes_in(ledger) == [f"main/commands/create-{n}" for n in (1, 2, 3)]


def test_a_store_that_is_away_for_a_while_is_waited_for(ledger: Ledger) -> None:
    messages, clock = topic(), Clock()
    messages.send(create(1))
    source = messages.join()
    messages.hand_out({0: source})
    failing = FailingLedger(ledger)
    failing.fails_reading.append(LockedDatabase("here"))
    failing.fails_before.append(LockedDatabase("here"))
    working = worker(failing, source, clock)
    for _ in range(2):
        working.step()
        assert working.feeds[FIRST].state == "backing off"
        assert outcomes_in(ledger) == []
        clock.now += 60
    working.step()
    assert outcomes_in(ledger) == ["main/commands/create-1"]
    assert working.feeds[FIRST].failures == 0


def test_a_commit_whose_answer_was_lost_is_found_done(ledger: Ledger) -> None:
    messages, clock = topic(), Clock()
    messages.send(create(1))
    source = messages.join()
    messages.hand_out({0: source})
    failing = FailingLedger(ledger)
    failing.fails_after.append(ConnectionLost("here", "cut"))
    working = worker(failing, source, clock)
    working.step()
    clock.now += 60
    messages.send(create(2))
    working.step()
    assert outcomes_in(ledger) == ["main/commands/create-1", "main/commands/create-2"]
    assert working.meter.conflicts == 0


def test_a_store_that_cannot_be_used_at_all_ends_the_worker(ledger: Ledger) -> None:
    messages = topic()
    messages.send(create(1))
    source = messages.join()
    messages.hand_out({0: source})
    failing = FailingLedger(ledger)
    failing.fails_before.append(NotALedger("here"))
    with pytest.raises(NotALedger):
        worker(failing, source).run(lambda: True)
    assert source.is_closed


def test_an_offset_out_of_range_halts_its_partition_and_no_other(ledger: Ledger) -> None:
    messages = topic(partitions=2)
    messages.send(create(1), partition=0)
    source = messages.join()
    messages.hand_out({0: source, 1: source})
    working = worker(ledger, source)
    working.step()
    for number in range(2, 6):
        messages.send(create(number), partition=0)
    messages.forget(0, before=4)
    messages.send(create(9), partition=1)
    for _ in range(3):
        working.step()
    assert working.feeds[FIRST].state == "halted"
    assert working.feeds[SECOND].state == "reading"
    assert outcomes_in(ledger) == ["main/commands/create-1", "main/commands/create-9"]
    assert any("merge.commands.v1/0 is halted" in line for line in working.meter.not_ready())


def test_a_topic_made_anew_halts_the_partition_while_it_is_read_and_after_a_restart(ledger: Ledger) -> None:
    messages = topic()
    messages.send(create(1))
    source = messages.join()
    messages.hand_out({0: source})
    working = worker(ledger, source)
    working.step()
    messages.make_anew()
    messages.send(create(2))
    messages.send(create(3))
    working.step()
    assert working.feeds[FIRST].state == "halted"
    again = messages.join()
    messages.hand_out({0: again})
    restarted = worker(ledger, again)
    restarted.step()
    assert restarted.feeds[FIRST].state == "halted"
    assert outcomes_in(ledger) == ["main/commands/create-1"]


def test_a_worker_that_is_told_to_stop_finishes_its_batch_and_leaves_the_group(ledger: Ledger) -> None:
    messages = topic()
    messages.send(create(1))
    source = messages.join()
    messages.hand_out({0: source})
    running = iter([True, False])
    worker(ledger, source).run(lambda: next(running))
    assert outcomes_in(ledger) == ["main/commands/create-1"]
    assert source.is_closed


def test_the_figures_tell_position_lag_and_outcomes(ledger: Ledger) -> None:
    messages = topic()
    for value in (create(1), create(2), b"{", create(3)):
        messages.send(value)
    source = messages.join()
    messages.hand_out({0: source})
    working = worker(ledger, source, batch_commands_max=3)
    working.step()
    told = working.meter.text()
    assert 'merge_ledger_position{source="merge.commands.v1/0"} 3' in told
    assert 'merge_ledger_end_offset{source="merge.commands.v1/0"} 4' in told
    assert 'merge_ledger_lag_records{source="merge.commands.v1/0"} 1' in told
    assert 'merge_ledger_commands_total{status="applied",code=""} 2' in told
    assert 'merge_ledger_commands_total{status="unreadable",code="INVALID_JSON"} 1' in told
    assert "merge_ledger_rebalances_total 1" in told
    assert working.meter.not_ready() == []


def test_an_account_on_another_partition_than_the_chosen_one_is_counted_once(ledger: Ledger) -> None:
    messages = topic(partitions=2)
    for number, account in enumerate(["a-0", "a-1", "a-1", "a-3", "a-2"]):
        messages.send(create(number)[:-1] + b',"account":"' + account.encode() + b'"}')
    source = messages.join()
    messages.hand_out({0: source, 1: source})
    working = worker(ledger, source, batch_commands_max=2)
    for _ in range(3):
        working.step()
    assert "merge_ledger_misplaced_accounts_total 2\n" in working.meter.text()
