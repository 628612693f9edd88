"""Layer: tests. Kafka Connect makes tables of the topics: Debezium's JDBC sink into PostgreSQL, without code."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import DictRow, dict_row

from consumers import topics
from consumers.kafka.settings import KafkaSettings
from ledger.opening import open_ledger
from tests.conftest import Demonstrated
from tests.consumers.test_publish import projected
from tests.failure.proxy import between
from tests.kafka.connecting import connect_running
from tests.kafka.working import WorkerProcess, cli, wait_until
from tests.postgres.server import Databases

TABLES_TIMEOUT_S = 300.0

# As docs/kafka.md shows it.
SINK = {
    "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
    "insert.mode": "upsert",
    "primary.key.mode": "record_value",
    "primary.key.fields": "account,object_type,record_id",
    "schema.evolution": "basic",
    "connection.username": "postgres",
    "connection.password": "none",
}


@pytest.mark.slow
@pytest.mark.kafka
def test_the_id_map_and_the_states_become_tables_that_say_what_the_projections_say(  # noqa: PLR0913, PLR0917  fixtures
    demonstrated: Demonstrated,
    settings: KafkaSettings,
    databases: Databases,
    new_database: Callable[..., str],
    tmp_path: Path,
    topic: str,
) -> None:
    db = str(shutil.copy(demonstrated.folder / "merge-ledger-demo.db", tmp_path / "ledger.db"))
    prefix = {"MERGE_LEDGER_KAFKA_TOPIC_PREFIX": f"{topic}."}
    assert cli(settings, db, "topics", "create", "--partitions", "2", "--replication", "1", **prefix)[0] == 0
    with open_ledger(db, create=False) as ledger:
        records, ids = projected(db, ledger)
    url = new_database(empty=True)
    publisher = WorkerProcess(settings, db, "publish", "--envelope", "connect", **prefix)
    try:
        with between(databases.server) as proxy:  # The server listens on a socket in a file; Java needs a port.
            address = f"jdbc:postgresql://127.0.0.1:{proxy.port}/{Path(url.partition('?')[0]).name}?sslmode=disable"
            connectors = {
                table: {**SINK, "topics": f"{topic}.{name}", "collection.name.format": table, "connection.url": address}
                for table, name in (("record_idmap", topics.ID_MAP), ("record_state", topics.STATE))
            }
            with connect_running(tmp_path, ",".join(settings.bootstrap), connectors) as connect:

                def all_arrived() -> bool:
                    connect.assert_well()
                    return (count(url, "record_idmap"), count(url, "record_state")) == (
                        len(ids),
                        len(ids) + len(records),
                    )

                wait_until(all_arrived, TABLES_TIMEOUT_S)
                wait_until(lambda: mapped(url) == ids)
                wait_until(lambda: versions(url) == {key: record.version for key, record in records.items()})
    finally:
        publisher.end(signal.SIGTERM)
    assert columns(url, "record_state")["properties"] == "json"
    assert columns(url, "record_state")["updated_at"] == "timestamp with time zone"
    assert columns(url, "record_idmap") == {
        **dict.fromkeys(("account", "object_type", "record_id", "current_id", "merge_id"), "text"),
        "position": "bigint",
    }
    assert mapped(url) == ids
    states = {key_of(row): row for row in rows(url, "record_state")}
    assert {key for key, row in states.items() if row["status"] == "merged_away"} == ids.keys()
    computed = {"hs_object_id", "hs_merged_object_ids", "hs_additional_emails", "hs_additional_domains"}
    for key, record in records.items():
        row = states[key]
        shown = {name: v for name, v in record.properties.items() if name not in computed}
        assert {name: value["value"] for name, value in parsed(row["properties"]).items()} == shown, key
        assert (row["status"], row["merge_count"]) == (record.status, record.merge_count)
        assert sorted(parsed(row["segments"])) == sorted(record.segments.static)
        assert sorted(parsed(row["workflows"])) == sorted(record.workflows)
        assert (parsed(row["sync"]), parsed(row["sync_ids"])) == (record.sync, record.sync_ids)
        assert row["merged_into"] is None


def rows(url: str, table: str) -> list[DictRow]:
    """Read a table that the sink made; none before it did."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        if connection.execute("SELECT to_regclass(%s) AS name", (table,)).fetchall() == [{"name": None}]:
            return []
        return connection.execute(f"SELECT * FROM {table}".encode()).fetchall()  # noqa: S608  a name of this test


def columns(url: str, table: str) -> dict[str, str]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s", (table,)
        )
        return dict(found.fetchall())


def count(url: str, table: str) -> int:
    return len(rows(url, table))


def key_of(row: DictRow) -> str:
    return f"{row['account']}/{row['object_type']}/{row['record_id']}"


def mapped(url: str) -> dict[str, str]:
    return {key_of(row): row["current_id"] for row in rows(url, "record_idmap")}


def versions(url: str) -> dict[str, int]:
    return {key_of(row): row["version"] for row in rows(url, "record_state") if row["status"] != "merged_away"}


def parsed(content: Any) -> Any:  # noqa: ANN401  a column of JSON, which the driver reads, or of text
    return json.loads(content) if isinstance(content, str) else content
