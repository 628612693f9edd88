"""Tests: a ledger whose bits were flipped is told in one line and exit 5, or answers; it is never a traceback."""

import io
import sqlite3
from contextlib import closing
from random import Random

import pytest

from consumers.commands.files import read_batches
from domain.state.folds import FOLD_VERSION
from ledger.ledger import Ledger
from ledger.store.sqlite.store import SqliteStore
from tests.cli.running import Cli, contact, lines
from tests.contracts.places import TickingClock

FLIPS = 60
MERGE = {"type": "merge_records", "object_type": "contacts"}
WRITTEN = lines(
    contact("101", email="ann@x.be", city="Gent"),
    contact("102", email="anne@x.be"),
    {**MERGE, "command_id": "merge-1", "primary_id": "101", "secondary_id": "102", "result_id": "103"},
    contact("104", email="ana@x.be"),
)
SENT = lines(
    {**MERGE, "command_id": "merge-2", "primary_id": "103", "secondary_id": "104", "result_id": "105"},
    {"type": "update_record", "command_id": "u", "object_type": "contacts", "record_id": "101", "properties": {"a": 1}},
    contact("106", email="anne@x.be"),
)


@pytest.fixture
def whole(cli: Cli) -> bytes:
    """A ledger's file, the same bytes in every run."""
    path = cli.folder / "whole.db"
    clock = TickingClock()
    with closing(Ledger(SqliteStore(path, create=True, clock=clock), clock=clock)) as ledger:
        for batch in read_batches(io.BytesIO(WRITTEN)):
            ledger.execute(batch.commands)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


@pytest.mark.parametrize("seed", range(4))
def test_what_is_executed_on_flipped_bits_ends_with_an_answer_or_one_line(cli: Cli, whole: bytes, seed: int) -> None:
    dice = Random(seed)  # noqa: S311  dice
    unusable = 0
    for flip in range(FLIPS):
        broken = bytearray(whole)
        broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        path = cli.folder / f"{flip}.db"
        path.write_bytes(broken)
        ran = cli("apply", "-", "--db", str(path), stdin=SENT)
        assert ran.code in (0, 3, 5), (ran.code, ran.err)
        if ran.code == 5:
            unusable += 1
            assert len(ran.err.splitlines()) == 1
    assert unusable


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE lineages SET current = 'main'", "cannot be read as they were stored"),
        (
            f"REPLACE INTO snapshots VALUES ('main/records/contacts/104', 1, {FOLD_VERSION}, '[]')",  # noqa: S608  a number of ours
            "cannot be read as they were stored",
        ),
        (
            "DELETE FROM claims; CREATE UNIQUE INDEX one ON claims (kind)",
            "is damaged",
        ),
    ],
)
def test_an_index_that_does_not_fit_the_log_is_told(cli: Cli, whole: bytes, statement: str, says: str) -> None:
    path = cli.folder / "ledger.db"
    path.write_bytes(whole)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(statement)
    ran = cli("apply", "-", "--db", str(path), stdin=SENT + lines(contact("107", email="x@x.be")))
    assert ran.code == 5
    assert says in ran.err
    assert len(ran.err.splitlines()) == 1
