"""Measures commands from a real Kafka to committed events on PostgreSQL: how many, how soon, in how much memory.

    python bench/through_kafka.py                      # prints a table, writes bench/through_kafka.json
    python bench/through_kafka.py --backlog 1000000    # the memory over a backlog as long as is aimed at

Mixed commands of several accounts go through `merge-ledger worker consume`, one of them and two,
against one ledger that is fed the same commands from memory, and against the stock eventsourcing
library, which saves once a command. Then commands come at 100 a second, and each is timed until its
result is read from the results topic, against a message that goes through Kafka alone. Then one
worker carries out a backlog, and its memory is looked at as it goes on.
"""

import statistics
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from uuid import UUID

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from bench.measuring import Measured, Sizes, compared, rate, run, seconds
from bench.pipeline import PARTITIONS, TIMEOUT_S, Pipeline, broker
from bench.places import POSTGRESQL, Place, ledger_in
from bench.sides import Stock, carry_out, execute, traffic
from consumers import topics
from consumers.kafka.client import client_config
from consumers.kafka.settings import KafkaSettings
from domain.language.commands import AnyCommand

SIZES = (
    Sizes("turns", 4, 1, "turns of each side"),
    Sizes("rounds", 1_000, 20, "rounds of ten commands a turn; the library does a tenth"),
    Sizes("seconds", 30, 2, "seconds of commands at 100 a second"),
    Sizes("backlog", 200_000, 2_000, "commands in the backlog"),
    Sizes("first", 50_000, 1_000, "commands after which the memory must not grow"),
)
ACCOUNTS = 4  # A record's commands are those of its account, which all go to one partition.
A_SECOND = 100
WARM_ROUNDS = 50
Sent = tuple[int, AnyCommand]  # With its partition.


def mixed(begin: int, rounds: int) -> Iterator[Sent]:
    """Mix the traffic of all accounts: rounds of ten commands, in turn."""
    each = [traffic(begin, rounds // ACCOUNTS) for _ in range(ACCOUNTS)]
    for commands in zip(*each, strict=True):
        for number, command in enumerate(commands):
            yield number % PARTITIONS, msgspec.structs.replace(command, account=f"account-{number}")


def measure(at: Place, options: Namespace) -> list[Measured]:
    """Measure all that is asked of Kafka."""
    with broker() as settings:

        def pipeline(name: str) -> Pipeline:
            return Pipeline(settings, at.database(), name)

        with pipeline("one") as one, pipeline("two") as two:
            rows, by_two, sent = throughput(at, one, two, options)
            rows.append(publishing(at, two, sent, by_two))
        with pipeline("soon") as soon:
            rows += latency(at, soon, options)
        with pipeline("long") as long:
            rows += memory(at, long, options)
    return rows


def throughput(at: Place, one: Pipeline, two: Pipeline, options: Namespace) -> tuple[list[Measured], list[float], int]:
    """Let one worker, two workers, a ledger fed from memory and the stock library take turns.

    Returns the rows, the rates of two workers, and how many commands went through each pipeline.
    """
    one.start_consuming(1)
    two.start_consuming(2)
    stock = Stock(env=at.stock())
    ids: dict[str, UUID] = {}
    by_one: list[float] = []
    by_two: list[float] = []
    from_memory: list[float] = []
    by_stock: list[float] = []
    sent = 0
    rounds, fewer = options.rounds, options.rounds // 10
    with ledger_in(at) as ledger:
        for turn in range(options.turns + 1):
            begin = turn * rounds // ACCOUNTS
            commands = [command for _, command in mixed(begin, rounds)]
            sent += len(commands)
            from_memory.append(rate(partial(execute, ledger, commands)))
            for pipeline, rates in ((one, by_one), (two, by_two)):
                pipeline.send(mixed(begin, rounds))
                rates.append(len(commands) / seconds(pipeline.wait))
            by_stock.append(rate(partial(carry_out, stock, ids, [*traffic(turn * fewer, fewer)])))
    stock.close()
    for pipeline in (one, two):
        check(pipeline, sent)
    rows = []
    for what, rates in (("1 worker", by_one), ("2 workers", by_two)):  # The first turn warms up.
        for against, theirs, aim in (
            ("one ledger fed from memory", from_memory, 0.7),
            ("the stock library", by_stock, 8.0),
        ):
            title = f"commands from Kafka, {what}, to {against}"
            rows.append(compared(at, title, rates[1:], theirs[1:], unit="commands/s", aim=aim))
    return rows, by_two[1:], sent


def publishing(at: Place, pipeline: Pipeline, sent: int, by_two: list[float]) -> Measured:
    """Let one publisher write all that two workers have done, and compare their rates."""
    pipeline.start_publishing()
    rate_of_publisher = sent / seconds(pipeline.wait_published)
    title = "publishing by 1 publisher, to what 2 workers carry out"
    return compared(at, title, [rate_of_publisher], by_two, unit="commands/s", aim=1.0)


def check(pipeline: Pipeline, sent: int) -> None:
    """Make sure, by the workers' own figures, that every command was applied; they count after the commit."""
    give_up_at = time.monotonic() + 5
    while (told := pipeline.figures()).get('commands_total{status="applied",code=""}') != sent:
        if time.monotonic() > give_up_at:
            msg = f"not {sent} commands were applied; the workers tell {told}"
            raise RuntimeError(msg)
        time.sleep(0.1)


def latency(at: Place, pipeline: Pipeline, options: Namespace) -> list[Measured]:
    """Time commands that come at 100 a second, each until its result is read."""
    pipeline.start_consuming(1)
    pipeline.start_publishing()
    rounds = options.seconds * A_SECOND // 10
    warm, timed = min(rounds, WARM_ROUNDS) + ACCOUNTS, rounds + ACCOUNTS
    results = [pipeline.prefix + topics.RESULTS]
    with closing(Timed(pipeline.settings, pipeline.prefix + topics.COMMANDS, results)) as through:
        through.time([*mixed(0, warm)])
        ours = through.time([*mixed(warm // ACCOUNTS, timed)])
    # What Kafka alone takes: the same commands, read from a topic that nobody works on.
    alone = pipeline.prefix + topics.DEAD_LETTERS
    with closing(Timed(pipeline.settings, alone, [alone])) as through:
        through.time([*mixed(0, warm)])
        theirs = through.time([*mixed(warm // ACCOUNTS, timed)])
    return [
        compared(
            at,
            f"{name} from command to result at {A_SECOND}/s, to one message through Kafka",
            [hundredth(ours, nth)],
            [hundredth(theirs, nth)],
            unit="ms",
            aim=None,
            at_most=True,
        )
        for name, nth in (("p50", 50), ("p99", 99))
    ]


def hundredth(times: list[float], nth: int) -> float:
    """Find the time that so many of a hundred stay within, in milliseconds."""
    return statistics.quantiles(times, n=100)[nth - 1] * 1000


class Timed:
    """Sends commands one by one, evenly, and reads topics for what comes of them."""

    def __init__(self, settings: KafkaSettings, topic: str, answers: list[str]) -> None:
        """Read from the end of the topics of answers."""
        self._topic = topic
        self._producer = KafkaProducer(**client_config(settings), acks="all")
        self._reader = KafkaConsumer(**client_config(settings), enable_auto_commit=False, auto_offset_reset="latest")
        partitions = [TopicPartition(name, number) for name in answers for number in range(PARTITIONS)]
        self._reader.assign(partitions)
        self._reader.seek_to_end(*partitions)
        for one in partitions:
            self._reader.position(one)  # Only now it is known where the end is.

    def time(self, commands: list[Sent]) -> list[float]:
        """Tell for each command how many seconds passed until its answer was read."""
        sent: dict[str, float] = {}
        came: dict[str, float] = {}

        def send() -> None:
            begin = time.perf_counter()
            for nth, (partition, command) in enumerate(commands):
                time.sleep(max(0.0, begin + nth / A_SECOND - time.perf_counter()))
                sent[f"{command.account} {command.command_id}"] = time.perf_counter()
                self._producer.send(
                    self._topic, msgspec.json.encode(command), command.account.encode(), partition=partition
                )

        sender = threading.Thread(target=send)
        sender.start()
        give_up_at = time.perf_counter() + len(commands) / A_SECOND + TIMEOUT_S
        while len(came) < len(commands):
            for records in self._reader.poll(timeout_ms=100).values():
                now = time.perf_counter()
                for record in records:
                    told = msgspec.json.decode(record.value, type=Answer)
                    came.setdefault(f"{told.account} {told.command_id}", now)
            if time.perf_counter() > give_up_at:
                msg = f"{len(commands) - len(came)} commands were not answered"
                raise RuntimeError(msg)
        sender.join()
        return [came[one] - at for one, at in sent.items()]

    def close(self) -> None:
        """Let go."""
        self._producer.close()
        self._reader.close()


class Answer(msgspec.Struct):
    """Whose answer a message is; a command that is read as it was sent tells the same."""

    account: str
    command_id: str


def memory(at: Place, pipeline: Pipeline, options: Namespace) -> list[Measured]:
    """Let one worker carry out a backlog, and look at its memory."""
    count = pipeline.send(islice(mixed(0, options.backlog), options.backlog))
    worker = pipeline.start("consume")
    samples: list[tuple[int, float]] = []
    pipeline.wait(lambda done: samples.append((done, worker.memory())))
    check(pipeline, count)

    def most(begin: float, end: float) -> float:
        return max(used for done, used in samples if begin <= done <= end)

    before, after = most(options.first * 0.5, options.first * 1.2), most(count * 0.8, count + PARTITIONS)
    what = f"memory of the consuming worker after {count:,} commands, to {options.first:,}"
    return [compared(at, what, [after], [before], unit="MiB", aim=1.05, at_most=True)]


def main(arguments: list[str] | None = None) -> list[Measured]:
    """Measure, print and write down."""
    return run(__file__, "From Kafka to events and results.", SIZES, measure, arguments, stores=(POSTGRESQL,))


if __name__ == "__main__":
    main(sys.argv[1:])
