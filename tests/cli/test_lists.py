"""Lists are written as they are read: the same bytes as the whole list at once, in the memory of one chunk."""

import csv
import io
import os
import tracemalloc
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import msgspec
import pytest

from cli.__main__ import main
from cli.drawing.output import document
from cli.drawing.paging import CHUNK, Shown, columns, write_pages
from cli.session.session import Session
from cli.session.settings import resolve
from domain.language.outcomes import Outcome
from projections.reading import shapes
from projections.reading.paging import PageAsked, chunks
from tests.cli.running import Cli, contact, lines

MANY = 5 * CHUNK + 7


class Numbered(msgspec.Struct):
    """One result of a list that is made up: its number."""

    number: int


def numbers(total: int, asked: list[int] | None = None) -> Callable[[PageAsked], shapes.Listing[Numbered]]:
    """Read a list of the numbers from 0; notes how many results each read asked for."""

    def read(page: PageAsked) -> shapes.Listing[Numbered]:
        if asked is not None:
            asked.append(page.limit)
        begin = 0 if page.after is None else int(page.after)
        end = min(begin + page.limit, total)
        found = [Numbered(number) for number in range(begin, end)]
        rest = shapes.Paging(shapes.Next(str(end))) if end < total else msgspec.UNSET
        return shapes.Listing(results=found, total=total if page.counts else msgspec.UNSET, paging=rest)

    return read


@pytest.mark.parametrize(("limit", "sizes"), [(1, [1]), (4, [4]), (5, [4, 1]), (8, [4, 4]), (99, [4, 4, 4])])
def test_a_long_page_is_read_in_chunks_and_counted_once(limit: int, sizes: list[int]) -> None:
    asked: list[int] = []
    read = list(chunks(numbers(10, asked), PageAsked(limit), 4))
    assert asked == sizes
    assert [one.number for chunk in read for one in chunk.results] == list(range(min(limit, 10)))
    assert {chunk.total for chunk in read} == {10}
    assert [chunk.paging is msgspec.UNSET for chunk in read[:-1]] == [True] * (len(read) - 1)
    assert read[-1].paging == numbers(10)(PageAsked(limit)).paging


@pytest.mark.parametrize("total", [0, 1, 4, 5, 9])
@pytest.mark.parametrize("limit", [3, 4, 100])
def test_a_document_written_in_chunks_has_the_bytes_of_the_whole(
    total: int, limit: int, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    session = Session(resolve({"output": "json"}))
    write_pages(numbers(total), PageAsked(limit), Shown(Numbered, str), session, chunk=2)
    assert capsysbinary.readouterr().out == document(numbers(total)(PageAsked(limit)))


def test_columns_come_from_the_type_of_the_results() -> None:
    record = columns(Shown(shapes.Record, str, {"properties": ["city", "hs_object_id"]}))
    assert ("properties", "city") in record
    assert ("segments", "static") in record
    assert ("sync",) in record
    assert ("data",) in columns(Shown(shapes.EventShown, str))
    outcome = columns(Shown(Outcome, str, without={"line"}))
    assert ("details",) in outcome
    assert ("line",) not in outcome


# -- through the command line


@pytest.fixture
def crowded(cli: Cli) -> Cli:
    """A ledger with more records than fit into a chunk; the last one has a property that no other has."""
    people = [contact(f"p{number:05d}", city="Gent") for number in range(MANY)]
    people[-1]["properties"]["only_the_last_has_it"] = "yes"
    merges = [
        {
            "type": "merge_records",
            "command_id": f"merge-{number}",
            "object_type": "contacts",
            "primary_id": f"p{2 * number:05d}",
            "secondary_id": f"p{2 * number + 1:05d}",
        }
        for number in range(5 * CHUNK // 2)
    ]
    assert cli("apply", "-", "-o", "jsonl", stdin=lines(*people, *merges)).code == 0
    assert cli("projections", "run").code == 0
    return cli


LISTS = (["search", "contacts"], ["merges", "list"], ["outcomes", "list"], ["events", "list"])


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_every_format_of_a_long_list_has_every_result(crowded: Cli, words: Sequence[str]) -> None:
    whole = crowded(*words, "--limit", "100000", "-o", "json").json["results"]
    assert len(whole) > CHUNK // 2
    assert crowded(*words, "--limit", "100000", "-o", "jsonl").lines == whole
    rows = list(csv.reader(io.StringIO(crowded(*words, "--limit", "100000", "-o", "csv").out)))
    assert len(rows) == 1 + len(whole)
    assert {len(row) for row in rows} == {len(rows[0])}


def test_a_search_as_csv_has_the_columns_of_all_that_match_on_every_page(crowded: Cli) -> None:
    first, second = (
        crowded("search", "contacts", "--limit", limit, "-o", "csv").out.splitlines()[0] for limit in ("1", "100000")
    )
    assert first == second
    assert "properties.only_the_last_has_it" in first.split(",")


def test_the_data_of_an_event_is_one_cell_of_json(crowded: Cli) -> None:
    (row,) = csv.DictReader(io.StringIO(crowded("events", "list", "--limit", "1", "-o", "csv").out))
    (event,) = crowded("events", "list", "--limit", "1", "-o", "json").json["results"]
    assert list(row) == ["position", "stream", "version", "type", "recorded_at", "data"]
    assert msgspec.json.decode(row["data"]) == event["data"]


def peak(cli: Cli, words: Sequence[str], output: str) -> int:
    """Measure the most memory that a command has at once, in bytes."""
    cli.capture.readouterr()
    tracemalloc.start()
    try:
        with Path(os.devnull).open("wb") as nowhere, io.TextIOWrapper(nowhere) as out, redirect_stdout(out):
            assert main([*words, "-o", output, "--no-catch-up"]) == 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
def test_memory_does_not_grow_with_the_length_of_a_list(crowded: Cli, words: Sequence[str]) -> None:
    def of(limit: int, output: str) -> int:
        return peak(crowded, [*words, "--limit", str(limit)], output)

    for output in ("csv", "json", "jsonl"):
        of(1, output)  # What is imported, and kept for later, is not counted.
        # Two chunks may be there at once: one written, one read. The shortest of the lists has 2.5.
        assert of(100_000, output) < 2.2 * of(CHUNK, output)


FINDS_ALL = ["find", "contacts", "--property", "city=Gent"]
FINDS_A_CHUNK = ["find", "contacts", "--property", "team=early"]


@pytest.fixture
def found_by_thousands(cli: Cli) -> Cli:
    """A ledger with many records of one city, and a chunk of them in a team."""
    people = [contact(f"p{number:05d}", city="Gent", team="late") for number in range(MANY)]
    for one in people[:CHUNK]:
        one["properties"]["team"] = "early"
    people[-1]["properties"]["only_the_last_has_it"] = "yes"
    assert cli("apply", "-", "-o", "jsonl", stdin=lines(*people)).code == 0
    assert cli("projections", "run").code == 0
    return cli


def test_a_find_has_every_record_in_every_format(found_by_thousands: Cli) -> None:
    whole = found_by_thousands(*FINDS_ALL, "-o", "json").json
    assert [one["id"] for one in whole] == [f"p{number:05d}" for number in range(MANY)]
    assert found_by_thousands(*FINDS_ALL, "-o", "jsonl").lines == whole
    rows = list(csv.DictReader(io.StringIO(found_by_thousands(*FINDS_ALL, "-o", "csv").out)))
    assert [row["id"] for row in rows] == [one["id"] for one in whole]
    assert rows[-1]["properties.only_the_last_has_it"] == "yes"


def test_a_find_that_finds_nothing_ends_so_in_every_format(found_by_thousands: Cli) -> None:
    for output in ("json", "jsonl", "csv", "table"):
        ran = found_by_thousands("find", "contacts", "--property", "city=Luik", "-o", output)
        assert (ran.code, ran.out) == (4, "")


def test_memory_does_not_grow_with_what_a_find_finds(found_by_thousands: Cli) -> None:
    for output in ("csv", "json", "jsonl"):
        peak(found_by_thousands, FINDS_A_CHUNK, output)  # What is imported, and kept for later, is not counted.
        # Two chunks may be there at once; all of them are five.
        assert peak(found_by_thousands, FINDS_ALL, output) < 2.2 * peak(found_by_thousands, FINDS_A_CHUNK, output)


# -- resolving ids from stdin


def test_field_case_resolve_bom_ids_are_read_without_what_surrounds_them(cli: Cli) -> None:
    cli.given(contact("a"), contact("b"))
    ran = cli("resolve", "contacts", "-", "-o", "jsonl", stdin=b"\xef\xbb\xbfa\r\n\r\n  b\t\r\n")
    assert (ran.code, ran.err) == (0, "")
    assert [(one["requested_id"], one["status"]) for one in ran.lines] == [("a", "active"), ("b", "active")]


def test_field_case_resolve_bom_what_is_no_id_is_reported_with_its_line_and_stops_nothing(cli: Cli) -> None:
    cli.given(contact("a"), contact("b"))
    ran = cli("resolve", "contacts", "-", "-o", "jsonl", stdin=b"a,\nb\n\xff\nann@x.example\nx\n")
    assert ran.code == 1
    assert [(one["requested_id"], one["status"]) for one in ran.lines] == [("b", "active"), ("x", "unknown")]
    assert [line.split(":")[0] for line in ran.err.splitlines()] == ["line 1", "line 3", "line 4"]
    assert "ann@x.example" not in ran.err


def test_what_is_no_id_is_counted_where_there_is_much_of_it(cli: Cli) -> None:
    cli.given(contact("a"))
    ran = cli("resolve", "contacts", "-", "-o", "json", stdin=b"a;\n" * 1_000 + b"a\n")
    assert ran.code == 1
    assert [one["requested_id"] for one in ran.json] == ["a"]
    assert len(ran.err.splitlines()) == 21
    assert ran.err.splitlines()[-1].startswith("1,000 words")


@pytest.mark.parametrize("word", ["a,", "ann@x.example", "", "x" * 65])
def test_an_argument_that_is_no_id_is_a_mistake(cli: Cli, word: str) -> None:
    cli.given(contact("a"))
    ran = cli("resolve", "contacts", "a", word)
    assert ran.code == 2
    assert "id 2" in ran.err
    assert not word or word not in ran.err


def test_many_ids_on_stdin_are_answered_in_their_order(cli: Cli) -> None:
    cli.given(contact("a"))
    asked = [f"x{number}" for number in range(3_000)] + ["a"]
    for output in ("json", "jsonl", "csv"):
        ran = cli("resolve", "contacts", "-", "-o", output, stdin="\n".join(asked).encode())
        rows = (
            ran.json
            if output == "json"
            else ran.lines
            if output == "jsonl"
            else list(csv.DictReader(io.StringIO(ran.out)))
        )
        assert [one["requested_id"] for one in rows] == asked
