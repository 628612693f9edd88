"""Layer: tests. The tables are documented, readable by SQL, and looked up by their keys alone."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from projections.models.catalogue import READ_MODEL, TABLES, VIEWS
from projections.store.sqlite import SqliteReadStore
from projections.store.tables import RECORD, STILL_SO, Newest, Rows, Table
from tests.builders import ANN, create
from tests.house.repository import text
from tests.projections.histories import EVERYTHING
from tests.reading import Readable

PAGE = text("docs/read-model.md")
SECTIONS = {
    name: set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))))
    for name, section in re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
QUESTIONS = [
    question
    for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    for question in block.split(";\n")
    if question
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """The live file, as somebody with sqlite3 reads it."""
    with closing(Readable(tmp_path_factory.mktemp("read"))) as readable:
        readable.execute(*EVERYTHING)
        readable.projector.catch_up()
        live = readable.store.live()
    assert live is not None
    with closing(sqlite3.connect(f"file:{live.location}?mode=ro", uri=True)) as connection:
        yield connection


def test_every_table_and_view_is_documented_with_all_its_columns() -> None:
    known = {**{table.name: set(table.columns) for table in TABLES}, **{view.name: set(view.columns) for view in VIEWS}}
    assert {**SECTIONS, "read_side": set()} == {**known, "read_side": set()}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.split("\n", maxsplit=1)[0].strip("- "))
def test_the_questions_of_the_page_have_answers(database: sqlite3.Connection, question: str) -> None:
    assert database.execute(question).fetchall()


def test_the_tables_that_others_ask_for_by_name_tell_what_they_ask(database: sqlite3.Connection) -> None:
    ids = "SELECT record_id, current_id FROM merged_ids WHERE object_type = 'contacts' ORDER BY record_id"
    assert database.execute(ids).fetchall() == [("101", "103"), ("102", "103")]
    removed = "SELECT segment_id, record_id, reason FROM static_segment_removals"
    assert database.execute(removed).fetchall() == [("other-list", "102", "the same")]
    unenrolled = "SELECT record_id FROM workflow_unenrollments WHERE cause LIKE 'merge:%' ORDER BY record_id"
    assert database.execute(unenrolled).fetchall() == [("101",), ("102",)]
    city = "SELECT json_extract(properties, '$.city') FROM current_records WHERE record_id = '103'"
    assert database.execute(city).fetchall() == [("Luik",)]
    assert database.execute("SELECT position FROM read_side").fetchone() > (0,)


def test_a_record_merged_away_keeps_no_values_in_its_row(database: sqlite3.Connection) -> None:
    rows = database.execute(
        "SELECT status, merged_into, properties, state FROM current_records WHERE record_id = '102'"
    ).fetchall()
    ((status, merged_into, properties, state),) = rows
    assert (status, merged_into, properties) == ("merged_away", "103", "{}")
    assert "anne@x.be" not in state
    assert "Brugge" not in state


# -- look-ups


def prefixes(table: Table) -> Iterator[tuple[str, ...]]:
    """Tell the columns that rows of a table are looked up by."""
    yield table.key
    for index in table.indexes:
        if not index.only:
            yield index.columns
    if "to_position" in table.columns:
        yield table.key[:-1]
    if table.key[:3] == RECORD:
        yield RECORD


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    """A generation that was just made, in the transaction of a page."""
    path = tmp_path_factory.mktemp("begun") / "ledger.db"
    with closing(SqliteReadStore(path, READ_MODEL)) as store, store.page(store.begin(store.numbers())) as page:
        yield page


@pytest.mark.parametrize(
    ("table", "on"), [(table, on) for table in TABLES for on in sorted(set(prefixes(table)))], ids=str
)
def test_rows_are_looked_up_by_all_columns_of_a_key(begun: Rows, table: Table, on: tuple[str, ...]) -> None:
    """SQLite must not think that one column will do: a look-up goes through the rows of the key alone."""
    only = STILL_SO if "to_position" in table.columns else ""
    met = " AND ".join(f"t.{name} = json_extract(k.value, '$[0]')" for name in on)
    plan = begun.select(
        f"EXPLAIN QUERY PLAN SELECT 1 FROM json_each('[]') k CROSS JOIN {table.name} t WHERE {met}"  # noqa: S608  ours
        + (f" AND {only}" if only else "")
    )
    ((searched,),) = [row[3:] for row in plan if row[3].startswith(("SEARCH t", "SCAN t"))]
    assert set(re.findall(r"(\w+)=\?", searched.replace("rowid=", f"{on[0]}="))) == set(on)


@pytest.fixture
def rows(readable: Readable) -> Iterator[Rows]:
    readable.given(create(ANN))
    readable.projector.catch_up()
    live = readable.store.live()
    assert live is not None
    with readable.store.page(live) as page:
        yield page


def activity_row(record_id: str, at: str, position: int) -> tuple[object, ...]:
    return ("main", "contacts", record_id, at, position, f"n{position}")


def test_the_newest_rows_of_each_key_are_found_and_no_others(rows: Rows) -> None:
    table = next(one for one in TABLES if one.name == "activity_records")
    rows.write(
        table,
        [
            activity_row(record_id, f"2026-01-0{at}", 1000 * int(record_id) + at)
            for record_id in "12"
            for at in range(1, 8)
        ],
    )
    found = rows.newest_of_records(
        table,
        ("record_id", "at"),
        [("main", "contacts", "1"), ("main", "contacts", "2"), ("main", "contacts", "3")],
        Newest(("at", "position"), 2),
        "at < :before",
        before="2026-01-06",
    )
    assert sorted(found) == [("1", "2026-01-04"), ("1", "2026-01-05"), ("2", "2026-01-04"), ("2", "2026-01-05")]


def test_no_keys_find_nothing(rows: Rows) -> None:
    table = next(one for one in TABLES if one.name == "activity_records")
    assert rows.by_keys(table, ["at"], RECORD, []) == []
    assert rows.newest_of_records(table, ["at"], [], Newest(("at",), 1), "") == []
    assert rows.select("SELECT record_id FROM current_records WHERE record_id IN :ids", ids=[]) == []
    rows.delete(table, [])
