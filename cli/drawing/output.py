"""Layer: cli. Writes answers to stdout: one JSON document, a stream of JSON lines, CSV, or a table.

A command returns an `Answer` and does not know the format. All four show the same JSON: tables and
CSV are drawn from what `-o json` prints. Bytes are always UTF-8, whatever the locale.
"""

import csv
import io
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from cli.session import exits
from cli.session.session import escaped

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cli.session.session import Session

Json: TypeAlias = Any  # A decoded JSON value: what it holds depends on the command, and a drawing knows its own.

_FORMULA: Final = re.compile(r"'*([=@\t\r]|[+-][0-9 ().\-/]*[^0-9 ().\-/])")
_ENCODE = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Answer:
    """A command's result: the value, its rows if it is a list, how it is drawn, the exit code."""

    value: Any
    draw: Callable[[Any], "RenderableType"]
    rows: Sequence[Any] | None = None
    code: int = exits.DONE
    notes: tuple[str, ...] = field(default=())


def write(answer: Answer, session: "Session") -> int:
    """Write an answer in the session's format; returns the exit code."""
    rows = [answer.value] if answer.rows is None else answer.rows
    if session.format == "json":
        write_bytes(document(answer.value))
    elif session.format == "jsonl":
        write_bytes(b"".join(line(row) for row in rows))
    elif session.format == "csv":
        write_bytes(as_csv([as_json(row) for row in rows], write_cell=cell_writer(session)))
    else:
        draw(answer.draw(as_json(answer.value)), session)
    for note in answer.notes:
        session.say(note)
    return answer.code


def draw(drawn: "RenderableType", session: "Session") -> None:
    """Write a table or a page."""
    with session.console.capture() as captured:
        session.console.print(drawn)
    write_bytes(captured.get().encode(), is_drawn=True)


def as_json(value: Any) -> Any:  # noqa: ANN401  whatever JSON can hold
    """Turn Structs into what their JSON holds."""
    return msgspec.json.decode(_ENCODE(value))


def document(value: Any) -> bytes:  # noqa: ANN401
    """Return one indented JSON document."""
    return msgspec.json.format(_ENCODE(value), indent=2) + b"\n"


def line(value: Any) -> bytes:  # noqa: ANN401
    """Return one line of JSON."""
    return _ENCODE(value) + b"\n"


def cell(value: Any) -> str:  # noqa: ANN401
    """Return one JSON value as text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return ";".join(map(cell, value))
    return _ENCODE(value).decode()


def csv_cell(value: Any) -> str:  # noqa: ANN401
    """Write one JSON value as a cell that no spreadsheet takes for a formula: text that begins like one gets a `'`.

    Text that has such a `'` itself gets one more, so that one can always be taken off again.
    """
    text = cell(value)
    return f"'{text}" if isinstance(value, str | list) and _FORMULA.match(text) else text


def cell_writer(session: "Session") -> Callable[[Any], str]:
    """Return the function that writes a CSV cell in this run."""
    return cell if session.raw else csv_cell


def as_csv(
    rows: Sequence[Any],
    columns: Sequence[str] | None = None,
    *,
    header: bool = True,
    write_cell: Callable[[Any], str] = cell,
) -> bytes:
    """Write rows flat: objects inside become `outer.inner` columns, plain lists `a;b`, other lists JSON."""
    flat = [flattened(row, write_cell=write_cell) for row in rows]
    names = columns or list(dict.fromkeys(name for row in flat for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", extrasaction="ignore", lineterminator="\n")
    if header and names:
        writer.writeheader()
    quoting = csv.DictWriter(text, names, "", "ignore", lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in flat:  # Not every Python quotes a carriage return, and readers take it for the end of a line.
        (quoting if any("\r" in one for one in row.values()) else writer).writerow(row)
    return text.getvalue().encode()


def flattened(
    value: Any,  # noqa: ANN401
    path: str = "",
    write_cell: Callable[[Any], str] = cell,
) -> dict[str, str]:
    """Flatten JSON into named texts."""
    if isinstance(value, Mapping):
        inner: dict[str, str] = {}
        for name, one in value.items():
            inner |= flattened(one, f"{path}.{name}" if path else str(name), write_cell)
        return inner or ({path: ""} if path else {})
    return {path or "value": write_cell(value)}


class Stream:
    """Writes outcomes as they arrive; a JSON document is closed even if the run is interrupted."""

    def __init__(self, session: "Session", columns: Sequence[str]) -> None:
        """Begin; with `table` nothing is written here, a summary follows."""
        self._format = session.format
        self._columns = columns
        self._write_cell = cell_writer(session)
        self._begun = False

    def write(self, values: Iterable[Any]) -> None:
        """Write some more."""
        if self._format == "jsonl":
            write_bytes(b"".join(line(value) for value in values))
        elif self._format == "csv":
            rows = [as_json(value) for value in values]
            write_bytes(as_csv(rows, self._columns, header=not self._begun, write_cell=self._write_cell))
            self._begun = True
        elif self._format == "json":
            for value in values:
                write_bytes((b",\n  " if self._begun else b"[\n  ") + _ENCODE(value))
                self._begun = True
        sys.stdout.flush()

    def close(self) -> None:
        """End the document."""
        if self._format == "json":
            write_bytes(b"\n]\n" if self._begun else b"[]\n")
        elif self._format == "csv" and not self._begun:
            write_bytes(as_csv([], self._columns))
        sys.stdout.flush()


def write_bytes(data: bytes, *, is_drawn: bool = False) -> None:
    """Write all of it: where Python is told not to buffer, a pipe may take less than it is given.

    Data that goes to a terminal cannot steer it; what is drawn has colours, and was made safe where it was drawn.
    """
    if not is_drawn and sys.stdout.isatty():
        data = escaped(data.decode()).encode()
    rest = memoryview(data)
    try:
        sys.stdout.flush()
        while rest:
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise exits.NoOutput(error) from None
