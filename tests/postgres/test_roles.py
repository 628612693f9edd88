"""Layer: tests. The roles as they are shipped: each can do its work, and nothing else."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from consumers.publisher.publisher import NAME as PUBLISHING
from ledger.ledger import Ledger
from ledger.store.port import Append, BookmarkMoved, Move, ReadSet
from ledger.store.postgres.errors import MissingRights
from ledger.store.postgres.store import PostgresStore
from projections.models.catalogue import READ_MODEL
from projections.running.runner import Projector
from projections.store.port import UnusableProjections
from projections.store.postgres import PostgresReadStore
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


def test_the_appender_keeps_snapshots_and_the_bookmarks_of_sources(role: As) -> None:
    for _ in range(2):  # A ledger each, for the second to load what the first keeps in memory.
        with closing(Ledger(PostgresStore(role("appender")))) as ledger:
            ledger.execute(batch(create(ANN), *(update(ANN, city=f"city {number}") for number in range(150))))
    assert run_sql(role("reader"), "SELECT count(*) FROM snapshots") == [(1,)]
    with closing(Ledger(PostgresStore(role("appender")))) as ledger:
        ledger.move(Move("source", None, 5, "here"))
        ledger.move(Move("source", 5, 7, "here"))


def test_the_publisher_holds_its_lease_and_moves_its_bookmark_and_nothing_else(role: As) -> None:
    with closing(Ledger(PostgresStore(role("publisher")))) as ledger:
        ledger.move(Move(PUBLISHING, None, 5))
        ledger.move(Move(PUBLISHING, 5, 7))
        assert ledger.lease(PUBLISHING, "me", 5)
        ledger.let_go(PUBLISHING, "me")
        with pytest.raises(MissingRights, match="permission denied"):
            ledger.execute(batch(create(ANN)))
        with pytest.raises(MissingRights, match="row-level security"):
            ledger.move(Move("source", None, 5))


def test_the_appender_can_neither_hold_up_the_publisher_nor_make_it_skip(role: As) -> None:
    with closing(Ledger(PostgresStore(role("publisher")))) as publisher:
        publisher.move(Move(PUBLISHING, None, 5))
    with closing(Ledger(PostgresStore(role("appender")))) as appender:
        with pytest.raises(MissingRights, match="permission denied for table leases"):
            appender.lease(PUBLISHING, "me", 10**9)
        with pytest.raises(BookmarkMoved):
            appender.move(Move(PUBLISHING, 5, 10**9))
        with pytest.raises(MissingRights, match="row-level security"):
            appender.move(Move(PUBLISHING, None, 10**9))


NEVER = (
    "INSERT INTO events VALUES (9223372036854775807, 's', 1, 't', '{}', now())",
    "INSERT INTO events VALUES (1000, 's', 1, 't', '{}', 'infinity')",
    "INSERT INTO events VALUES (1000, 's', 1, 't', '{}', '20000-01-01')",
    f"SELECT merge_ledger.append_at(NULL, 'infinity'{', NULL' * 30})",
    "INSERT INTO claims VALUES ('main', 'email', 'a@x.be', 'contacts', '1', true, 9223372036854775807)",
    "UPDATE claims SET position = 9223372036854775807",
    "INSERT INTO lineages VALUES ('s', 's', 1, 9223372036854775807)",
    "INSERT INTO lineage_members VALUES ('s', 's', 1)",
    "UPDATE head SET one = true",
    "BEGIN; LOCK TABLE head IN ACCESS EXCLUSIVE MODE",
    "BEGIN; LOCK TABLE events IN SHARE MODE",
    "INSERT INTO snapshots VALUES ('s', 9223372036854775807, 1, '{}')",
    "INSERT INTO leases VALUES ('publish', 'me', 'infinity')",
)


@pytest.mark.parametrize("name", ["appender", "projector", "publisher", "reader"])
def test_nobody_can_write_by_hand_what_would_stop_the_ledger(role: As, name: str) -> None:
    for statement in NEVER:
        if not (name == "publisher" and "leases" in statement):
            refused(role(name), statement)


def appended(url: str, **columns: object) -> None:
    """Append past the ledger, as whoever has the appender's password can."""
    with closing(PostgresStore(url)) as store, store.writing() as unit:
        rows = [("s", columns.get("version", 1), "t", b"{}")]
        held = [(("main", "email", "a"), ("contacts", "1"), columns.get("place", 0))]
        unit.append(Append(rows, held=held), ReadSet())  # type: ignore[arg-type]


def test_the_function_keeps_an_appender_to_versions_and_positions_that_follow(role: As, postgres_url: str) -> None:
    for columns in (
        {"version": 2**63 - 1},
        {"version": 2},
        {"version": 0},
        {"place": 2**62},
        {"place": 1},
        {"place": -1},
    ):
        with pytest.raises(psycopg.errors.CheckViolation):
            appended(role("appender"), **columns)
    assert run_sql(postgres_url, "SELECT count(*) FROM events") == [(0,)]
    appended(role("appender"))
    appended(role("appender"), version=2)
    run_sql(role("appender"), "SELECT merge_ledger.keep_snapshots(1, '{s}', '{9}', '{x}')")
    assert run_sql(postgres_url, "SELECT count(*) FROM snapshots") == [(0,)]


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
        closing(PostgresReadStore(role("projector"), READ_MODEL)) as read_store,
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
        closing(PostgresReadStore(role("projector"), READ_MODEL)) as read_store,
    ):
        Projector(ledger, read_store).catch_up()
    with (
        closing(Ledger(PostgresStore(role("reader")))) as ledger,
        closing(PostgresReadStore(role("reader"), READ_MODEL)) as read_store,
    ):
        assert len(ledger.read(0, 100)) == head
        with read_store.snapshot() as snapshot:
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
