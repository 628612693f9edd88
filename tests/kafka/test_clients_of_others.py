"""Layer: tests. Commands from librdkafka, the client under most others than Java's, as people set it up or leave it."""

import pytest
from confluent_kafka import Producer

from consumers.kafka.settings import KafkaSettings
from ledger.ledger import Ledger
from tests.consumers.feeding import create, merge
from tests.kafka.working import make_topic, outcomes, read_all, wait_until, worker_running

pytestmark = pytest.mark.kafka

TIMEOUT_S = 30


def producer(settings: KafkaSettings, **options: str) -> Producer:
    named = {name.replace("_", "."): value for name, value in options.items()}
    return Producer({"bootstrap.servers": ",".join(settings.bootstrap), **named})


def of_account(account: str, command: bytes) -> bytes:
    return command[:-1] + b',"account":"' + account.encode() + b'"}'


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_commands_in_a_batch_of_any_codec_are_carried_out(
    settings: KafkaSettings, topic: str, ledger: Ledger, codec: str
) -> None:
    make_topic(settings, topic)
    sending = producer(settings, compression_type=codec, linger_ms="50")
    for number in range(100):
        sending.produce(topic, create(number), key=b"main")
    sending.produce(topic, merge(1, 2), key=b"main")
    assert sending.flush(TIMEOUT_S) == 0
    with worker_running(settings, topic, ledger):
        wait_until(lambda: len(outcomes(ledger)) == 101)
    assert ledger.decode(ledger.read(ledger.head() - 1, 1)[0]).EVENT_TYPE == "command.applied.v1"


def test_commands_of_a_transaction_are_carried_out_when_it_is_committed_and_never_when_it_is_aborted(
    settings: KafkaSettings, topic: str, ledger: Ledger
) -> None:
    make_topic(settings, topic)
    sending = producer(settings, transactional_id=f"upstream-{topic}")
    sending.init_transactions(TIMEOUT_S)
    with worker_running(settings, topic, ledger):
        for numbers, end in (
            (range(3), sending.commit_transaction),
            (range(3, 6), sending.abort_transaction),
            (range(6, 9), sending.commit_transaction),
        ):
            sending.begin_transaction()
            for number in numbers:
                sending.produce(topic, create(number), key=b"main")
            assert sending.flush(TIMEOUT_S) == 0
            end(TIMEOUT_S)
        wait_until(lambda: len(outcomes(ledger)) >= 6)
    assert outcomes(ledger) == [f"main/commands/create-{number}" for number in (0, 1, 2, 6, 7, 8)]


def test_accounts_that_the_default_partitioner_spreads_are_carried_out_each_in_its_order(
    settings: KafkaSettings, topic: str, ledger: Ledger
) -> None:
    """It hashes keys with CRC32, and so chooses other partitions than murmur2 would; one per key all the same."""
    accounts = [f"account-{number}" for number in range(8)]
    make_topic(settings, topic, partitions=4)
    sending = producer(settings)
    for account in accounts:
        for command in (create(1), create(2), merge(1, 2)):
            sending.produce(topic, of_account(account, command), key=account.encode())
    assert sending.flush(TIMEOUT_S) == 0
    partitions = {(message.key, place.number) for place, message in read_all(settings, topic)}
    assert len(partitions) == len(accounts)
    assert len({number for _, number in partitions}) > 1
    with worker_running(settings, topic, ledger):
        wait_until(lambda: len(outcomes(ledger)) == 24)
    for account in accounts:
        told = [name.split("/")[2] for name in outcomes(ledger) if name.startswith(f"{account}/")]
        assert told == ["create-1", "create-2", "merge-1-2"]
    ends = {stored.type for stored in ledger.read(0, 1_000) if stored.stream.split("/")[1] == "commands"}
    assert ends == {"command.applied.v1"}
