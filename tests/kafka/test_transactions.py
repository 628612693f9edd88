"""Layer: tests. What transactions leave in a topic is no lag, and nothing that could be lost."""

from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from consumers.kafka.settings import KafkaSettings
from consumers.worker.worker import Worker
from ledger.ledger import Ledger
from tests.consumers.feeding import create
from tests.kafka.working import make_topic, outcomes, wait_until, worker_running

pytestmark = pytest.mark.kafka


@pytest.fixture
def producer(settings: KafkaSettings, topic: str) -> Iterator[KafkaProducer]:
    """A producer with transactions, as others have it."""
    made = KafkaProducer(bootstrap_servers=list(settings.bootstrap), transactional_id=topic)
    made.init_transactions()
    yield made
    made.close()


def send(producer: KafkaProducer, topic: str, number: int, *, is_committed: bool = True) -> None:
    producer.begin_transaction()
    producer.send(topic, key=b"main", value=create(number))
    producer.flush()
    if is_committed:
        producer.commit_transaction()
    else:
        producer.abort_transaction()


def has_caught_up(working: Worker, end: int) -> bool:
    return [(one.position, one.end, one.lag_records) for one in working.meter.partitions] == [(end, end, 0)]


def test_markers_and_aborted_transactions_are_no_lag(
    settings: KafkaSettings, topic: str, ledger: Ledger, producer: KafkaProducer
) -> None:
    make_topic(settings, topic)
    with worker_running(settings, topic, ledger) as working:
        send(producer, topic, 1)
        wait_until(lambda: has_caught_up(working, 2))
        send(producer, topic, 2, is_committed=False)
        wait_until(lambda: has_caught_up(working, 4))
        send(producer, topic, 3)
        wait_until(lambda: has_caught_up(working, 6))
    assert outcomes(ledger) == ["main/commands/create-1", "main/commands/create-3"]
    bookmark = ledger.bookmark(f"{topic}/0")
    assert (bookmark and bookmark.at) == 6


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_log_that_is_emptied_up_to_a_marker_lost_nothing(
    is_committed: bool,  # noqa: FBT001  a parameter of the test
    settings: KafkaSettings,
    topic: str,
    ledger: Ledger,
    producer: KafkaProducer,
) -> None:
    make_topic(settings, topic)
    send(producer, topic, 1)
    send(producer, topic, 2, is_committed=is_committed)
    with worker_running(settings, topic, ledger) as working:
        wait_until(lambda: has_caught_up(working, 4))
    admin = KafkaAdminClient(bootstrap_servers=list(settings.bootstrap))
    admin.delete_records({TopicPartition(topic, 0): 4})
    admin.close()
    with worker_running(settings, topic, ledger) as working:
        send(producer, topic, 3)
        wait_until(lambda: outcomes(ledger)[-1] == "main/commands/create-3")
        wait_until(lambda: working.meter.not_ready() == [])
