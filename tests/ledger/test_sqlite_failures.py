"""Layer: tests. A file that cannot be used: one line says so and what to do, and nothing is half done."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest

from ledger.ledger import Ledger
from ledger.opening import open_ledger
from ledger.store.damage import DamagedDatabase
from ledger.store.port import (
    FullDatabase,
    LockedDatabase,
    MissingDatabase,
    NewerSchema,
    NotALedger,
    NotAName,
    ReadOnlyDatabase,
    StoreUnusable,
    UnreachableDatabase,
    UnsafeSetting,
)
from ledger.store.sqlite import store as sqlite
from ledger.store.sqlite.store import SqliteStore
from tests.builders import ANA, ANN, ANNE, create, merge
from tests.contracts.places import batch

NOBODY = 65_534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def filled(path: Path) -> Path:
    with open_ledger(str(path), create=True) as ledger:
        ledger.execute(batch(create(ANN, email="ann@x.be"), create(ANNE), merge()))
    return path


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def refused(kind: type[StoreUnusable], names: Path, advice: str) -> Iterator[None]:
    """Expect one line that names the place and the next step."""
    with pytest.raises(kind, match=advice) as raised:
        yield
    message = str(raised.value)
    assert str(names) in message
    assert "\n" not in message


@contextmanager
def as_nobody() -> Iterator[None]:
    """Go on as somebody whom modes of files stop, for nothing stops root."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if me == 0:
            os.seteuid(me)


# -- missing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read_only", [False, True])
def test_reading_what_is_not_there_says_so_and_makes_nothing(path: Path, read_only: bool) -> None:  # noqa: FBT001
    with refused(MissingDatabase, path, "there is no ledger"):
        open_ledger(str(path), create=False, read_only=read_only)
    assert list(path.parent.iterdir()) == []


def test_a_ledger_in_a_folder_that_is_not_there_is_refused_and_makes_no_folder(path: Path) -> None:
    inside = path.parent / "absent" / "ledger.db"
    with refused(UnreachableDatabase, inside, "folder"):
        open_ledger(str(inside), create=True)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["a?b=c.db", "50%.db", "# of contacts.db", "été.db", "with space.db"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    with open_ledger(str(tmp_path / name), create=True) as ledger:
        ledger.execute(batch(create(ANN)))
    assert (tmp_path / name).exists()
    with open_ledger(str(tmp_path / name), create=False, read_only=True) as ledger:
        assert ledger.head() == 2


# -- locked -----------------------------------------------------------------------------------------------------------


def test_a_writer_waits_for_another_and_says_when_it_has_waited_long_enough(filled: Path) -> None:
    with closing(Ledger(SqliteStore(filled, create=False, busy_timeout_ms=50))) as ledger:
        other = sqlite3.connect(filled, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        head = ledger.head()  # Readers wait for nobody.
        command = create(ANA)
        with refused(LockedDatabase, filled, "try again"):
            ledger.execute(batch(command))
        other.close()
        assert ledger.head() == head
        assert ledger.execute(batch(command))[0].status == "applied"


# -- read-only --------------------------------------------------------------------------------------------------------


def test_a_ledger_opened_for_reading_takes_no_writes(filled: Path) -> None:
    with open_ledger(str(filled), create=False, read_only=True) as ledger:
        head = ledger.head()
        with refused(ReadOnlyDatabase, filled, "writable"):
            ledger.execute(batch(create(ANA)))
        assert ledger.head() == head


def test_a_file_without_rights_to_write_is_read_and_not_written(filled: Path) -> None:
    folder = filled.parent
    while folder != folder.parent:
        folder.chmod(folder.stat().st_mode | 0o055)
        folder = folder.parent
    filled.chmod(0o444)
    filled.parent.chmod(0o555)
    with as_nobody():
        with open_ledger(str(filled), create=False, read_only=True) as ledger:
            assert ledger.head() > 0
        for create_it in (True, False):
            with refused(ReadOnlyDatabase, filled, "make the file and its folder writable"):
                open_ledger(str(filled), create=create_it).execute(batch(create(ANA)))
    filled.parent.chmod(0o755)


# -- something else ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("create_it", [False, True])
def test_a_ledger_of_a_newer_version_is_neither_read_nor_written(filled: Path, create_it: bool) -> None:  # noqa: FBT001
    sql(filled, "PRAGMA user_version = 99")
    with refused(NewerSchema, filled, r"has schema 99 .* use the version that made it"):
        open_ledger(str(filled), create=create_it)


@pytest.mark.parametrize("create_it", [False, True])
@pytest.mark.parametrize(
    "content",
    [b"name;email\nAnn;ann@x.be\n" * 100, b"SQLite format 3\0" + b"\0" * 4_000],
    ids=["text", "a torn header"],
)
def test_a_file_that_is_no_database_is_left_as_it_is(path: Path, content: bytes, create_it: bool) -> None:  # noqa: FBT001
    path.write_bytes(content)
    with refused(NotALedger, path, "is not a ledger; check --db"):
        open_ledger(str(path), create=create_it)
    assert path.read_bytes() == content


@pytest.mark.parametrize("create_it", [False, True])
def test_another_applications_database_is_left_as_it_is(path: Path, create_it: bool) -> None:  # noqa: FBT001
    sql(path, "CREATE TABLE events (id)", "PRAGMA user_version = 1")
    before = path.read_bytes()
    with refused(NotALedger, path, "is not a ledger"):
        open_ledger(str(path), create=create_it)
    assert path.read_bytes() == before


def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    for create_it in (False, True):
        with refused(UnreachableDatabase, tmp_path, "cannot be used"):
            open_ledger(str(tmp_path), create=create_it)


@pytest.mark.parametrize("create_it", [False, True])
def test_the_folder_one_is_in_is_no_ledger(create_it: bool) -> None:  # noqa: FBT001
    with refused(UnreachableDatabase, Path(), "cannot be used"):
        open_ledger(".", create=create_it)


def test_an_empty_file_is_no_ledger_to_read_and_becomes_one_when_it_is_written(path: Path) -> None:
    path.touch()
    with refused(NotALedger, path, "is not a ledger"):
        open_ledger(str(path), create=False)
    assert path.read_bytes() == b""
    with open_ledger(str(path), create=True) as ledger:
        assert ledger.head() == 0


def test_a_disk_that_keeps_no_write_ahead_log_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "WAL", "PRAGMA journal_mode = DELETE")  # As on some network disks.
    with refused(UnreachableDatabase, path, "write-ahead log"):
        open_ledger(str(path), create=True)


# -- full -------------------------------------------------------------------------------------------------------------


def test_a_full_disk_stores_nothing_of_the_batch_and_the_same_batch_goes_in_when_there_is_room(filled: Path) -> None:
    store = SqliteStore(filled, create=False)
    commands = batch(*(create(ANN._replace(record_id=str(number)), text="x" * 5_000) for number in range(500, 600)))
    with closing(Ledger(store)) as ledger:
        head = ledger.head()
        with store.writing() as unit:
            (pages,) = unit._all("PRAGMA page_count").fetchone()  # noqa: SLF001
            unit._all(f"PRAGMA max_page_count = {pages + 20}")  # noqa: SLF001
        with refused(FullDatabase, filled, "free some"):
            ledger.execute(commands)
        assert ledger.head() == head
        with store.writing() as unit:
            unit._all("PRAGMA max_page_count = 1000000")  # noqa: SLF001
        assert {outcome.status for outcome in ledger.execute(commands)} == {"applied"}
        assert ledger.read(head, 1)[0].position == head + 1


# -- damaged ----------------------------------------------------------------------------------------------------------


def test_a_log_whose_end_is_missing_is_not_opened(filled: Path) -> None:
    sql(filled, "DROP TRIGGER events_are_not_deleted", "DELETE FROM events WHERE position > 5")
    with refused(DamagedDatabase, filled, r"ends at 5 and had 8 events"):
        open_ledger(str(filled), create=False)


def test_flipped_bits_are_never_a_traceback(filled: Path) -> None:
    sql(filled, "PRAGMA wal_checkpoint(TRUNCATE)")
    whole, dice = filled.read_bytes(), Random(16)  # noqa: S311  dice
    said = 0
    for _ in range(150):
        broken = bytearray(whole)
        broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        for file in filled.parent.iterdir():
            file.unlink()
        filled.write_bytes(broken)
        try:
            with open_ledger(str(filled), create=False) as ledger:
                for stored in ledger.read(0, 100):
                    ledger.decode(stored)
        except StoreUnusable as error:
            assert "\n" not in str(error)  # noqa: PT017  most flips change nothing that is noticed without hashes
            said += 1
    assert said > 10


# -- settings ---------------------------------------------------------------------------------------------------------


def test_the_librarys_mode_that_loses_events_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_ENABLE_DB_FUNCTIONS", "y")
    with pytest.raises(UnsafeSetting, match=r"POSTGRES_ENABLE_DB_FUNCTIONS is set: .* unset it"):
        open_ledger(str(path), create=True)
    assert not path.exists()


@pytest.mark.parametrize("named", ["host=h password=s3cret", "postgresq://me:s3cret@h/crm", ":memory:"])
def test_from_python_too_what_names_no_ledger_becomes_no_file(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotAName) as refused:
        open_ledger(named, create=True)
    assert "s3cret" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
