"""Layer: cli. `merge-ledger demo`: the true path on sample data, from JSON lines to answers, each step told.

It keeps a ledger of its own, `merge-ledger-demo.db` unless `--db` is given, and never writes into one
that holds anything else. Run again, it finds every command answered and shows the same.
"""

import shlex
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
from rich.text import Text

from cli.commands.apply import Tally
from cli.drawing.pages import facts, merge_page
from cli.sample.chapters import sample_commands, write_sample
from cli.sample.heroes import CHAIN, RESULT, SECONDARY
from cli.sample.merging import HERO_MERGE
from cli.sample.refused import ANN, ANNE
from cli.session import exits
from cli.session.arguments import Here
from cli.session.opening import opened
from cli.session.progress import duration, rate
from cli.session.session import Session
from consumers.commands.files import read_batches
from domain.intake.reading import Read, Unreadable, read_command
from domain.language import streams
from domain.language.commands import DEFAULT_ACCOUNT, CreateRecord, Envelope, MergeRecords, fingerprint
from domain.language.ids import merge_id_for
from ledger.ledger import Ledger
from projections.reading import open_reader
from projections.reading.shapes import Merge
from projections.running.runner import Projector

DATABASE: Final = "merge-ledger-demo.db"


def demo(*, session: Here) -> int:
    """Execute the sample, project it, rebuild the projections, and explain one merge."""
    database = _database(session)
    own = Session(replace(session.settings, db=database, account=DEFAULT_ACCOUNT, names_ledger=True), raw=session.raw)
    with opened(own, create=True) as (ledger, store):
        place = ledger.store.location  # A server's, without its password.
        _refuse_another_ledger(ledger, place)
        session.console.print(Text(f"Merge Ledger, from commands to answers, in {place}\n", "bold"))
        file = _write(session, database)
        _apply(session, ledger, file)
        is_equal = _project(session, Projector(ledger, store))
        with open_reader(store, ledger, DEFAULT_ACCOUNT) as reader:
            merge = reader.merge(merge_id_for(DEFAULT_ACCOUNT, HERO_MERGE))
    if merge is None or not is_equal:
        msg = "the replay gave other tables than the first run"
        raise RuntimeError(msg)
    _explain(session, merge)
    _say_what_is_next(session, place, merge)
    return exits.DONE


def _database(session: Session) -> str:
    """Take the ledger from the flag alone: sample commands cannot be taken back out of a ledger."""
    return next((one.value for one in session.settings.origins if one.name == "db" and one.origin == "--db"), DATABASE)


def _refuse_another_ledger(ledger: Ledger, database: str) -> None:
    if ledger.head() == 0:
        return
    first = read_command(msgspec.json.encode(sample_commands()[0]))
    spent = None
    if isinstance(first, Envelope):
        spent = ledger.state(streams.command(first.command.account, first.command.command_id))
        if spent is not None and spent.answer.fingerprint == fingerprint(first.command):
            return
    msg = (
        f"{database} is a ledger that holds more than this demo's sample; leave out --db, or name a file that is not "
        f"there yet{'' if spent is None else ' (an older demo made it: it can be deleted)'}"
    )
    raise exits.Mistake(msg)


@contextmanager
def _timed() -> Iterator[list[float]]:
    spent: list[float] = []
    began = time.perf_counter()
    yield spent
    spent.append(time.perf_counter() - began)


def _tell(session: Session, step: str, *lines: str) -> None:
    session.console.print(facts([(f"{step:<12}" if not at else "", Text(line)) for at, line in enumerate(lines)]))


def _write(session: Session, database: str) -> Path:
    beside = DATABASE if "://" in database else database
    file = Path(beside.removesuffix(".db") + ".commands.jsonl")
    try:
        count = write_sample(file)
    except OSError as error:
        msg = f"{file}: {error.strerror}"
        raise exits.Mistake(msg) from None
    _tell(session, "upstream", f"sends {count:,} commands, here as JSON lines in {file}")
    return file


def _apply(session: Session, ledger: Ledger, file: Path) -> None:
    tally, made = Tally(), Counter[str]()
    with _timed() as spent, file.open("rb") as source:
        for batch in read_batches(source):
            outcomes = ledger.execute(batch.commands)
            tally.add(batch, outcomes)
            made.update(
                _kind(read)
                for (_, read), outcome in zip(batch.lines, outcomes, strict=True)
                if outcome.status == "applied" and not outcome.repeated
            )
    del made[""]
    codes = [f"{code} {count}" for (_, code), count in sorted(tally.codes.items())]
    new = ", ".join(f"{count:,} {name}" for name, count in made.most_common())
    _tell(
        session,
        "ledger",
        f"{tally.words()}, in {duration(spent[0])} ({rate(tally.total, spent[0])}); {ledger.head():,} events stand",
        f"new: {new}" if new else "nothing new: every command had its answer already",
        f"refused: {', '.join(codes)}",
    )


def _kind(read: Read) -> str:
    """Name what a command makes, to count it."""
    if isinstance(read, Unreadable):
        return ""
    match read.command:
        case CreateRecord(object_type=object_type):
            return object_type
        case MergeRecords():
            return "merges"
    return ""


def _project(session: Session, projector: Projector) -> bool:
    """Bring the projections up to date, build them again from nothing, and tell whether both are alike."""
    with _timed() as spent:
        position = projector.catch_up()
    live = {one.name: one.digest for one in projector.status(digests=True)}
    _tell(session, "projections", f"at position {position:,}, in {duration(spent[0])}: {', '.join(live)}")
    with _timed() as spent:
        projector.rebuild()
    again = {one.name: one.digest for one in projector.status(digests=True)}
    told = "gives the same tables" if again == live else "gives OTHER tables"
    digests = ", ".join(f"{name} {str(live[name])[:8]}" for name in ("current_records", "merged_ids"))
    _tell(session, "replay", f"from nothing {told}, in {duration(spent[0])}: {len(live)} equal digests ({digests}, …)")
    return again == live


def _explain(session: Session, merge: Merge) -> None:
    session.console.print(Text("\nOne merge, explained\n", "bold"))
    session.console.print(merge_page(msgspec.to_builtins(merge)))


def _say_what_is_next(session: Session, database: str, merge: Merge) -> None:
    before = int(merge.position) - 1 if isinstance(merge.position, int) else 0
    tries = (
        (f"show contacts {SECONDARY} --as-of {before}", f"what {SECONDARY} was before it became {RESULT}"),
        (f"lineage contacts {CHAIN[0]}", "one man, imported thirteen times"),
        (f"preview contacts {ANN} {ANNE}", "what a merge would do, and why"),
    )
    session.console.print(Text("\nTry next\n", "bold"))
    for command, what in tries:
        session.console.print(Text(f"  # {what}", "dim"))
        session.console.print(Text(f"  merge-ledger --db {shlex.quote(database)} {command}", "cyan"), soft_wrap=True)
