"""Layer: tests. A PostgreSQL database that cannot be used: one line says so and what to do, and tells no password."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import pytest

from ledger.ledger import Ledger
from ledger.opening import migrate_ledger, open_ledger
from ledger.store.port import FullDatabase, LockedDatabase, NewerSchema, ReadOnlyDatabase, StoreUnusable
from ledger.store.postgres.connection import Timeouts
from ledger.store.postgres.errors import MissingRights, NoSchema, NoSuchDatabase, NotUtf8, TimedOut, Unreachable
from ledger.store.postgres.schema import SCHEMA_VERSION, STEPS
from ledger.store.postgres.store import PostgresStore
from tests.builders import ANN, ANNE, create
from tests.cli.conftest import cli
from tests.cli.running import Cli
from tests.contracts.places import batch
from tests.postgres.server import Databases, as_role, run_sql

__all__ = ["cli"]  # A fixture, found by its name here.
PASSWORD = "horse-battery"  # noqa: S105  made up


@contextmanager
def refused(kind: type[StoreUnusable], says: str) -> Iterator[None]:
    with pytest.raises(kind, match=says) as raised:
        yield
    assert "\n" not in str(raised.value)
    assert PASSWORD not in str(raised.value)


def with_password(url: str) -> str:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0] or 'postgres'}:{PASSWORD}@{host}"))


def open_with_password(url: str) -> Ledger:
    return open_ledger(with_password(url), create=True)


def test_a_database_that_does_not_exist(databases: Databases) -> None:
    with refused(NoSuchDatabase, r"there is no database postgresql://.*nowhere.*; create it"):
        open_with_password(databases.url("nowhere"))


def test_a_database_without_a_ledger_is_not_made_one_on_the_way(new_database: Callable[..., str]) -> None:
    url = new_database(empty=True)
    with refused(NoSchema, "run merge-ledger db init"):
        open_with_password(url)
    with refused(NoSchema, "run merge-ledger db init"):
        migrate_ledger(with_password(url), create=False)


@pytest.mark.parametrize("url", [f"postgresql://ann:{PASSWORD}@[/x", f"postgresql://ann:{PASSWORD}@host/db?nonsense=1"])
def test_a_url_that_is_none(url: str) -> None:
    with refused(Unreachable, "cannot be read as one"):
        open_ledger(url, create=True)


def test_a_server_that_is_not_there() -> None:
    with refused(Unreachable, r"127\.0\.0\.1:1/db cannot be reached: .*refused"):
        open_ledger(f"postgresql://ann:{PASSWORD}@127.0.0.1:1/db", create=True)


def test_a_role_that_does_not_exist(databases: Databases, postgres_url: str) -> None:
    name = urlsplit(postgres_url).path[1:]
    with refused(StoreUnusable, "nobody"):
        open_ledger(databases.url(name, user=f"nobody:{PASSWORD}"), create=True)


def test_a_newer_schema(postgres_url: str) -> None:
    run_sql(postgres_url, f"UPDATE schema_version SET version = {SCHEMA_VERSION + 1}")  # noqa: S608  a number
    for work in (lambda: open_with_password(postgres_url), lambda: migrate_ledger(postgres_url, create=True)):
        with refused(NewerSchema, f"has schema {SCHEMA_VERSION + 1} and this version knows {SCHEMA_VERSION}"):
            work()


def test_a_database_that_cannot_hold_every_text(databases: Databases, new_database: Callable[..., str]) -> None:
    url = new_database(empty=True)
    name = f"{urlsplit(url).path[1:]}_latin"
    run_sql(databases.server, f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with refused(NotUtf8, "is encoded in LATIN1"):
            migrate_ledger(databases.url(name), create=True)
    finally:
        databases.drop(name)


def test_a_connection_that_takes_no_writes(postgres_url: str) -> None:
    with open_ledger(postgres_url, create=True, read_only=True) as ledger:
        assert ledger.head() == 0
        with refused(ReadOnlyDatabase, "is read-only"):
            ledger.execute(batch(create(ANN)))


def test_a_server_that_takes_no_writes(postgres_url: str) -> None:
    with open_ledger(f"{postgres_url}", create=True) as ledger:
        assert isinstance(ledger.store, PostgresStore)
        telling = ledger.store._connections.telling  # noqa: SLF001  as a standby says it
        with ledger.store.reading() as snapshot, refused(ReadOnlyDatabase, "connect to the primary"), telling():
            snapshot._connection.execute("CREATE TABLE x ()")  # noqa: SLF001
        assert ledger.head() == 0


def test_rights_that_are_missing(postgres_url: str) -> None:
    run_sql(
        postgres_url,
        "DO $$ BEGIN CREATE ROLE merge_ledger_powerless; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    )
    with refused(MissingRights, "permission denied for schema merge_ledger"):
        open_with_password(as_role(postgres_url, "powerless"))


def test_a_lock_that_another_holds_for_too_long(postgres_url: str) -> None:
    quick = Timeouts(lock_ms=200)
    with PostgresStore(postgres_url).writing(alone=True):
        ledger = Ledger(PostgresStore(postgres_url, timeouts=quick))
        with refused(LockedDatabase, "is locked by another process"):
            ledger.execute(batch(create(ANN)))
    assert ledger.execute(batch(create(ANN)))[0].status == "applied"
    ledger.close()


def test_a_statement_that_takes_too_long(postgres_url: str) -> None:
    with PostgresStore(postgres_url).writing(alone=True):
        ledger = Ledger(PostgresStore(postgres_url, timeouts=Timeouts(statement_ms=200)))
        with refused(TimedOut, "did not answer in time"):
            ledger.execute(batch(create(ANN)))
    ledger.close()


@pytest.mark.parametrize("table", ["events", "claims"])
def test_a_full_disk_stores_nothing_of_the_batch(postgres_url: str, table: str) -> None:
    with open_ledger(postgres_url, create=True) as ledger:
        run_sql(
            postgres_url,
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$;"
            f" CREATE TRIGGER full_disk AFTER INSERT ON {table} FOR EACH ROW WHEN (NEW.position > 2)"
            " EXECUTE FUNCTION full_disk()",
        )
        ledger.execute(batch(create(ANN, email="ann@x.be")))
        with refused(FullDatabase, "no room is left"):
            ledger.execute(batch(create(ANNE, email="anne@x.be"), create(ANN)))
        assert ledger.head() == 2
        run_sql(postgres_url, f"DROP TRIGGER full_disk ON {table}")
        assert [outcome.code for outcome in ledger.execute(batch(create(ANNE, email="anne@x.be")))] == [None]


def test_more_threads_than_connections_wait_for_one(postgres_url: str) -> None:
    ledger = Ledger(PostgresStore(postgres_url, connections_max=2))
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: ledger.head(), range(40))) == [0] * 40
    ledger.close()


def test_two_that_make_a_ledger_at_once_make_one(new_database: Callable[..., str]) -> None:
    url = new_database(empty=True)
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: migrate_ledger(url, create=True), range(4)))
    assert sorted(made) == [(0, SCHEMA_VERSION)] + [(SCHEMA_VERSION, SCHEMA_VERSION)] * 3


@pytest.mark.parametrize("version", [version for version in STEPS if version < SCHEMA_VERSION])
def test_an_older_schema_is_migrated_when_it_is_asked_for(
    new_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    url = new_database(empty=True)
    with monkeypatch.context() as patch:
        patch.setattr("ledger.store.postgres.store.SCHEMA_VERSION", version)
        migrate_ledger(url, create=True)
    with refused(StoreUnusable, "run merge-ledger db migrate"):
        open_ledger(url, create=True)
    assert migrate_ledger(url, create=False) == (version, SCHEMA_VERSION)
    with open_ledger(url, create=True) as ledger:
        assert ledger.execute(batch(create(ANN)))[0].status == "applied"


def test_what_the_store_says_is_one_line_and_exit_5_on_the_command_line(cli: Cli, databases: Databases) -> None:
    cli.patch.setenv("MERGE_LEDGER_DB", with_password(databases.url("nowhere")))
    for words in (["db", "migrate"], ["status"], ["show", "contacts", "101"], ["apply", "-"], ["projections", "run"]):
        ran = cli(*words)
        assert ran.code == 5
        assert "there is no database postgresql://" in ran.err
        assert len(ran.err.splitlines()) == 1
        assert PASSWORD not in ran.err + ran.out


def test_the_database_is_made_ready_by_the_command_line(cli: Cli, new_database: Callable[..., str]) -> None:
    cli.patch.setenv("MERGE_LEDGER_DB", new_database(empty=True))
    for words in (["db", "init"], ["db", "init"], ["db", "migrate"]):
        ran = cli(*words)
        assert (ran.code, ran.out) == (0, "")
        assert f"the ledger has schema {SCHEMA_VERSION}" in ran.err
