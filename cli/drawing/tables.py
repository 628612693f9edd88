"""Layer: cli. Draws lists: the columns of each, and how a cell is written.

What is drawn is the JSON of the contract, so a table never knows more or less than `-o json`.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.drawing.output import cell
from cli.session.session import visible
from domain.language.outcomes import Outcome

Row: TypeAlias = Mapping[str, Any]

_WHOLE: Final = {  # Ids and times are not broken over lines.
    *("at", "occurred_at", "recorded_at", "updated_at", "status"),
    *("id", "requested_id", "current_id", "record_id", "merge_id", "primary_id", "secondary_id", "result_id"),
}
_CELL_MAX: Final = 120
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")  # Drawn to the second, without zone: all is UTC.


class Column(NamedTuple):
    """A column: its heading, where its cells come from, how they are drawn."""

    head: str
    find: str | Callable[[Row], Any]
    style: str = ""
    is_number: bool = False


def text(value: Any, style: str = "") -> Text:  # noqa: ANN401  whatever JSON can hold
    """Draw a JSON value; an absent one is a faint dash."""
    if value is None or value in ("", [], {}):
        return Text("-", "dim")
    if isinstance(value, list):
        value = ", ".join(cell(one) for one in value)
    written = visible(cell(value))
    if _TIME.fullmatch(written):
        written = written[:19].replace("T", " ")
    return Text(written if len(written) <= _CELL_MAX else written[: _CELL_MAX - 1] + "…", style)


def status_text(status: str) -> Text:
    """Draw a status in its colour."""
    colours = {"active": "green", "applied": "green", "merged_away": "yellow", "refused": "yellow", "archived": "dim"}
    return Text(visible(status), colours.get(status, "red"))


def table(columns: Sequence[Column], rows: Sequence[Row], title: str | None = None) -> Table:
    """Draw rows."""
    drawn = new_table(title)
    for column in columns:
        drawn.add_column(
            column.head,
            justify="right" if column.is_number else "left",
            overflow="fold",
            no_wrap=column.is_number or column.find in _WHOLE,
        )
    for row in rows:
        drawn.add_row(*(_cell(column, row) for column in columns))
    return drawn


def new_table(title: str | None = None) -> Table:
    """Return an empty table in the common style."""
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, header_style="bold")


def _cell(column: Column, row: Row) -> Text:
    value = row.get(column.find) if isinstance(column.find, str) else column.find(row)
    if column.find == "status":
        return status_text(str(value))
    if column.is_number and isinstance(value, int):
        return Text(f"{value:,}", column.style)
    return text(value, column.style)


def listing(columns: Sequence[Column], none: str) -> Callable[[Any], RenderableType]:
    """Return a function that draws a list: its rows, or `none` if there are none."""

    def draw(value: Any) -> RenderableType:  # noqa: ANN401
        rows = value["results"] if isinstance(value, dict) else value
        return table(columns, rows) if rows else Text(none, "dim")

    return draw


def _property(name: str) -> Callable[[Row], Any]:
    return lambda row: (row.get("properties") or {}).get(name)


def name_of(row: Row) -> str:
    """Return a record's name for people."""
    properties = row.get("properties") or {}
    names = [properties.get(one) for one in ("firstname", "lastname")]
    named = " ".join(one for one in names if isinstance(one, str) and one)
    return named or next((str(properties[one]) for one in ("name", "dealname", "subject") if properties.get(one)), "")


RECORDS: Final = (
    Column("id", "id", "cyan"),
    Column("status", "status"),
    Column("name", name_of),
    Column("email or domain", lambda row: _property("email")(row) or _property("domain")(row)),
    Column("stage", _property("lifecyclestage")),
    Column("merged from", "merged_ids", "dim"),
    Column("updated", "updated_at", "dim"),
)
RESOLVED: Final = (
    Column("id", "requested_id", "cyan"),
    Column("status", "status"),
    Column("current", "current_id", "cyan"),
    Column("its status", "current_status"),
    Column("path", lambda row: " → ".join(row.get("path") or [])),
)
HISTORY: Final = (
    Column("property", "property", "bold"),
    Column("value", "value"),
    Column("since", "at", "dim"),
    Column("source", "source"),
    Column("record", "source_record_id", "cyan"),
    Column("cause", "cause", "dim"),
    Column("", lambda row: "current" if row.get("current") else "", "green"),
)
TIMELINE: Final = (
    Column("at", "at", "dim"),
    Column("type", "activity_type"),
    Column("id", "activity_id", "cyan"),
    Column("subject", "subject", "bold"),
    Column("body", "body"),
    Column("records", lambda row: [f"{one['object_type']} {one['record_id']}" for one in _refs(row)], "dim"),
)
MERGES: Final = (
    Column("merge", "merge_id", "cyan"),
    Column("type", "object_type"),
    Column("primary", "primary_id"),
    Column("secondary", "secondary_id"),
    Column("result", "result_id", "bold"),
    Column("moved", "properties_moved", is_number=True),
    Column("at", "occurred_at", "dim"),
    Column("actor", "actor"),
    Column("reason", "reason"),
)
SEGMENTS: Final = (
    Column("segment", "segment_id", "cyan"),
    Column("name", "name", "bold"),
    Column("type", "object_type"),
    Column("kind", "kind"),
    Column("members", lambda row: len(row.get("members") or ()), is_number=True),
    Column("removals", lambda row: len(row.get("removals") or ()), is_number=True),
)
WORKFLOWS: Final = (
    Column("workflow", "workflow_id", "cyan"),
    Column("name", "name", "bold"),
    Column("type", "object_type"),
    Column("enrolled", lambda row: len(row.get("enrolled") or ()), is_number=True),
    Column("unenrollments", lambda row: len(row.get("unenrollments") or ()), is_number=True),
)
OUTCOMES: Final = (
    Column("line", "line", "dim", is_number=True),
    Column("command", "command_id", "cyan"),
    Column("status", "status"),
    Column("code", "code", "yellow"),
    Column("message", "message"),
    Column("record", "record_id"),
    Column("position", "position", "dim", is_number=True),
)
EVENTS: Final = (
    Column("position", "position", is_number=True),
    Column("stream", "stream", "cyan"),
    Column("v", "version", "dim", is_number=True),
    Column("type", "type", "bold"),
    Column("recorded", "recorded_at", "dim"),
    Column("data", "data", "dim"),
)
PROJECTIONS: Final = (
    Column("projection", "name", "bold"),
    Column("generation", "generation", is_number=True),
    Column("position", "position", is_number=True),
    Column("lag, events", "lag_events", is_number=True),
    Column("lag, s", "lag_seconds", is_number=True),
    Column("digest", "digest", "dim"),
)


# One drawing function per list.
records = listing(RECORDS, "no records match")
resolved = listing(RESOLVED, "no ids")
history = listing(HISTORY, "no value was ever set")
timeline = listing(TIMELINE, "no activities")
merges = listing(MERGES, "no merges")
segments = listing(SEGMENTS, "no segments")
workflows = listing(WORKFLOWS, "no workflows")
outcomes = listing(OUTCOMES[1:], "no outcomes")
events = listing(EVENTS, "no events")
projections = listing(PROJECTIONS, "no projections")


def _refs(row: Row) -> list[Row]:
    return [
        one if isinstance(one, dict) else {"object_type": "", "record_id": str(one)} for one in row.get("records") or ()
    ]


def without_empty(columns: Sequence[Column], rows: Sequence[Row]) -> list[Column]:
    """Leave out the columns that no row has."""
    return [one for one in columns if callable(one.find) or any(row.get(one.find) is not None for row in rows)]


def tally_table(codes: Counter[tuple[str, str]], shown: Sequence[Outcome]) -> RenderableType:
    """Draw refusals, warnings and unreadable lines: counts by code, and the first of them."""
    if not codes:
        return Text("nothing was refused, and there are no warnings", "dim")
    numbers = new_table()
    numbers.add_column("status")
    numbers.add_column("code")
    numbers.add_column("commands", justify="right")
    for (status, code), count in sorted(codes.items(), key=lambda one: (one[0][0], -one[1])):
        numbers.add_row(status_text(status), Text(code), f"{count:,}")
    return Group(numbers, first_shown(shown, codes.total()))


def check_table(commands: Counter[str], shown: Sequence[Outcome]) -> RenderableType:
    """Draw the commands in a file by type, and the first lines that cannot be read."""
    numbers = new_table()
    numbers.add_column("command")
    numbers.add_column("count", justify="right")
    for name, count in commands.most_common():
        numbers.add_row(Text(name), f"{count:,}")
    return Group(numbers, first_shown(shown, len(shown))) if shown else numbers


def first_shown(shown: Sequence[Outcome], total: int) -> RenderableType:
    """Draw the first refusals and warnings."""
    columns = [one for one in OUTCOMES if one.head in {"line", "command", "status", "code", "message"}]
    rows = [{name: getattr(one, name) for name in ("line", "command_id", "status", "code", "message")} for one in shown]
    title = f"the first {len(shown)} of {total:,}" if total > len(shown) else None
    return table(columns, rows, title)
