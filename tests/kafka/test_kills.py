"""Layer: tests. Workers are killed at random under load: every command has its effect once all the same."""

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.process import BaseProcess

import pytest

from consumers.kafka.settings import KafkaSettings
from consumers.kafka.sink import KafkaSink
from domain.language import events as e
from ledger.ledger import Ledger
from ledger.opening import open_ledger
from tests.kafka.killed_worker import work
from tests.kafka.working import make_topic, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

KILLS, ACCOUNTS, SEED = 200, 6, 20261123


class Load:
    """Commands of several accounts, some of them sent again and again."""

    def __init__(self) -> None:
        self.random = random.Random(SEED)  # noqa: S311  no secret
        self.numbers: Counter[str] = Counter()
        self.sent: list[tuple[str, bytes]] = []
        self.commands: set[str] = set()
        self.messages = 0

    def some(self, count: int) -> Iterator[tuple[str, bytes]]:
        """Make up messages: records, merges of any two that were made, and repeats."""
        for _ in range(count):
            self.messages += 1
            if self.sent and self.random.random() < 0.25:
                yield self.random.choice(self.sent)
                continue
            account = f"account-{self.random.randrange(ACCOUNTS)}"
            self.numbers[account] += 1
            number = self.numbers[account]
            if number % 3:
                body = f'"type":"create_record","object_type":"contacts","record_id":"{number}"'
            else:
                one, other = self.random.randrange(1, number), self.random.randrange(1, number)
                body = (
                    f'"type":"merge_records","object_type":"contacts","primary_id":"{one}",'
                    f'"secondary_id":"{other}","result_id":"m{number}"'
                )
            value = f'{{"command_id":"c-{number}","account":"{account}",{body}}}'.encode()
            self.commands.add(f"{account}/commands/c-{number}")
            self.sent.append((account, value))
            yield account, value


def test_every_command_has_one_outcome_and_merges_stay_a_forest_through_200_kills(
    settings: KafkaSettings, topic: str, postgres_url: str
) -> None:
    make_topic(settings, topic, partitions=4)
    load, chance = Load(), random.Random(SEED)  # noqa: S311
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.kafka.killed_worker", "ledger.store.postgres.store"])
    workers: list[BaseProcess] = []

    def start(nth: int) -> BaseProcess:
        process = forks.Process(
            target=work, args=(settings.bootstrap[0], topic, postgres_url, f"worker-{nth}"), daemon=True
        )
        process.start()
        return process

    heads = []
    with closing(KafkaSink(settings)) as sink, open_ledger(postgres_url, create=False) as ledger:
        workers += [start(0), start(1)]
        try:
            for _ in range(KILLS):
                for account, value in load.some(100):
                    sink.send(topic, account.encode(), value, ())
                time.sleep(chance.uniform(0.1, 1.2))
                nth = chance.randrange(2)
                workers[nth].kill()
                workers[nth].join()
                workers[nth].close()
                workers[nth] = start(nth)
                heads.append(ledger.head())
            sink.settle()
            wait_until(lambda: read(ledger, topic) == load.messages, 240)
        finally:
            for process in workers:
                process.kill()
                process.join()
        assert len(set(heads)) > KILLS / 4, "the load was over too early, or hardly anyone ever worked"
        check(ledger, load)


def read(ledger: Ledger, topic: str) -> int:
    """Count the messages that were carried out, as the bookmarks tell."""
    found = [ledger.bookmark(f"{topic}/{number}") for number in range(4)]
    return sum(bookmark.at for bookmark in found if bookmark)


def check(ledger: Ledger, load: Load) -> None:
    """Hold the log to the laws."""
    stored = ledger.read(0, 10_000_000)
    assert [one.position for one in stored] == list(range(1, len(stored) + 1))
    outcomes = Counter(one.stream for one in stored if one.stream.split("/")[1] == "commands")
    assert outcomes.keys() == load.commands
    assert set(outcomes.values()) == {1}
    merges = [(one.stream, ledger.decode(one)) for one in stored if one.type == e.RecordsMerged.EVENT_TYPE]
    assert len(merges) > 100
    into: dict[str, str] = {}
    for result, merged in merges:
        assert isinstance(merged, e.RecordsMerged)
        prefix = result.rsplit("/", 1)[0]
        for side in (merged.primary_id, merged.secondary_id):
            assert into.setdefault(f"{prefix}/{side}", result) == result
    away = Counter(one.stream for one in stored if one.type == e.MergedAway.EVENT_TYPE)
    assert away == Counter(dict.fromkeys(into, 1))
    for start in into:
        seen, at = {start}, start
        while at in into:
            at = into[at]
            assert at not in seen
            seen.add(at)
