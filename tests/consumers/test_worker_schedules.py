"""Layer: tests. Whatever the group, the store and the network do, in whatever order: every command, once."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.source import Partition
from consumers.worker.worker import Worker
from ledger.ledger import Ledger
from ledger.store.port import ConnectionLost, LockedDatabase
from tests.consumers.feeding import TOPIC, Clock, FailingLedger, create, merge, new_ledger, outcomes_in, topic, worker

WORKERS, PARTITIONS, BATCH = 3, 2, 2

steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, PARTITIONS - 1), st.booleans()),
        st.tuples(st.just("duplicate"), st.integers(0, PARTITIONS - 1), st.integers(0, 8)),
        st.tuples(st.just("garbage"), st.integers(0, PARTITIONS - 1), st.just(0)),
        st.tuples(st.just("hand out"), st.integers(0, PARTITIONS - 1), st.integers(0, WORKERS - 1)),
        st.tuples(st.just("work"), st.integers(0, WORKERS - 1), st.integers(1, 2)),
        st.tuples(st.just("late batch"), st.integers(0, WORKERS - 1), st.integers(0, PARTITIONS - 1)),
        st.tuples(st.just("cut off"), st.integers(0, WORKERS - 1), st.just(0)),
        st.tuples(st.just("crash"), st.integers(0, WORKERS - 1), st.booleans()),
        st.tuples(st.just("fail before"), st.integers(0, WORKERS - 1), st.just(0)),
        st.tuples(st.just("fail after"), st.integers(0, WORKERS - 1), st.just(0)),
        st.tuples(st.just("fail reading"), st.integers(0, WORKERS - 1), st.just(0)),
        st.tuples(st.just("time"), st.integers(0, 90), st.just(0)),
    ),
    max_size=40,
)


class Crash(BaseException):
    """The process is gone, with or without its commit."""


class World:
    """A topic, a group of workers on it, one ledger; and what was sent."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.topic = topic(PARTITIONS)
        self.ledger: Ledger = new_ledger(folder)
        self.stores = [FailingLedger(self.ledger) for _ in range(WORKERS)]
        self.sources = [self.topic.join() for _ in range(WORKERS)]
        self.workers: list[Worker] = [self.start(nth) for nth in range(WORKERS)]
        self.sent: list[bytes] = []
        self.commands: set[str] = set()
        self.unreadable: set[str] = set()
        for number in range(PARTITIONS):
            self.topic.hand_out({number: self.sources[0]})

    def start(self, nth: int) -> Worker:
        return worker(self.stores[nth], self.sources[nth], self.clock, batch_commands_max=BATCH)

    def do(self, what: str, one: int, other: int) -> None:  # noqa: C901  one case an event
        match what:
            case "send":
                number = len(self.sent)
                value = merge(number - 2, number - 1) if other and number > 2 else create(number)
                self.send(value, one)
            case "duplicate" if self.sent:
                self.send(self.sent[other % len(self.sent)], one)
            case "garbage":
                offset = self.topic.send(b"{no", partition=one)
                self.unreadable.add(f"main/unreadable/{TOPIC}/{one}/{offset}")
            case "hand out":
                self.topic.hand_out({one: self.sources[other]})
            case "work":
                for _ in range(other):
                    self.workers[one].step()
            case "late batch":
                partition = Partition(TOPIC, other)
                position = self.sources[one]._positions.get(partition)  # noqa: SLF001  up to what it could have fetched
                fetched = [m for m in self.topic.messages[partition] if position is not None and m.offset < position]
                if fetched:
                    self.sources[one].late.append((partition, fetched[-BATCH:]))
            case "cut off":
                self.sources[one].is_cut_off = True
            case "crash":
                self.crash(one, with_commit=bool(other))
            case "fail before":
                self.stores[one].fails_before.append(LockedDatabase("here"))
            case "fail after":
                self.stores[one].fails_after.append(ConnectionLost("here", "cut"))
            case "fail reading":
                self.stores[one].fails_reading.append(LockedDatabase("here"))
            case "time":
                self.clock.now += one

    def send(self, value: bytes, partition: int) -> None:
        self.sent.append(value)
        self.commands.add("main/commands/" + value.decode().split('"command_id":"')[1].split('"')[0])
        self.topic.send(value, partition=partition)

    def crash(self, nth: int, *, with_commit: bool) -> None:
        fails = self.stores[nth].fails_after if with_commit else self.stores[nth].fails_before
        fails.append(Crash())
        with suppress(Crash):
            self.workers[nth].step()
        fails.clear()
        owned = [partition.number for partition in self.sources[nth].assignment()]
        self.topic.members.remove(self.sources[nth])
        self.sources[nth] = self.topic.join()
        self.workers[nth] = self.start(nth)
        self.topic.hand_out(dict.fromkeys(owned, self.sources[(nth + 1) % WORKERS]))

    def settle(self) -> None:
        """The network heals, the group agrees, and there is time."""
        for store in self.stores:
            store.fails_before.clear()
            store.fails_after.clear()
            store.fails_reading.clear()
        owners = {number: self.sources[number % WORKERS] for number in range(PARTITIONS)}
        for source in self.sources:
            source.reconnect([number for number, owner in owners.items() if owner is source])
        for number, owner in owners.items():
            if Partition(TOPIC, number) not in owner.assignment():
                owner.win(Partition(TOPIC, number))
        for _ in range(40):
            self.clock.now += 61
            for working in self.workers:
                working.step()


@settings(max_examples=150, deadline=None)
@given(steps)
def test_every_command_has_exactly_one_outcome_whatever_happens(schedule: list[tuple[str, int, int]]) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        with world.ledger:
            for what, one, other in schedule:
                world.do(what, one, other)
            before = outcomes_in(world.ledger)
            assert len(before) == len(set(before))
            world.settle()
            outcomes = outcomes_in(world.ledger)
            assert len(outcomes) == len(set(outcomes))
            assert set(outcomes) == world.commands | world.unreadable
            for number in range(PARTITIONS):
                partition = Partition(TOPIC, number)
                bookmark = world.ledger.bookmark(partition.source)
                assert (bookmark.at if bookmark else 0) == len(world.topic.messages[partition])
