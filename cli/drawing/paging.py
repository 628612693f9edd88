"""Layer: cli. Writes lists a chunk at a time, so that memory does not grow with their length.

A CSV file names its columns before its first row, so they come from the type of the results and
never from the rows: every page of a list has the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from cli.drawing.output import as_csv, as_json, cell_writer, document, draw, line, write_bytes
from cli.session.exits import DONE
from cli.session.session import Session
from projections.reading.paging import PageAsked, chunks
from projections.reading.shapes import Listing, Paging

if TYPE_CHECKING:
    from rich.console import RenderableType

T = TypeVar("T", bound=Struct)
ColumnPath: TypeAlias = tuple[str, ...]
CHUNK: Final = 500  # Results in memory at once.


@dataclass(frozen=True)
class Shown(Generic[T]):
    """How a list is shown: the type of its results, and what draws them.

    For CSV also the names inside a field that is a mapping (one without names is a cell of JSON), and
    the fields that get no column.
    """

    shape: type[T]
    draw: Callable[[Any], "RenderableType"]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    without: AbstractSet[str] = frozenset()


def write_pages(
    read: Callable[[PageAsked], Listing[T]], page: PageAsked, shown: Shown[T], session: Session, chunk: int = CHUNK
) -> int:
    """Write a page of a list as it is read; where more follows, a note on stderr gives the next `--after`."""
    listings = chunks(read, page, chunk)
    if session.format == "json":
        last = _write_document(listings)
    elif session.format == "csv":
        last = _write_csv(listings, columns(shown), cell_writer(session))
    else:
        last = _write_chunks(listings, shown, session)
    if isinstance(last.total, int):
        session.say(f"{last.total:,} records match")
    if isinstance(last.paging, Paging):
        session.say(f"there is more: --after {last.paging.next.after}")
    return DONE


def write_rows(batches: Iterator[Sequence[T]], shown: Shown[T], session: Session) -> int:
    """Write a list that has no pages: a JSON document is then an array."""
    if session.format == "json":
        _write_array(batches)
        write_bytes(b"\n")
    else:
        listings = (Listing(results=list(batch)) for batch in batches)
        if session.format == "csv":
            _write_csv(listings, columns(shown), cell_writer(session))
        else:
            _write_chunks(listings, shown, session)
    return DONE


def _write_document(listings: Iterator[Listing[Any]]) -> Listing[Any]:
    """Write `{"results": […], …}` as one document, whose end is known only when the last chunk is read."""
    last: Listing[Any] = Listing(results=[])

    def results() -> Iterator[Sequence[Any]]:
        nonlocal last
        for last in listings:
            yield last.results

    write_bytes(b'{\n  "results": ')
    _write_array(results(), "  ")
    rest = {name: value for name, value in as_json(last).items() if name != "results"}
    write_bytes(b",\n" + document(rest)[2:] if rest else b"\n}\n")
    return last


def _write_array(batches: Iterator[Sequence[Any]], indent: str = "") -> None:
    before, is_empty = f"\n{indent}  ".encode(), True
    write_bytes(b"[")
    for batch in batches:
        for value in batch:
            write_bytes((b"" if is_empty else b",") + before + document(value)[:-1].replace(b"\n", before))
            is_empty = False
    write_bytes(b"]" if is_empty else f"\n{indent}]".encode())


def _write_csv(
    listings: Iterator[Listing[Any]], paths: Sequence[ColumnPath], write_cell: Callable[[Any], str]
) -> Listing[Any]:
    names = [".".join(path) for path in paths]
    write_bytes(as_csv([], names))
    last: Listing[Any] = Listing(results=[])
    for last in listings:
        rows = [
            {name: write_cell(_at(row, path)) for name, path in zip(names, paths, strict=True)}
            for row in as_json(last.results)
        ]
        write_bytes(as_csv(rows, names, header=False))
    return last


def _write_chunks(listings: Iterator[Listing[Any]], shown: Shown[Any], session: Session) -> Listing[Any]:
    """Write JSON lines, or for people one table per chunk, each under its own heading."""
    last: Listing[Any] = Listing(results=[])
    for number, last in enumerate(listings):
        if session.format == "jsonl":
            write_bytes(b"".join(map(line, last.results)))
        elif last.results or not number:
            draw(shown.draw(as_json(last.results)), session)
    return last


def _at(row: Any, path: ColumnPath) -> Any:  # noqa: ANN401  whatever JSON can hold
    for name in path:
        row = row.get(name) if isinstance(row, Mapping) else None
    return None if row == {} else row


def columns(shown: Shown[Any]) -> list[ColumnPath]:
    """List the CSV columns of a list: a Struct inside a result has `outer.inner` ones, any other field has one."""
    return [path for path in _columns(shown.shape, shown.names) if path[0] not in shown.without]


def _columns(shape: type[Struct], names: Mapping[str, Sequence[str]]) -> Iterator[ColumnPath]:
    hints = get_type_hints(shape)
    for found in msgspec.structs.fields(shape):
        name = found.encode_name
        inner = _struct_in(hints[found.name])
        if inner is not None:
            yield from ((name, *path) for path in _columns(inner, {}))
        elif name in names:
            yield from ((name, one) for one in names[name])
        else:
            yield (name,)


def _struct_in(hint: Any) -> type[Struct] | None:  # noqa: ANN401  a type as written
    """Find the Struct that a field holds, optional or not; None for lists, mappings and plain values."""
    options = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    structs = [one for one in options if isinstance(one, type) and issubclass(one, Struct)]
    return structs[0] if len(structs) == 1 else None
