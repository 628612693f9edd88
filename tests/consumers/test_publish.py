"""Layer: tests. What is published follows from the log, whatever happens to who publishes it."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from consumers import topics
from consumers.port import Message
from consumers.publish import NAME, LeaseLost, Publisher
from domain.commands import UnreadableInput
from ledger.ledger import Ledger, open_ledger
from ledger.store import Move
from projections.places import read_store
from projections.reading import open_reader
from projections.runner import Projector
from tests.conftest import Demonstrated
from tests.consumers.topic_in_memory import MemoryBroker

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
        assert state.get("sync", {}) == record.sync
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
    assert any(one["effects"]["playbooks_kept"] for one in told)
    with closing(read_store(db)) as store:
        Projector(ledger, store).catch_up()
        for merge in told:
            with open_reader(store, ledger, merge["account"]) as reader:
                assert flat(merge) == flat(msgspec.to_builtins(reader.merge(merge["merge_id"]))), merge["merge_id"]


def flat(merge: dict[str, Any]) -> dict[str, Any]:
    """Write a merge alike, as it is published and as it is shown: what is shown in groups is published side by side."""
    effects = dict(merge["effects"])
    for group, names in GROUPS.items():
        if group in effects:
            effects |= {published: effects[group][shown] for shown, published in names.items()}
            del effects[group]
    for kind in ("emails", "domains"):
        effects["identifiers"][kind]["additional"].sort()
    for one in effects["identifiers"]["properties"].values():
        one["additional"].sort()
    effects["identifiers"]["usertokens"].sort()
    published_alone = {"primary_company", "not_duplicates"}
    told = {name: v for name, v in effects.items() if name not in published_alone}
    return {**merge, "effects": told, "merged_ids": sorted(merge["merged_ids"]), "account": None}


GROUPS = {
    "associations": {
        "demoted": "associations_demoted",
        "dropped_self": "associations_dropped",
        "hierarchy_dropped": "hierarchy_dropped",
    },
    "static_segments": {"removed": "segments_removed", "carried": "segments_carried"},
    "workflows": {"unenrolled": "workflows_unenrolled", "enrolled": "workflows_enrolled"},
    "sync": {"kept": "sync_kept", "unlinked": "sync_unlinked"},
    "playbooks": {"kept": "playbooks_kept", "dropped_drafts": "playbook_drafts_dropped"},
}


def test_every_outcome_is_told_once_in_order_under_its_account(ledger: Ledger) -> None:
    broker = MemoryBroker()
    publish_all(publisher(ledger, broker))
    told = broker.values(topics.RESULTS)
    stored = [one.position for one in ledger.read(0, 1_000_000) if one.type.startswith("command.")]
    assert [one["position"] for one in told] == stored
    assert {key.decode() for key, _, _ in broker.topics[topics.RESULTS]} == {one["account"] for one in told}


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


def without_repeats(broker: MemoryBroker, topic: str) -> list[tuple[bytes, bytes | None]]:
    """Read as a consumer does that remembers the ids it has seen."""
    seen: dict[bytes, tuple[bytes, bytes | None]] = {}
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
        sleeper._publish(ledger.read(0, 10))  # noqa: SLF001
    assert sum(len(messages) for messages in broker.topics.values()) == sent


def test_what_was_no_command_is_set_aside_with_the_reason_in_text(tmp_path: Path) -> None:
    broker = MemoryBroker()
    broker.originals[7] = Message(7, b"{no", b"acme", [("trace", b"abc")], 1_700_000_000_000)
    with open_ledger(str(tmp_path / "new.db"), create=True) as ledger:
        unread = [
            UnreadableInput("main", SOURCE, offset, "INVALID_JSON", "not JSON: (byte 1)", None) for offset in (7, 8)
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
