"""Layer: tests. A healthy ledger is never called damaged: whoever restores a copy loses what only it holds."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.ledger import Ledger
from ledger.opening import open_ledger
from ledger.store.codec import UnreadableEvent, decode
from ledger.store.damage import ContradictingIndexes, DamagedDatabase
from ledger.store.port import NewerSchema, UnreachableDatabase
from ledger.store.sqlite import store as sqlite
from ledger.store.sqlite import unit
from ledger.store.sqlite.errors import FailedStatement, OldSqlite
from ledger.store.sqlite.store import SqliteStore
from tests.builders import ANA, ANN, ANNE, create
from tests.contracts.places import batch

ROOT = Path(__file__).parents[2]
OPENINGS = 300
WRITER = """
import sys
from itertools import count
from domain.language.ids import RecordRef
from ledger.opening import open_ledger
from tests.builders import create
from tests.contracts.places import batch
with open_ledger(sys.argv[1], create=True) as ledger:
    for number in count():
        ledger.execute(batch(create(RecordRef("contacts", f"{number}"))))
        print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "ledger.db"
    with open_ledger(str(file), create=True) as ledger:
        ledger.execute(batch(create(ANN)))
    return file


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def appending_before_each_statement(path: Path, patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let another writer append a record before each statement of a connection that is opened from now on."""
    seen: list[str] = []
    with closing(Ledger(SqliteStore(path, create=False))) as other:
        other.execute(batch(create(ANNE)))
        connect = sqlite3.connect

        class Interleaved(sqlite3.Connection):
            def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:  # noqa: ANN401  as it is declared
                seen.append(statement)
                if not statement.startswith("PRAGMA syn"):
                    other.execute(batch(create(ANA._replace(record_id=f"{len(seen)}"))))
                return super().execute(statement, *values)

        patch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, **{"factory": Interleaved, **named}))
        yield seen
        patch.undo()


def test_a_check_reads_one_moment_though_another_writes_between_its_statements(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with appending_before_each_statement(path, monkeypatch) as seen:
        store = SqliteStore(path, create=False)
    store.close()
    assert any("sqlite_sequence" in statement for statement in seen)


def test_a_ledger_opens_hundreds_of_times_while_another_process_writes(path: Path) -> None:
    writer = subprocess.Popen(  # noqa: S603  our own script
        [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        heads = []
        for _ in range(OPENINGS):
            with open_ledger(str(path), create=False) as ledger:
                heads.append(ledger.head())
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()
        assert writer.stdout is not None
        writer.stdout.close()
    assert heads == sorted(heads)
    assert len(set(heads)) > 1


def test_tables_that_a_newer_version_changed_meanwhile_are_no_damage(path: Path) -> None:
    with open_ledger(str(path), create=False) as ledger:
        sql(path, "ALTER TABLE events RENAME COLUMN recorded_at TO at", "PRAGMA user_version = 99")
        with pytest.raises(NewerSchema, match="use the version that made it"):
            ledger.read(0, 10)


def test_a_statement_that_fails_on_tables_as_they_were_made_is_a_bug_of_ours_and_no_damage(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit, "PAGE", "SELECT misspelt FROM events WHERE position > ? LIMIT ?")
    with open_ledger(str(path), create=False) as ledger, pytest.raises(FailedStatement):
        ledger.read(0, 10)


def test_a_table_that_is_gone_is_damage(path: Path) -> None:
    with open_ledger(str(path), create=False) as ledger:
        sql(path, "DROP TABLE claims")
        with pytest.raises(DamagedDatabase, match=r"no such table: claims\); restore it"):
            ledger.execute(batch(create(ANNE, email="x@x.be")))


def test_a_file_that_was_replaced_while_it_was_open_is_no_damage(path: Path) -> None:
    with open_ledger(str(path), create=False) as ledger:
        ledger.execute(batch(create(ANNE)))
        old = path.rename(path.with_name("old.db"))
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").rename(f"{old}{suffix}")
        with open_ledger(str(path), create=True) as other:
            other.execute(batch(create(ANA)))
        sql(old, "DROP TABLE claims")
        with pytest.raises(UnreachableDatabase, match="was replaced while it was open"):
            ledger.execute(batch(create(ANA, email="x@x.be")))


def _malformed() -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def test_a_file_on_a_read_only_medium_that_somebody_writes_is_no_damage(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    store = SqliteStore(path, create=False, read_only=True)
    monkeypatch.setattr(store, "_reading", sqlite._IMMUTABLE)  # noqa: SLF001
    store._opened = store._identity()  # noqa: SLF001

    def read_while_it_grows() -> None:
        with store.reading():
            path.write_bytes(path.read_bytes() + b"\0" * 4096)
            raise _malformed()

    with closing(store), pytest.raises(UnreachableDatabase, match="replaced while it was open"):
        read_while_it_grows()


def test_an_sqlite_that_is_too_old_is_said_and_no_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(OldSqlite, match=r"too old, 3\.38\.0 or newer is needed"):
        open_ledger(str(path), create=False)


def test_an_index_that_lacks_a_claim_is_no_reason_to_give_up_the_log(path: Path) -> None:
    sql(path, "CREATE UNIQUE INDEX one ON claims (kind)")
    with open_ledger(str(path), create=False) as ledger:
        ledger.execute(batch(create(ANNE, email="anne@x.be")))
        with pytest.raises(ContradictingIndexes, match="the log is as it was") as raised:
            ledger.execute(batch(create(ANA, email="ana@x.be")))
    assert "restore" not in str(raised.value)


@pytest.mark.parametrize(
    ("data", "advice"),
    [(b'{"command_id": 5}', "use the version that wrote it"), (b'{"command_id": ', "restore the ledger from a copy")],
    ids=["JSON of another version", "no JSON at all"],
)
def test_an_event_is_called_changed_only_where_no_version_wrote_such_bytes(data: bytes, advice: str) -> None:
    with pytest.raises(UnreadableEvent, match=advice):
        decode("record.merged-away.v1", data, 12)


def test_every_message_that_advises_to_restore_is_known_here() -> None:
    advising = {
        "codec.py": 1,  # Bytes that are no JSON.
        "loading.py": 1,  # A stream out of order, in one statement's rows.
        "damage.py": 2,  # DamagedDatabase, which each store makes sure of; and LostLedger, of a file without content.
    }
    found = {
        file.name: len(advice)
        for file in (ROOT / "ledger").rglob("*.py")
        if (advice := re.findall(r"restore (?:it|the ledger) from a copy", file.read_text(encoding="utf-8")))
    }
    assert found == advising
