"""Layer: tests. The roles as they are shipped: each can do its work, and nothing else."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from ledger.ledger import Ledger
from ledger.postgres import PostgresStore
from ledger.postgres_errors import MissingRights
from ledger.store import Move
from projections.catalogue import TABLES_VERSION
from projections.postgres import PostgresReadStore
from projections.runner import Projector
from projections.store import UnusableProjections
from tests.builders import ANA, ANN, ANNA, ANNE, HANNAH, associate, create, link_sync, merge, update
from tests.contracts.places import batch
from tests.postgres.server import as_role, run_sql

ROLES = Path(__file__).parents[2] / "deploy/postgres/roles.sql"

As = Callable[[str], str]


@pytest.fixture
def role(postgres_url: str) -> As:
    run_sql(postgres_url, ROLES.read_text())
    return lambda name: as_role(postgres_url, name)


def refused(url: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run_sql(url, statement)


EVERYTHING = [
    create(ANN, email="ann@x.be"),
    create(ANNE, email="anne@x.be"),
    create(ANA),
    update(ANN, email="new@x.be"),
    link_sync(ANN, "sf1"),
    associate(ANN, ANNE),
    merge(),
    merge(ANNA, ANA, into=HANNAH),
    merge(ANN, ANA),
]


def test_the_appender_keeps_snapshots_bookmarks_and_leases(role: As) -> None:
    for _ in range(2):  # A ledger each, for the second to load what the first keeps in memory.
        with closing(Ledger(PostgresStore(role("appender")))) as ledger:
            ledger.execute(batch(create(ANN), *(update(ANN, city=f"city {number}") for number in range(150))))
    assert run_sql(role("reader"), "SELECT count(*) FROM snapshots") == [(1,)]
    with closing(Ledger(PostgresStore(role("appender")))) as ledger:
        ledger.move(Move("source", None, 5, "here"))
        ledger.move(Move("source", 5, 7, "here"))
        assert ledger.lease("publisher", "me", 5)
        ledger.let_go("publisher", "me")


def test_the_appender_appends_and_can_neither_change_nor_delete_what_is_there(role: As) -> None:
    with closing(Ledger(PostgresStore(role("appender")))) as ledger:
        outcomes = ledger.execute(batch(*EVERYTHING))
        assert [outcome.code for outcome in outcomes] == [None] * 8 + ["ALREADY_MERGED"]
        assert len(ledger.read(0, 100)) == ledger.head()
    for statement in (
        "UPDATE events SET type = 'x'",
        "DELETE FROM events",
        "TRUNCATE events",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "DROP TABLE events",
        "DELETE FROM claims",
        "UPDATE schema_version SET version = 9",
        "CREATE TABLE merge_ledger.other ()",
    ):
        refused(role("appender"), statement)


def test_the_triggers_stop_the_owner_too(role: As) -> None:
    with closing(Ledger(PostgresStore(role("appender")))) as ledger:
        ledger.execute(batch(create(ANN)))
    for statement in (
        "UPDATE events SET type = 'x'",
        "DELETE FROM events",
        "TRUNCATE events",
        "INSERT INTO events SELECT * FROM events ON CONFLICT (position) DO UPDATE SET type = 'x'",
        "MERGE INTO events e USING events o ON o.position = e.position WHEN MATCHED THEN UPDATE SET type = 'x'",
        "SET session_replication_role = replica; DELETE FROM merge_ledger.events",
    ):
        with pytest.raises((psycopg.errors.RestrictViolation, psycopg.errors.InsufficientPrivilege)):
            run_sql(role("owner"), statement)


def test_the_projector_projects_and_appends_nothing(role: As) -> None:
    with closing(Ledger(PostgresStore(role("appender")))) as ledger:
        ledger.execute(batch(*EVERYTHING))
    with (
        closing(Ledger(PostgresStore(role("projector")))) as ledger,
        closing(PostgresReadStore(role("projector"))) as read_store,
    ):
        Projector(ledger, read_store).catch_up()
        Projector(ledger, read_store).rebuild()
        with pytest.raises(MissingRights, match="permission denied"):
            ledger.execute(batch(create(ANN)))
    refused(role("projector"), "INSERT INTO events SELECT * FROM events")


def test_the_reader_reads_the_log_and_the_projections_and_writes_nothing(role: As) -> None:
    with closing(Ledger(PostgresStore(role("appender")))) as ledger:
        ledger.execute(batch(*EVERYTHING))
        head = ledger.head()
    with (
        closing(Ledger(PostgresStore(role("projector")))) as ledger,
        closing(PostgresReadStore(role("projector"))) as read_store,
    ):
        Projector(ledger, read_store).catch_up()
    with (
        closing(Ledger(PostgresStore(role("reader")))) as ledger,
        closing(PostgresReadStore(role("reader"))) as read_store,
    ):
        assert len(ledger.read(0, 100)) == head
        with read_store.snapshot(TABLES_VERSION) as snapshot:
            assert snapshot.mark().position == head
        with pytest.raises(MissingRights):
            ledger.execute(batch(create(ANN)))
        with pytest.raises(UnusableProjections, match="permission denied"):
            Projector(ledger, read_store).rebuild()
    assert run_sql(role("reader"), "SELECT count(*) FROM merge_ledger_read.merged_ids") == [(4,)]
    for statement in (
        "INSERT INTO events SELECT * FROM events",
        "UPDATE claims SET position = 0",
        "SELECT FROM head FOR UPDATE",
        "DELETE FROM merge_ledger_read_1.current_records",
        "UPDATE merge_ledger_read.generations SET state = 'old'",
    ):
        refused(role("reader"), statement)


def test_the_owner_migrates_and_the_roles_are_said_again(role: As, postgres_url: str) -> None:
    assert run_sql(postgres_url, ROLES.read_text()) == []
    assert run_sql(role("owner"), "ALTER TABLE events ADD COLUMN more text") == []
