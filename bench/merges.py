"""Measures merges a second: ours with every rule, against the stock eventsourcing library with none.

    python bench/merges.py                      # prints a table, writes bench/merges.json

Both merge records with 24 properties a side on SQLite, in files of their own in one folder, in one
process, turn by turn. Ours decides by the full rules, keeps claims, lineage and an outcome a
command, and is measured at several batch sizes. The library's side is what its documentation
teaches: decorated aggregates, JSON transcoding, one save a command; its merge loads both records,
makes the third from primary-else-secondary, and marks both as merged away. Both keep with each
value when it was set. Trust the ratio, not the figures: they are of this machine.
"""

import argparse
import json
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, TypeAlias
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from domain.commands import AnyCommand, CreateRecord, Envelope, MergeRecords
from domain.values import Sent
from ledger.ledger import Ledger, open_ledger

TURNS = 5
STOCK_MERGES = 400  # A turn.
OUR_MERGES = {1: 400, 100: 2_000, 1_000: 4_000}  # A turn, by commands a batch.
LABEL = {1: "1 a batch", 100: "100 a batch", 1_000: "1,000 a batch"}
RESULTS = Path(__file__).with_suffix(".json")
AT = datetime(2026, 1, 1, tzinfo=UTC)
AT_TEXT = "2026-01-01T00:00:00Z"

STAGES = ("lead", "customer", "opportunity", "subscriber")


def properties(number: int, side: str) -> dict[str, Sent]:
    """Fill in 24 properties as contacts have them: some equal, some differ, some stand on one side alone."""
    first = side == "a"
    return {
        "email": f"person{number}.{side}@mail.example",
        "firstname": "Anneke",
        "lastname": "van der Meer" if first else "Vandermeer",
        "phone": "" if first else f"+32 50 555 {number:05d}",
        "mobilephone": f"+32 470 555 {number:05d}",
        "city": "Gent" if first else "Brugge",
        "zip": "9000" if first else "8000",
        "address": "Veldstraat 1" if first else "Markt 2",
        "country": "Belgium",
        "jobtitle": "Zaakvoerder",
        "company": "Tuincentrum Van der Meer",
        "website": "tuincentrum-vdm.example",
        "preferred_language": "nl",
        "salutation": "Mevr.",
        "lifecyclestage": STAGES[(number + first) % len(STAGES)],
        "hs_analytics_source": "PAID_SEARCH" if first else "ORGANIC_SEARCH",
        "hs_analytics_source_data_1": "spring",
        "hs_analytics_num_page_views": number % 50,
        "hs_analytics_num_visits": number % 20,
        "num_conversion_events": number % 5,
        "num_unique_conversion_events": number % 3,
        "hs_marketable_status": first,
        "hs_legal_basis": ["consent"] if first else ["legitimate interest"],
        "notes_last_contacted": f"2025-0{1 + number % 9}-11",
    }


# -- ours


class Ours:
    """Merge Ledger, by its one door for writing."""

    def __init__(self, folder: Path) -> None:
        """Begin with an empty ledger."""
        self.ledger: Ledger = open_ledger(str(folder / "ours.db"), create=True)
        self.made = 0

    def turn(self, merges: int, commands_a_batch: int) -> float:
        """Create pairs, then merge them; tells merges a second of the merging alone."""
        begin = self.made
        self.made += merges
        self._execute([self._create(n, side) for n in range(begin, self.made) for side in "ab"], 1_000)
        commands = [
            MergeRecords(
                command_id=f"merge-{n}",
                object_type="contacts",
                primary_id=f"{n}-a",
                secondary_id=f"{n}-b",
                occurred_at=AT,
            )
            for n in range(begin, self.made)
        ]
        return merges / _seconds(lambda: self._execute(commands, commands_a_batch))

    @staticmethod
    def _create(number: int, side: str) -> CreateRecord:
        return CreateRecord(
            command_id=f"create-{number}-{side}",
            object_type="contacts",
            record_id=f"{number}-{side}",
            properties=properties(number, side),
            occurred_at=AT,
        )

    def _execute(self, commands: list[AnyCommand] | list[CreateRecord] | list[MergeRecords], size: int) -> None:
        for begin in range(0, len(commands), size):
            outcomes = self.ledger.execute([Envelope(command) for command in commands[begin : begin + size]])
            if any(outcome.status != "applied" for outcome in outcomes):
                msg = f"not applied: {next(one for one in outcomes if one.status != 'applied')}"
                raise RuntimeError(msg)


# -- the library as it comes

Values: TypeAlias = dict[str, dict[str, object]]  # Each as {"v": …, "at": …}, as ours are stored.


class Contact(Aggregate):
    """A contact as the library's documentation writes aggregates."""

    @event("Created")
    def __init__(self, values: Values, merged_from: list[str]) -> None:
        """Begin a contact."""
        self.values = values
        self.merged_from = merged_from
        self.merged_into: str | None = None

    @event("MergedAway")
    def merge_away(self, into: str) -> None:
        """End it."""
        self.merged_into = into


class Stock(Application[UUID]):
    """A merge without any rule but primary, else secondary."""

    def create(self, values: Values) -> UUID:
        """Make a contact."""
        contact = Contact(values=values, merged_from=[])
        self.save(contact)
        return contact.id

    def merge(self, primary_id: UUID, secondary_id: UUID) -> UUID:
        """Make one contact of two."""
        primary: Contact = self.repository.get(primary_id)
        secondary: Contact = self.repository.get(secondary_id)
        values = {name: value if value["v"] else secondary.values[name] for name, value in primary.values.items()}
        merged = Contact(values=values, merged_from=[str(primary_id), str(secondary_id)])
        primary.merge_away(str(merged.id))
        secondary.merge_away(str(merged.id))
        self.save(merged, primary, secondary)
        return merged.id


class Library:
    """The stock library, turn by turn."""

    def __init__(self, folder: Path) -> None:
        """Begin with an empty database."""
        env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "stock.db")}
        self.application = Stock(env=env)
        self.made = 0

    def turn(self, merges: int) -> float:
        """Create pairs, then merge them; tells merges a second of the merging alone."""
        numbers = range(self.made, self.made + merges)
        self.made += merges
        pairs = [(self._create(n, "a"), self._create(n, "b")) for n in numbers]

        def merge_all() -> None:
            for primary_id, secondary_id in pairs:
                self.application.merge(primary_id, secondary_id)

        return merges / _seconds(merge_all)

    def _create(self, number: int, side: str) -> UUID:
        return self.application.create({name: {"v": v, "at": AT_TEXT} for name, v in properties(number, side).items()})


# -- measuring


class Row(NamedTuple):
    """One line of the table: the median turn, the slowest and the fastest, and the median ratio of the turns."""

    what: str
    merges_a_second: int
    slowest: int
    fastest: int
    times_stock: float


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(folder: Path, turns: int) -> list[Row]:
    """Let both take turns; each ratio is of one turn, so that a busy moment hits both sides."""
    ours, stock = Ours(folder), Library(folder)
    ours.turn(100, 100)  # Warm up.
    stock.turn(50)
    theirs: list[float] = []
    mine: dict[int, list[float]] = {size: [] for size in OUR_MERGES}
    for _ in range(turns):
        theirs.append(stock.turn(STOCK_MERGES))
        for size, merges in OUR_MERGES.items():
            mine[size].append(ours.turn(merges, size))
    rows = [_row("stock eventsourcing, no rules, 1 a save", theirs, theirs)]
    return rows + [_row(f"Merge Ledger, every rule, {LABEL[size]}", rates, theirs) for size, rates in mine.items()]


def _row(what: str, rates: list[float], theirs: list[float]) -> Row:
    ratio = statistics.median(rate / stock for rate, stock in zip(rates, theirs, strict=True))
    return Row(what, round(statistics.median(rates)), round(min(rates)), round(max(rates)), round(ratio, 1))


def table(rows: list[Row]) -> str:
    """Write the rows as a Markdown table, as the docs have it."""
    lines = [
        "| SQLite, 24 properties a side | merges/s | slowest to fastest turn | times stock |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {row.what} | {row.merges_a_second:,} | {row.slowest:,} to {row.fastest:,} | {row.times_stock:.1f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description="Merges a second, against the stock eventsourcing library.")
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--json", type=Path, default=RESULTS, help="where to write the figures")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), arguments.turns)
    print(table(rows))
    figures = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "eventsourcing": version("eventsourcing"),
        "turns": arguments.turns,
        "rows": [row._asdict() for row in rows],
    }
    arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
