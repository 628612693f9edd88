"""Layer: tests. No message, whatever its bytes, ends a process: through a real broker, with batches made by hand."""

import random
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from consumers import topics
from consumers.kafka.admin import KafkaAdmin
from consumers.kafka.records import RECORD_BYTES_MAX
from consumers.kafka.settings import KafkaSettings
from consumers.kafka.sink import KafkaSink
from consumers.publisher.publisher import Publisher
from consumers.source import Partition
from deploy.kafka.broker import Broker
from ledger.ledger import Ledger
from tests.consumers.feeding import create
from tests.kafka.raw import CODECS, Refused, batch, body, nullable, produce, spoil, varint
from tests.kafka.working import cli, make_topic, outcomes, read_all, wait_until, worker_running

pytestmark = pytest.mark.kafka
STRUCTURED = (b"content-type", b"application/cloudevents+json")
BROKEN_UTF8 = b"\xff\xfe"


@pytest.fixture
def own(broker: Broker) -> KafkaSettings:
    """The broker that was started here, whose files are ours."""
    return KafkaSettings(bootstrap=(broker.addresses["plaintext"],))


@pytest.fixture
def data(broker: Broker) -> Path:
    return broker.folder / "data"


def unreadable(ledger: Ledger) -> dict[int, str]:
    """List what was not read: its offset, and the code."""
    found = {}
    for stored in ledger.read(0, 100_000):
        if stored.type == "command.unreadable.v1":
            event = msgspec.json.decode(stored.data)
            found[event["offset"]] = event["code"]
    return found


def publish_all(settings: KafkaSettings, ledger: Ledger, prefix: str) -> list[dict[str, object]]:
    """Publish the ledger, and give the dead letters as `dlq list` has them."""
    for name in (topics.RESULTS, topics.EVENTS, topics.STATE, topics.ID_MAP, topics.DEAD_LETTERS):
        make_topic(settings, prefix + name, max_message_bytes="3000000")
    with closing(KafkaAdmin(settings)) as admin:
        publisher = Publisher(ledger, lambda: KafkaSink(settings), admin, "one", topic_prefix=prefix)
        while publisher.step():
            pass
    code, out, talk = cli(
        settings, ledger.store.location, "-o", "json", "dlq", "list", MERGE_LEDGER_KAFKA_TOPIC_PREFIX=prefix
    )
    assert (code, "Traceback" in talk) == (0, False), talk
    letters: list[dict[str, object]] = msgspec.json.decode(out)["results"]
    return letters


def test_null_and_broken_headers_keys_and_values_stop_nobody(
    settings: KafkaSettings, topic: str, ledger: Ledger
) -> None:
    make_topic(settings, topic)
    records = [
        body(0, b"main", create(1), [(b"content-type", None), (b"ce_id", None), (b"ce_specversion", None)]),
        body(1, b"main", b"{no", [(b"trace", None), (BROKEN_UTF8, b"x")]),
        body(2, BROKEN_UTF8, create(2), [(BROKEN_UTF8, BROKEN_UTF8), (b"", b"")]),
        body(3, None, b"{no", [(BROKEN_UTF8, None)]),
        body(4, None, None),
        body(5, b"", b"", [STRUCTURED]),
    ]
    produce(settings, Partition(topic, 0), batch(records))
    with worker_running(settings, topic, ledger) as working:
        wait_until(lambda: len(outcomes(ledger)) == 6)
        wait_until(lambda: working.meter.not_ready() == [])  # The group answers after the first messages.
    assert unreadable(ledger).keys() == {1, 3, 4, 5}
    letters = publish_all(settings, ledger, f"{topic}.")
    assert [(one["original_offset"], one["size_bytes"]) for one in letters] == [(1, 3), (3, 3), (4, 0), (5, 0)]
    sent = [dict(message.headers) for _, message in read_all(settings, f"{topic}.{topics.DEAD_LETTERS}")]
    assert ("trace" in sent[0], sent[0]["\\xff\\xfe"]) == (False, b"x")


def test_a_record_whose_parts_cannot_be_told_apart_is_unreadable_and_its_neighbours_are_carried_out(
    own: KafkaSettings, data: Path, topic: str, ledger: Ledger
) -> None:
    make_topic(own, topic)
    whole = body(1, b"main", b"{}", [(b"abcde", None)])
    damaged = whole.replace(nullable(b"abcde"), varint(-5) + b"abcde")
    written = [batch([body(0, b"main", create(1)), record, body(2, b"main", create(2))]) for record in (whole, damaged)]
    produce(own, Partition(topic, 0), written[0])
    spoil(data, Partition(topic, 0), *written)
    with worker_running(own, topic, ledger):
        wait_until(lambda: len(outcomes(ledger)) == 3)
    assert unreadable(ledger) == {1: "DAMAGED_MESSAGE"}
    (letter,) = publish_all(own, ledger, f"{topic}.")
    assert (letter["size_bytes"], "the whole record" in str(letter["missing"])) == (len(damaged), True)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("before", [0, 1])
def test_what_cannot_be_decoded_halts_the_partition_until_a_person_steps_over_it(  # noqa: PLR0913, PLR0917  fixtures
    codec: str, before: int, own: KafkaSettings, data: Path, topic: str, ledger: Ledger
) -> None:
    make_topic(own, topic, partitions=2)
    place = Partition(topic, 0)
    for number in range(before):
        produce(own, place, batch([body(0, b"main", create(number))]))
    written = batch([body(nth, b"main", create(30 + nth) + b" " * 99) for nth in range(3)], codec)
    begin = produce(own, place, written)
    spoil(data, place, written, written[:70] + bytes(255 - byte for byte in written[70:]))
    produce(own, place, batch([body(0, b"main", create(10))]))
    with worker_running(own, topic, ledger) as working:
        wait_until(lambda: any(f"offsets {begin} to {begin + 2} cannot" in why for why in working.meter.not_ready()))
        produce(own, Partition(topic, 1), batch([body(0, b"main", create(20))]))
        wait_until(lambda: "main/commands/create-20" in outcomes(ledger))
        moving_on = "worker", "resume", place.source, "--reason", "agreed", "--actor", "ann", "--yes"
        code, _, told = cli(own, ledger.store.location, *moving_on, "--from", f"{begin + 1}")
        assert (code, f"expected an existing offset, {begin + 3} to {begin + 4}" in told) == (2, True), told
        code, out, told = cli(own, ledger.store.location, *moving_on, "--from", "earliest")
        assert (code, f"offsets {begin} to {begin + 2} cannot be decoded" in told) == (0, True), told
        assert msgspec.json.decode(out)["position"] is not None
        wait_until(lambda: "main/commands/create-10" in outcomes(ledger))
        wait_until(lambda: working.meter.not_ready() == [])
    code, _, told = cli(own, ledger.store.location, *moving_on, "--from", "latest")
    assert (code, "is not halted" in told) == (3, True)


def test_a_record_that_is_too_large_is_unreadable_and_never_held(
    settings: KafkaSettings, topic: str, ledger: Ledger
) -> None:
    make_topic(settings, topic)
    records = [body(0, b"main", b" " * (RECORD_BYTES_MAX + 1)), body(1, b"main", create(1))]
    produce(settings, Partition(topic, 0), batch(records, "zstd"))
    with worker_running(settings, topic, ledger):
        wait_until(lambda: len(outcomes(ledger)) == 2)
    assert unreadable(ledger) == {0: "TOO_LARGE"}
    (letter,) = publish_all(settings, ledger, f"{topic}.")
    assert "longer than 2,097,152 bytes" in str(letter["missing"])


def test_random_bytes_stop_nobody(settings: KafkaSettings, topic: str, ledger: Ledger) -> None:
    fuzz(settings, topic, ledger, batches=60)


@pytest.mark.slow
def test_many_random_bytes_stop_nobody(settings: KafkaSettings, topic: str, ledger: Ledger) -> None:
    fuzz(settings, topic, ledger, batches=3_000)


def fuzz(settings: KafkaSettings, topic: str, ledger: Ledger, batches: int) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")  # noqa: T201  with it a failure is seen again
    chance = random.Random(seed)  # noqa: S311  no secret
    make_topic(settings, topic)
    place, refused, stored = Partition(topic, 0), 0, 0
    for _ in range(batches):
        try:
            produce(settings, place, random_batch(chance))
            stored += 1
        except Refused:
            refused += 1
    end = produce(settings, place, batch([body(0, b"main", create(1))])) + 1
    assert stored > refused > 0
    halts = 0
    with worker_running(settings, topic, ledger) as working:
        deadline = time.monotonic() + 60 + batches
        while (bookmark := ledger.bookmark(place.source)) is None or bookmark.at < end:
            assert time.monotonic() < deadline
            if any("cannot be decoded" in why for why in working.meter.not_ready()):
                halts += step_over(settings, ledger, place)
            time.sleep(0.1)
        wait_until(lambda: working.meter.not_ready() == [])
    assert "main/commands/create-1" in outcomes(ledger)
    print(stored, refused, halts, Counter(unreadable(ledger).values()))  # noqa: T201
    publish_all(settings, ledger, f"{topic}.")


def step_over(settings: KafkaSettings, ledger: Ledger, place: Partition) -> bool:
    """Say as a person would where it goes on; false where the worker was quicker."""
    arguments = "--from", "earliest", "--reason", "a test", "--actor", "ann", "--yes"
    code, _, told = cli(settings, ledger.store.location, "worker", "resume", place.source, *arguments)
    assert code in {0, 3}, told
    return code == 0


def random_batch(chance: random.Random) -> bytes:
    """Make a batch of random records: most are well-formed, some bytes are turned, some batches are not packed."""
    codec = chance.choice(CODECS)
    bodies = [random_record(chance, nth) for nth in range(chance.randrange(1, 6))]
    match chance.randrange(8):
        case 0:
            return batch(bodies, codec, packed=chance.randbytes(chance.randrange(60)))
        case 1 | 2:
            spoilt = bytearray(chance.choice(bodies))
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
            bodies[chance.randrange(len(bodies))] = bytes(spoilt)
    return batch(bodies, codec)


def test_records_of_one_offset_halt_the_partition(settings: KafkaSettings, topic: str, ledger: Ledger) -> None:
    make_topic(settings, topic)
    produce(settings, Partition(topic, 0), batch([body(nth, b"main", create(nth)) for nth in (0, 1, 1, 3)]))
    with worker_running(settings, topic, ledger) as working:
        wait_until(lambda: any("offsets 2 to 3 cannot be decoded" in why for why in working.meter.not_ready()))
    assert outcomes(ledger) == ["main/commands/create-0", "main/commands/create-1"]


def random_record(chance: random.Random, nth: int) -> bytes:
    names = [b"content-type", b"ce_id", b"ce_specversion", b"position", b"dlt-event-id", b"dlt-original-offset"]
    contents = [b"application/cloudevents+json", b"1.0", b"x", b'{"type":"create_record"}', create(7), b"[]"]

    def some(known: list[bytes]) -> bytes | None:
        pick = chance.randrange(4)
        return None if pick == 0 else chance.choice(known) if pick < 3 else chance.randbytes(chance.randrange(40))

    headers = [(some(names) or b"", some(contents)) for _ in range(chance.randrange(5))]
    return body(nth, some([b"main"]), some(contents), headers)
