"""Layer: tests. A role of the ledger has no code of its own run by the others, and cannot keep them out."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import psycopg
import pytest

from ledger.ledger import Ledger
from ledger.store.postgres.connection import Timeouts
from ledger.store.postgres.store import PostgresStore, migrate
from projections.models.catalogue import READ_MODEL
from projections.reading import open_reader
from projections.running.runner import Projector
from projections.store.postgres import PostgresReadStore
from projections.store.postgres_schema import prepare
from tests.contracts.places import batch
from tests.postgres.server import as_role, run_psql, run_sql
from tests.postgres.test_roles import EVERYTHING, ROLES, refused

OTHERS = ("appender", "projector", "publisher", "reader")
PSQL_OPTIONS = ("--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--single-transaction")  # As the script's head says.
QUICK = Timeouts(lock_ms=2_000)

# Each is called more exactly than the server's own of its name, and says so; `format` is what roles.sql calls.
TRAPS = """
CREATE FUNCTION {0}.sprung() RETURNS void LANGUAGE sql AS
    'INSERT INTO public.sprung SELECT pg_catalog.format(''{0} by %s'', current_user)';
CREATE FUNCTION {0}.format(text, name) RETURNS text LANGUAGE sql AS
    'SELECT {0}.sprung(); SELECT pg_catalog.format($1, VARIADIC ARRAY[$2])';
CREATE FUNCTION {0}.format(text, name, text) RETURNS text LANGUAGE sql AS
    'SELECT {0}.sprung(); SELECT pg_catalog.format($1, VARIADIC ARRAY[$2::text, $3])';
CREATE FUNCTION {0}.format(text, regprocedure) RETURNS text LANGUAGE sql AS
    'SELECT {0}.sprung(); SELECT pg_catalog.format($1, VARIADIC ARRAY[$2])';
CREATE FUNCTION {0}.unnest(text[]) RETURNS SETOF text LANGUAGE sql AS
    'SELECT {0}.sprung(); SELECT pg_catalog.unnest($1)';
CREATE FUNCTION {0}.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE sql AS
    'SELECT {0}.sprung(); SELECT pg_catalog.unnest($1)';
CREATE FUNCTION {0}.cardinality(text[]) RETURNS integer LANGUAGE sql AS
    'SELECT {0}.sprung(); SELECT pg_catalog.cardinality($1)';
CREATE FUNCTION {0}.max(text) RETURNS text LANGUAGE sql AS 'SELECT {0}.sprung(); SELECT $1';
CREATE FUNCTION {0}.same(text, varchar) RETURNS boolean LANGUAGE sql AS
    'SELECT {0}.sprung(); SELECT $1 OPERATOR(pg_catalog.=) $2';
CREATE OPERATOR {0}.= (LEFTARG = text, RIGHTARG = varchar, FUNCTION = {0}.same);
CREATE TABLE {0}.events (position bigint, recorded_at timestamptz);
CREATE TABLE {0}.head (one boolean);
CREATE TABLE {0}.read_side (one boolean, position bigint, stream text, recorded_at text, has_escapes boolean);
GRANT USAGE ON SCHEMA {0} TO PUBLIC;
GRANT ALL ON ALL TABLES IN SCHEMA {0} TO PUBLIC;
"""


@contextmanager
def both_sides(url: str) -> Iterator[tuple[Ledger, PostgresReadStore]]:
    """Open a ledger and its read side."""
    with closing(Ledger(PostgresStore(url))) as ledger, closing(PostgresReadStore(url, READ_MODEL)) as store:
        yield ledger, store


def set_traps(url: str) -> None:
    """Make schemas named like everyone who connects, and fill them and `public` with traps."""
    run_sql(url, "CREATE TABLE public.sprung (what text); GRANT ALL ON public.sprung TO PUBLIC")
    ((superuser,),) = run_sql(url, "SELECT current_user")
    for schema in (superuser, *(f"merge_ledger_{name}" for name in ("owner", *OTHERS))):
        run_sql(url, f"CREATE SCHEMA {schema}; {TRAPS.format(schema)}")
    run_sql(url, TRAPS.format("public"))


def sprung(url: str) -> list[tuple[str]]:
    return run_sql(url, "SELECT DISTINCT what FROM public.sprung ORDER BY what")


def test_the_traps_are_traps(new_database: Callable[..., str]) -> None:
    url = new_database(empty=True)
    set_traps(url)
    with psycopg.connect(url, autocommit=True) as connection:
        ((superuser,),) = connection.execute("SELECT current_user").fetchall()
        connection.execute("SELECT format('%I %I', nspname, 'a'::text), cardinality(ARRAY['a']) FROM pg_namespace")
    assert sprung(url) == [(f"{superuser} by {superuser}",)]


def test_a_schema_named_like_a_role_has_no_say(new_database: Callable[..., str]) -> None:
    url = new_database(empty=True)
    set_traps(url)
    migrate(url, create=True)
    prepare(url, READ_MODEL)
    for _ in range(2):
        run_psql(url, *PSQL_OPTIONS, "--file", str(ROLES))
    with closing(Ledger(PostgresStore(as_role(url, "appender")))) as ledger:
        ledger.execute(batch(*EVERYTHING))
        head = ledger.head()
    with both_sides(as_role(url, "projector")) as (ledger, store):
        Projector(ledger, store).catch_up()
        Projector(ledger, store).rebuild()
    with both_sides(as_role(url, "reader")) as (ledger, store), open_reader(store, ledger, "main") as reader:
        assert reader.knows_account()
        assert len(ledger.read(0, 100)) == head
    with both_sides(url) as (ledger, store):
        Projector(ledger, store).rebuild()
        ledger.execute(batch(*EVERYTHING))
    run_sql(url, "UPDATE schema_version SET version = 3; COMMENT ON FUNCTION merge_ledger_read.begin_generation IS ''")
    migrate(as_role(url, "owner"), create=False)
    prepare(as_role(url, "owner"), READ_MODEL)
    run_psql(url, *PSQL_OPTIONS, "--file", str(ROLES))
    assert sprung(url) == []


def test_every_function_pins_where_names_are_looked_up(postgres_url: str) -> None:
    found = run_sql(
        postgres_url,
        "SELECT p.oid::regprocedure::text, p.proconfig, has_function_privilege('public', p.oid, 'EXECUTE')"
        " FROM pg_proc p WHERE pronamespace::regnamespace::text LIKE 'merge_ledger%'",
    )
    assert len(found) == 10
    for name, settings, is_everybodys in found:
        assert "search_path=pg_catalog, pg_temp" in settings, name
        assert not is_everybodys, name


@pytest.mark.parametrize("name", OTHERS)
def test_nobody_but_the_owner_creates_anything(postgres_url: str, name: str) -> None:
    run_sql(postgres_url, ROLES.read_text())
    with both_sides(postgres_url) as (ledger, store):
        ledger.execute(batch(*EVERYTHING))
        Projector(ledger, store).catch_up()
    for statement in (
        "CREATE SCHEMA postgres",
        "CREATE TEMPORARY TABLE events (x text)",
        *(
            statement.format(schema)
            for schema in ("public", "merge_ledger", "merge_ledger_read", "merge_ledger_read_1")
            for statement in (
                "CREATE FUNCTION {}.format(text, name, text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
                "CREATE TABLE {}.other (x text)",
                "CREATE VIEW {}.other AS SELECT 1",
                "CREATE DOMAIN {}.text AS pg_catalog.text",
                "CREATE OPERATOR {}.= (LEFTARG = text, RIGHTARG = varchar, FUNCTION = pg_catalog.texteq)",
                "DROP SCHEMA {} CASCADE",
                "ALTER SCHEMA {} RENAME TO mine",
            )
        ),
        *(
            statement.format(table)
            for table in ("merge_ledger.claims", "merge_ledger_read.generations", "merge_ledger_read_1.current_records")
            for statement in (
                "CREATE TRIGGER t BEFORE UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION merge_ledger.refuse_change()",
                "CREATE RULE r AS ON INSERT TO {} DO ALSO NOTIFY x",
                "CREATE POLICY p ON {} USING (true)",
                "ALTER TABLE {} ADD COLUMN x text DEFAULT pg_sleep(1)::text",
                "CREATE INDEX ON {} ((pg_sleep(1)::text))",
                "TRUNCATE {}",
                "DROP TABLE {}",
            )
        ),
    ):
        refused(as_role(postgres_url, name), statement)


def test_the_projector_writes_rows_of_generations_and_drops_none_that_is_read(postgres_url: str) -> None:
    run_sql(postgres_url, ROLES.read_text())
    projector = as_role(postgres_url, "projector")
    with both_sides(projector) as (ledger, store):
        Projector(ledger, store).catch_up()
        run_sql(projector, "SELECT merge_ledger_read.drop_old(1)")  # It is live.
        with store.snapshot() as snapshot:
            assert snapshot.generation.number == 1
    for call in ("begin_generation('x')", "show_live()", "drop_old(1)", "give_rights('public', 'ALL')"):
        refused(as_role(postgres_url, "reader"), f"SELECT merge_ledger_read.{call}")


@pytest.mark.parametrize("name", OTHERS)
def test_no_lock_of_another_role_keeps_the_owner_from_migrating(postgres_url: str, name: str) -> None:
    run_sql(postgres_url, ROLES.read_text())
    run_sql(postgres_url, "UPDATE schema_version SET version = 3")
    with psycopg.connect(as_role(postgres_url, name), autocommit=True) as other:
        hold_all_that_can_be_held(other)
        assert migrate(as_role(postgres_url, "owner"), create=False, timeouts=QUICK)[0] == 3
        prepare(as_role(postgres_url, "owner"), READ_MODEL, timeouts=QUICK)


def test_no_lock_of_a_reader_keeps_anyone_from_working(postgres_url: str) -> None:
    run_sql(postgres_url, ROLES.read_text())
    as_projector, as_publisher = as_role(postgres_url, "projector"), as_role(postgres_url, "publisher")
    with psycopg.connect(as_role(postgres_url, "reader"), autocommit=True) as other:
        hold_all_that_can_be_held(other)
        with (
            closing(Ledger(PostgresStore(as_role(postgres_url, "appender"), timeouts=QUICK))) as ledger,
            closing(PostgresReadStore(as_projector, READ_MODEL, timeouts=QUICK)) as store,
        ):
            ledger.execute(batch(*EVERYTHING))
            with ledger.store.writing(alone=True):
                pass
            assert Projector(ledger, store).catch_up() == ledger.head()
            assert Projector(ledger, store).rebuild() == ledger.head()
        with closing(Ledger(PostgresStore(as_publisher, timeouts=QUICK))) as publisher:
            assert publisher.lease("publish", "me", 5)


def hold_all_that_can_be_held(other: psycopg.Connection) -> None:
    """Hold, in a transaction that does not end, every lock that the role can get: rows, tables, advisory ones."""
    for name in ("schema", "generations", "publish", "project"):
        other.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"merge_ledger {name}"])
    tables = other.execute(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname LIKE 'merge_ledger%' AND c.relkind = 'r'"
        " AND NOT has_table_privilege(c.oid, 'UPDATE')"  # Its own work; what it writes it can lock.
    ).fetchall()
    assert len(tables) > 5
    other.execute("BEGIN")
    for (table,) in tables:
        for statement in (
            f"SELECT * FROM {table} LIMIT 1",  # noqa: S608  ours
            f"SELECT * FROM {table} FOR KEY SHARE",  # noqa: S608  ours
            *(f"LOCK TABLE {table} IN {mode} MODE" for mode in ("ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE")),
            *(f"LOCK TABLE {table} IN {mode} MODE" for mode in ("SHARE UPDATE EXCLUSIVE", "ACCESS EXCLUSIVE")),
        ):
            with suppress(psycopg.errors.InsufficientPrivilege), other.transaction():
                other.execute(statement.encode())
