"""Layer: tests. What is published follows from the log, whatever happens to who publishes it."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from consumers import topics
from consumers.publisher.pages import Published
from consumers.publisher.publisher import NAME, LeaseLost, Publisher
from consumers.publisher.set_aside import LETTER_BYTES_MAX
from consumers.source import Message, TooLarge
from domain.intake.reading import Unreadable
from domain.language.commands import Envelope
from ledger.ledger import Ledger
from ledger.opening import open_ledger
from ledger.store.port import Move, StoredEvent
from projections.opening import read_store
from projections.reading import open_reader
from projections.running.runner import Projector
from tests.builders import ANN, ANNE, create
from tests.conftest import Demonstrated
from tests.consumers.topic_in_memory import MemoryBroker, MemorySink

SOURCE = "merge.commands.v1/0"
ACCOUNTS = ("main", "bluebird")


@pytest.fixture
def db(demonstrated: Demonstrated, tmp_path: Path) -> str:
    """A copy of the demo's ledger: a year of two accounts."""
    shutil.copy(demonstrated.folder / "merge-ledger-demo.db", tmp_path / "ledger.db")
    return str(tmp_path / "ledger.db")


@pytest.fixture
def ledger(db: str) -> Iterator[Ledger]:
    with open_ledger(db, create=False) as opened:
        yield opened


def publisher(ledger: Ledger, broker: MemoryBroker, holder: str = "one", page_events: int = 500) -> Publisher:
    return Publisher(ledger, broker.sink, broker, holder, page_events=page_events)


def publish_all(working: Publisher) -> None:
    while working.step():
        pass


def projected(db: str, ledger: Ledger) -> tuple[dict[str, Any], dict[str, str]]:
    """Read from the projections what a newcomer builds from the topics."""
    states: dict[str, Any] = {}
    ids: dict[str, str] = {}
    with closing(read_store(db)) as store:
        Projector(ledger, store).catch_up()
        for stored in ledger.read(0, 1_000_000):
            account, kind, *key = stored.stream.split("/")
            if kind != "records" or stored.version != 1:
                continue
            object_type, record_id = key
            with open_reader(store, ledger, account) as reader:
                name = f"{account}/{object_type}/{record_id}"
                (found,) = reader.resolve(object_type, [record_id])
                if found.status == "merged_away":
                    ids[name] = str(found.current_id)
                else:
                    states[name] = reader.record(object_type, record_id)
    return states, ids


def test_a_newcomer_builds_the_id_map_and_every_record_from_topics_alone(db: str, ledger: Ledger) -> None:
    broker = MemoryBroker()
    publish_all(publisher(ledger, broker))
    records, ids = projected(db, ledger)
    assert len(ids) > 100
    assert {key: one["current_id"] for key, one in broker.compacted(topics.ID_MAP).items()} == ids
    states = broker.compacted(topics.STATE)
    current = {key: one for key, one in states.items() if one["status"] != "merged_away"}
    assert current.keys() == records.keys()
    assert states.keys() == records.keys() | ids.keys()
    computed = {"hs_object_id", "hs_merged_object_ids", "hs_additional_emails", "hs_additional_domains"}
    for key, record in records.items():
        shown = {name: v for name, v in record.properties.items() if name not in computed}
        state = current[key]
        assert {name: value["value"] for name, value in state.get("properties", {}).items()} == shown, key
        assert (state["status"], state["version"]) == (record.status, record.version)
        assert sorted(state.get("segments", [])) == sorted(record.segments.static)
        assert sorted(state.get("workflows", [])) == sorted(record.workflows)
        assert (state.get("sync", {}), state.get("sync_ids", {})) == (record.sync, record.sync_ids)
        assert state.get("merge_count", 0) == record.merge_count


def test_every_merge_is_told_once_with_all_ids_that_lead_to_it(ledger: Ledger) -> None:
    broker = MemoryBroker()
    publish_all(publisher(ledger, broker))
    merges = broker.values(topics.EVENTS)
    assert len(merges) == sum(stored.type == "record.merged.v1" for stored in ledger.read(0, 1_000_000))
    below: dict[tuple[str, str, str], set[str]] = {}
    for merge in merges:
        account, object_type = merge["account"], merge["object_type"]
        expected = {merge["primary_id"], merge["secondary_id"]}
        for side in ("primary_id", "secondary_id"):
            expected |= below.get((account, object_type, merge[side]), set())
        assert set(merge["merged_ids"]) == expected
        assert len(merge["merged_ids"]) == len(expected)
        below[account, object_type, merge["result_id"]] = expected
    decided = [one for merge in merges for one in merge["decisions"]]
    assert {"property", "value", "from", "rule", "rule_name", "chosen_by_user", "primary", "secondary"} == set(
        decided[0]
    )


@pytest.mark.parametrize("page_events", [7, 100_000], ids=["by short pages", "in one page"])
def test_a_merge_is_told_as_the_projections_show_it(db: str, ledger: Ledger, page_events: int) -> None:
    broker = MemoryBroker()
    publish_all(publisher(ledger, broker, page_events=page_events))
    told = broker.values(topics.EVENTS)
    assert any(one["effects"]["identifiers"]["emails"]["additional"] for one in told)
    assert any(one["effects"]["playbooks"]["kept"] for one in told)
    with closing(read_store(db)) as store:
        Projector(ledger, store).catch_up()
        for merge in told:
            with open_reader(store, ledger, merge["account"]) as reader:
                shown = msgspec.json.decode(msgspec.json.encode(reader.merge(merge["merge_id"])))
            del shown["effects"]["associations"]["attributes_lost"]  # Only the read model knows it.
            assert merge == shown


def test_every_outcome_is_told_once_in_order_under_its_account(ledger: Ledger) -> None:
    broker = MemoryBroker()
    publish_all(publisher(ledger, broker))
    told = broker.values(topics.RESULTS)
    stored = [one.position for one in ledger.read(0, 1_000_000) if one.type.startswith("command.")]
    assert [one["position"] for one in told] == stored
    assert {(key or b"").decode() for key, _, _ in broker.topics[topics.RESULTS]} == {one["account"] for one in told}


def test_messages_are_cloudevents_with_the_position(ledger: Ledger) -> None:
    broker = MemoryBroker()
    publish_all(publisher(ledger, broker))
    for topic, sent in broker.topics.items():
        ids = [headers["ce_id"] for _, _, headers in sent]
        assert len(ids) == len(set(ids)), topic
        for _, _, headers in sent:
            assert headers["ce_specversion"] == b"1.0"
            assert headers["ce_type"] == topic.encode()
            assert int(headers["position"]) > 0


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example([(900, 1000), (0, 70)])
@given(st.lists(st.tuples(st.integers(0, 900), st.sampled_from([70, 300, 1000])), max_size=6))
def test_a_publisher_that_fails_loses_nothing_and_sends_the_same_again(
    db: str, tmp_path: Path, failures: list[tuple[int, int]]
) -> None:
    copy = tmp_path / "copy.db"
    shutil.copy(db, copy)
    broker, whole = MemoryBroker(), MemoryBroker()
    with open_ledger(str(copy), create=False) as ledger:
        for nth, (after, page_events) in enumerate(failures):
            broker.fails_after = after
            working = publisher(ledger, broker, holder=f"holder-{nth}", page_events=page_events)
            running = iter([True, True, False])
            working.run(lambda running=running: next(running), sleep=lambda _: None)  # type: ignore[misc]
        broker.fails_after = None
        publish_all(publisher(ledger, broker, holder="last"))
    shutil.copy(db, copy)
    with open_ledger(str(copy), create=False) as ledger:
        publish_all(publisher(ledger, whole))
    for topic in (topics.RESULTS, topics.EVENTS):
        assert without_repeats(broker, topic) == without_repeats(whole, topic)
    for topic in (topics.STATE, topics.ID_MAP):
        assert broker.compacted(topic) == whole.compacted(topic)
        values: dict[bytes, set[bytes | None]] = {}
        for _, value, headers in broker.topics[topic]:
            values.setdefault(headers["ce_id"], set()).add(value)
        assert all(len(alike) == 1 for alike in values.values())


def without_repeats(broker: MemoryBroker, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    """Read as a consumer does that remembers the ids it has seen."""
    seen: dict[bytes, tuple[bytes | None, bytes | None]] = {}
    for key, value, headers in broker.topics[topic]:
        told = seen.setdefault(headers["ce_id"], (key, value))
        assert told == (key, value)
    return list(seen.values())


def test_one_publisher_works_and_another_stands_by_until_it_is_gone(ledger: Ledger) -> None:
    broker = MemoryBroker()
    first, second = publisher(ledger, broker, "first"), publisher(ledger, broker, "second")
    assert first.step()
    assert not second.step()
    assert second.meter.not_ready() == []
    assert second.position is None
    first.run(lambda: False)
    assert second.step()
    assert broker.open_sinks == 1


def test_who_lost_the_lease_while_it_slept_sends_nothing_more(ledger: Ledger) -> None:
    broker = MemoryBroker()
    sleeper, other = publisher(ledger, broker, "sleeper"), publisher(ledger, broker, "other")
    assert sleeper.step()
    sleeper._held_until = 0.0  # noqa: SLF001  as after a long pause of the process
    ledger.let_go(NAME, "sleeper")
    assert other.step()
    sent = sum(len(messages) for messages in broker.topics.values())
    with pytest.raises(LeaseLost):
        sleeper._send(sleeper._messages(ledger.read(0, 10)))  # noqa: SLF001
    assert sum(len(messages) for messages in broker.topics.values()) == sent


def test_whoever_stands_by_reports_the_lag_of_what_is_on_the_topics(ledger: Ledger) -> None:
    first, second = publisher(ledger, MemoryBroker(), "first"), publisher(ledger, MemoryBroker(), "second")
    assert first.step()
    assert first.step()  # The first page has arrived; then this publisher is killed, and its lease still runs.
    assert not second.step()
    (gauge,) = second.meter.partitions
    assert (gauge.state, gauge.position, gauge.lag_records) == (
        "standing by",
        first.position,
        ledger.head() - gauge.position,
    )
    assert 0 < gauge.position < ledger.head()


def test_the_next_page_is_read_while_one_is_on_its_way(ledger: Ledger) -> None:
    arrives = Event()

    class SlowSink(MemorySink):
        def settle(self) -> list[TooLarge]:
            assert arrives.wait(10)
            return super().settle()

    broker = MemoryBroker()
    slow = Publisher(ledger, lambda: SlowSink(broker), broker, "slow", page_events=500)
    assert slow.step()
    assert slow.position == 0  # Nothing has arrived, so nothing counts as published.
    read: list[int] = []
    folded = slow._folder.fold  # noqa: SLF001  when it folds is what this is about

    def fold(page: Sequence[StoredEvent]) -> Published:
        read.append(page[0].position)
        arrives.set()
        return folded(page)

    slow._folder.fold = fold  # type: ignore[method-assign]  # noqa: SLF001
    assert slow.step()
    assert read == [slow.position + 1]
    slow.run(lambda: False)


def test_while_publishing_does_not_move_it_is_not_ready_and_waits_longer_each_time(ledger: Ledger) -> None:
    broker = MemoryBroker()
    waits: list[float] = []
    working = publisher(ledger, broker)
    for _ in range(3):
        broker.fails_after = 0
        working._step(waits.append)  # noqa: SLF001
        working._step(waits.append)  # noqa: SLF001
        assert working.meter.not_ready() == ["publishing does not move: the broker went away"]
    broker.fails_after = None
    for _ in range(3):
        working._step(waits.append)  # noqa: SLF001
    assert working.meter.not_ready() == []
    assert waits == [1.0, 2.0, 4.0]


def test_a_message_that_is_too_large_for_its_topic_is_set_aside_and_stops_nothing(tmp_path: Path) -> None:
    broker = MemoryBroker()
    broker.bytes_max[topics.STATE] = 10_000
    with open_ledger(str(tmp_path / "new.db"), create=True) as ledger:
        ledger.execute([Envelope(create(ANN, note="x" * 20_000)), Envelope(create(ANNE, note="short"))])
        working = publisher(ledger, broker)
        publish_all(working)
        assert working.position == ledger.head()
    assert [key for key, _, _ in broker.topics[topics.STATE]] == [b"main/contacts/102"]
    ((key, value, headers),) = broker.topics[topics.DEAD_LETTERS]
    assert (key, value) == (b"main/contacts/101", b"")
    assert headers["dlt-error-code"] == b"TOO_LARGE"
    assert headers["dlt-original-topic"] == topics.STATE.encode()
    assert b"position 1" in headers["dlt-original-missing"]
    assert working.meter.set_aside == {topics.STATE: 1}
    assert 'merge_ledger_messages_set_aside_total{topic="record.state.v1"} 1' in working.meter.text()


def test_a_dead_letter_has_room_for_its_reason_whatever_its_headers_are(tmp_path: Path) -> None:
    broker = MemoryBroker()
    broker.bytes_max[topics.DEAD_LETTERS] = LETTER_BYTES_MAX
    large, small = b"v" * topics.COMMAND_BYTES_MAX, b"{no"
    for offset, (value, header) in enumerate([(large, b"h"), (large, b"h" * 500_000), (small, b"h" * 3_000_000)]):
        broker.originals[offset] = Message(offset, value, b"acme", [("trace", header)], 1_700_000_000_000)
    with open_ledger(str(tmp_path / "new.db"), create=True) as ledger:
        unread = [Unreadable("INVALID_JSON", "not JSON").from_source("main", SOURCE, offset) for offset in range(3)]
        ledger.take(unread, Move(SOURCE, None, 3))
        working = publisher(ledger, broker)
        publish_all(working)
    assert working.meter.set_aside == {}
    whole, without_value, without_headers = broker.topics[topics.DEAD_LETTERS]
    assert whole[1] == large
    assert "dlt-original-missing" not in whole[2]
    assert (without_value[1], len(without_value[2]["trace"])) == (b"", 500_000)
    assert "trace" not in without_headers[2]
    assert all(b"too long" in one[2]["dlt-original-missing"] for one in (without_value, without_headers))
    assert all(one[2]["dlt-error-code"] == b"INVALID_JSON" for one in (whole, without_value, without_headers))


def test_a_dead_letter_that_its_topic_does_not_accept_goes_out_without_its_bytes(tmp_path: Path) -> None:
    broker = MemoryBroker()
    broker.bytes_max[topics.DEAD_LETTERS] = 1_000  # Made by an operator, with a limit of its own.
    broker.originals[0] = Message(0, b"{" * 5_000, None, [("trace", b"h" * 2_000)], 1_700_000_000_000)
    with open_ledger(str(tmp_path / "new.db"), create=True) as ledger:
        ledger.take([Unreadable("INVALID_JSON", "not JSON").from_source("main", SOURCE, 0)], Move(SOURCE, None, 1))
        publish_all(publisher(ledger, broker))
    ((key, value, headers),) = broker.topics[topics.DEAD_LETTERS]
    assert (key, value, headers["dlt-error-code"]) == (None, b"", b"INVALID_JSON")
    assert headers["dlt-original-offset"] == b"0"
    assert headers["dlt-original-missing"] == b"it is too large for this topic"


def test_what_was_no_command_is_set_aside_with_the_reason_in_text(tmp_path: Path) -> None:
    broker = MemoryBroker()
    broker.originals[7] = Message(7, b"{no", b"acme", [("trace", b"abc")], 1_700_000_000_000)
    with open_ledger(str(tmp_path / "new.db"), create=True) as ledger:
        unread = [
            Unreadable("INVALID_JSON", "not JSON: (byte 1)").from_source("main", SOURCE, offset) for offset in (7, 8)
        ]
        ledger.take(unread, Move(SOURCE, None, 9))
        publish_all(publisher(ledger, broker))
    first, second = broker.topics[topics.DEAD_LETTERS]
    assert first[:2] == (b"acme", b"{no")
    assert {name: value for name, value in first[2].items() if name not in {"position", "dlt-event-id"}} == {
        "trace": b"abc",
        "dlt-original-topic": b"merge.commands.v1",
        "dlt-original-partition": b"0",
        "dlt-original-offset": b"7",
        "dlt-original-timestamp": b"1700000000000",
        "dlt-error-code": b"INVALID_JSON",
        "dlt-error-message": b"not JSON: (byte 1)",
    }
    assert (second[1], second[2]["dlt-original-missing"]) == (b"", b"it ran out of retention")
    (result, _) = broker.values(topics.RESULTS)
    assert (result["status"], result["code"], result["details"]) == (
        "unreadable",
        "INVALID_JSON",
        {"source": SOURCE, "offset": 7},
    )
