"""Layer: tests. What SQLite does differently than one thinks, each measured once and held off for ever."""

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from domain.language.commands import Command
from domain.language.ids import RecordRef
from ledger.ledger import Ledger
from ledger.opening import open_ledger
from ledger.store.port import UnreachableDatabase
from ledger.store.sqlite import store as sqlite
from ledger.store.sqlite.store import SqliteStore
from tests.builders import ANN, ANNA, ANNE, create, merge, update
from tests.contracts.places import batch

ROOT = Path(__file__).parents[2]
INSERT = "INTO events (position, stream, version, type, state, recorded_at)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path, create=True)) as opened:
        yield opened


@pytest.fixture
def ledger(store: SqliteStore) -> Ledger:
    filled = Ledger(store)
    filled.execute(batch(create(ANN), create(ANNE), merge()))
    return filled


def sql(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


# -- the log does not change ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        "(1, 'main/records/contacts/900', 1, 't', '{}', '2026')",
        "(NULL, 'main/records/contacts/101', 1, 't', '{}', '2026')",
        "(100, 'main/records/contacts/101', 1, 't', '{}', '2026')",
        "(9, 'main/records/contacts/101', 2, 't', '{}', '2026')",
        "(9, 'main/records/contacts/101', 1, 't', '{}', '2026')",
        "(1000, 'main/records/contacts/900', 1, 't', '{}', '2026')",
        "(-1, 'main/records/contacts/900', 1, 't', '{}', '2026')",
    ],
    ids=[
        "a position that exists",
        "a version that exists, the position left to SQLite",
        "a version that exists, at a far position",
        "the last version of a stream",
        "a version in the middle of a stream",
        "a gap in positions",
        "before the log",
    ],
)
@pytest.mark.parametrize("verb", ["REPLACE", "INSERT OR REPLACE", "INSERT", "INSERT OR IGNORE", "INSERT OR ROLLBACK"])
def test_nothing_is_inserted_over_what_exists_though_replace_passes_the_triggers_on_update_and_delete(
    path: Path, ledger: Ledger, verb: str, row: str
) -> None:
    before = ledger.read(0, 100)
    with pytest.raises(sqlite3.IntegrityError, match="an event goes behind the last one"):
        sql(path, f"{verb} {INSERT} VALUES {row}")
    assert ledger.read(0, 100) == before


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO events VALUES (1, 'a', 1, 't', '{}', '2026') ON CONFLICT DO UPDATE SET state = 'x'",
        "UPDATE OR IGNORE events SET position = 100 WHERE position = 1",
        "UPDATE events SET stream = stream",
        "DELETE FROM events WHERE position = (SELECT max(position) FROM events)",
    ],
)
def test_no_other_statement_changes_the_log_either(path: Path, ledger: Ledger, statement: str) -> None:
    before = ledger.read(0, 100)
    with suppress(sqlite3.IntegrityError):
        sql(path, statement)
    assert ledger.read(0, 100) == before


def test_a_position_is_never_used_again_even_after_a_delete_past_the_triggers(path: Path, ledger: Ledger) -> None:
    head = ledger.head()
    sql(path, "DROP TRIGGER events_are_not_deleted")
    sql(path, "DELETE FROM events WHERE position = (SELECT max(position) FROM events)")
    assert sql(path, "SELECT seq FROM sqlite_sequence WHERE name = 'events'") == [(head,)]


# -- a commit is on the disk ------------------------------------------------------------------------------------------


def test_every_connection_is_synchronous_full_for_less_lost_acknowledged_commits_in_power_cuts(
    store: SqliteStore,
) -> None:
    for unit in (store.reading(), store.writing()):
        with unit as work:
            assert work._all("PRAGMA synchronous").fetchone() == (2,)  # noqa: SLF001
            assert work._all("PRAGMA journal_mode").fetchone() == ("wal",)  # noqa: SLF001


def test_a_file_that_cannot_be_synchronous_full_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "FULL_SYNC", "PRAGMA synchronous = NORMAL")
    with pytest.raises(UnreachableDatabase, match="synchronous=FULL"):
        open_ledger(str(path), create=True)


# -- writers do not meet ----------------------------------------------------------------------------------------------


def test_a_unit_reads_and_then_writes_while_another_process_writes_for_it_takes_the_lock_first(path: Path) -> None:
    # With SQLite's own BEGIN, the second of two that have read fails at its first write, at once.
    with closing(SqliteStore(path, create=True)) as one, closing(SqliteStore(path, create=True)) as other:
        for number in range(20):
            for number_of_store, store in enumerate((one, other)):
                record = RecordRef("contacts", f"{number}-{number_of_store}")
                assert Ledger(store).execute(batch(create(record)))[0].status == "applied"
        assert Ledger(one).head() == 80


# -- one query a round ------------------------------------------------------------------------------------------------


def statements(store: SqliteStore, commands: list[Command]) -> Counter[str]:
    """Count the statements of one batch, by their first words; of many executed at once, each is one."""
    seen: Counter[str] = Counter()
    ledger = Ledger(store)
    with store.writing() as unit:
        connection = unit._connection  # noqa: SLF001
    connection.set_trace_callback(lambda statement: seen.update([" ".join(statement.split()[:2])]))
    ledger.execute(batch(*commands))
    connection.set_trace_callback(None)
    return seen


def test_a_batch_takes_as_many_queries_as_a_command_alone(store: SqliteStore) -> None:
    records = [[RecordRef("contacts", f"{size}-{number}") for number in range(2 * size)] for size in (1, 100)]
    for some in records:
        Ledger(store).execute(batch(*(create(record, email=f"{record.record_id}@x.be") for record in some)))
    counted = []
    for some in records:
        merges: list[Command] = [merge(*pair, into=None) for pair in zip(some[::2], some[1::2], strict=True)]
        counted.append(statements(store, merges))
    alone, together = counted
    reads = {"SELECT", "WITH"}
    assert {key: n for key, n in alone.items() if key.split()[0] in reads} == {
        key: n for key, n in together.items() if key.split()[0] in reads
    }
    assert sum(n for key, n in together.items() if key.split()[0] in reads) <= 6
    assert together["BEGIN IMMEDIATE"] == together["COMMIT"] == 1


def test_a_repeated_batch_writes_nothing(store: SqliteStore) -> None:
    commands: list[Command] = [create(ANN), create(ANNE), merge(), update(ANNA, city="Gent")]
    statements(store, commands)
    again = statements(store, commands)
    assert not [key for key in again if key.split()[0] in {"INSERT", "UPDATE", "DELETE"}]


# -- what is loaded when ----------------------------------------------------------------------------------------------


def test_writing_needs_nothing_of_the_library_nor_of_servers(path: Path) -> None:
    script = (
        "import sys\n"
        "from ledger.opening import open_ledger\n"
        "from tests.builders import ANN, create\n"
        "from tests.contracts.places import batch\n"
        "with open_ledger(sys.argv[1], create=True) as ledger:\n"
        "    ledger.execute(batch(create(ANN)))\n"
        "    ledger.read(0, 10)\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules} & {'eventsourcing', 'psycopg', 'kafka'}))\n"
    )
    ran = subprocess.run(  # noqa: S603  our own interpreter and script
        [sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True, cwd=ROOT, env=os.environ
    )
    assert ran.stdout.strip() == ""


def test_a_read_that_outlasts_the_store_closes_its_own_connection(path: Path) -> None:
    store = SqliteStore(path, create=True)
    with store.reading() as snapshot:
        store.close()
        assert snapshot.head() == 0
    assert store._idle == []  # noqa: SLF001  a connection left there is never closed
