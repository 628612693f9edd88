"""Layer: cli. `apply`: the bulk path. Reads a file of JSON lines, writes one outcome per command, in input order.

A batch is one commit, so a run that stops leaves whole batches stored and none in part. The same file
can be run again: stored commands are answered, not repeated.
"""

import os
import shlex
import signal
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, BinaryIO, Final, Self

from cyclopts import Parameter
from msgspec.structs import replace

from cli.drawing.output import Stream, draw
from cli.session import exits
from cli.session.arguments import Here
from cli.session.opening import opened, say_if_new
from cli.session.progress import Progress
from cli.session.session import Session
from consumers.commands.files import Batch, NotJsonLines, Pipe, read_batches
from domain.intake.reading import Unreadable
from domain.language.commands import MergeRecords
from domain.language.outcomes import Outcome
from ledger.ledger import Ledger
from ledger.store.port import StoreUnusable

COLUMNS: Final = (
    "line",
    "command_id",
    "status",
    "code",
    "message",
    "record_id",
    "merge_id",
    "position",
    "repeated",
    "first_answered_at",
    "ignored_fields",
    "left_out",
    "warnings",
)
_SHOWN_MAX: Final = 20  # Refusals, warnings and unreadable lines shown on a terminal.


def apply(
    file: Annotated[str, Parameter(help="A JSON-lines file, one command per line; - reads stdin.")],
    /,
    *,
    check: Annotated[bool, Parameter(help="Execute nothing; report lines that cannot be read.")] = False,
    yes: Annotated[bool, Parameter(help="Do not ask for confirmation.")] = False,
    session: Here,
) -> int:
    """Execute the commands of a JSON-lines file, and report the outcome of each."""
    with _opened(file) as source, _said_once(file):
        _look_ahead(source, session)
        if check:
            return _check(source, file, session)
        if session.is_asked and not yes and not _is_confirmed(source, file, session):
            msg = "not confirmed; nothing was applied"
            raise exits.Mistake(msg)
        with opened(session, create=True) as sides:
            code = _apply(source, file, sides.ledger, session)
            say_if_new(sides.ledger, session)
            return code


def _apply(source: BinaryIO, file: str, ledger: Ledger, session: Session) -> int:
    tally = Tally()
    stream = Stream(session, COLUMNS)
    size = _size(source)
    with Progress(session, f"apply {file}", "commands") as progress, _Interrupts() as interrupts:
        try:
            for batch in interrupts.between(read_batches(_lines(source), default_account=session.account)):
                outcomes = list(_outcomes(batch, ledger))
                tally.add(batch, outcomes)
                stream.write(outcomes)
                progress.update(tally.total, batch.bytes_read / size if size else None)
        except KeyboardInterrupt:
            stream.close()
            raise exits.Stopped(tally.stopped()) from None
        except StoreUnusable as unusable:
            stream.close()
            raise StoreUnusable(f"{unusable}; {tally.stopped()}" if tally.total else str(unusable)) from unusable
        except BrokenPipeError:
            raise exits.PipeClosed from None
        except NotJsonLines:
            stream.close()
            raise
    stream.close()
    _tell(tally, file, progress, session)
    return tally.exit_code


def _outcomes(batch: Batch, ledger: Ledger) -> Iterator[Outcome]:
    """Execute a batch; yields outcomes in the order of the lines."""
    executed = iter(ledger.execute(batch.commands))
    for _, read in batch.lines:
        yield read.outcome if isinstance(read, Unreadable) else next(executed)


class Tally:
    """Counts the outcomes so far."""

    def __init__(self) -> None:
        """Start at zero."""
        self.total = self.last_line = 0
        self.repeated: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.codes: Counter[tuple[str, str]] = Counter()
        self.shown: list[Outcome] = []

    def add(self, batch: Batch, outcomes: Iterable[Outcome]) -> None:
        """Count a batch."""
        self.last_line = batch.last_line
        for (line, _), outcome in zip(batch.lines, outcomes, strict=True):
            self.total += 1
            self.statuses[outcome.status] += 1
            self.repeated[outcome.status] += outcome.repeated
            told = [(outcome.code, outcome.message)] if outcome.code is not None else []
            for code, message in (*told, *((one.code, one.message) for one in outcome.warnings)):
                self.codes[outcome.status, str(code)] += 1
                if len(self.shown) < _SHOWN_MAX:
                    self.shown.append(replace(outcome, line=line, code=code, message=message))

    @property
    def exit_code(self) -> int:
        """The exit code of the run."""
        if self.statuses["unreadable"]:
            return exits.FOUND
        return exits.REFUSED if self.statuses["refused"] else exits.DONE

    def stopped(self) -> str:
        """Report how far a run got before it stopped."""
        return (
            f"stopped after line {self.last_line:,}: {self.words()}; run the same file again to continue; "
            "stored commands are answered, not repeated"
        )

    def words(self) -> str:
        """Return the counts as one line."""
        named = ["applied", *(one for one in ("refused", "unreadable") if self.statuses[one])]
        told = ", ".join(f"{self.statuses[one]:,} {one}" for one in named)
        before = " and ".join(f"{count:,} of the {one}" for one, count in self.repeated.items() if count)
        return told + (f" ({before} answered before)" if before else "")


def _tell(tally: Tally, file: str, progress: Progress, session: Session) -> None:
    if not tally.total:
        session.say(f"{file}: no commands in it; nothing to do")
        return
    if session.format == "table":
        from cli.drawing.tables import tally_table  # noqa: PLC0415  only where it is drawn

        draw(tally_table(tally.codes, tally.shown), session)
    session.say(f"{tally.words()}; {progress.summary()}")


# -- before anything is done ------------------------------------------------------------------------------------------


def _check(source: BinaryIO, file: str, session: Session) -> int:
    stream = Stream(session, COLUMNS)
    tally = Tally()
    commands: Counter[str] = Counter()
    size = _size(source)
    with Progress(session, f"check {file}", "lines") as progress:
        for batch in read_batches(source, default_account=session.account):
            commands.update(str(envelope.command.__struct_config__.tag) for envelope in batch.commands)
            unreadable = [(line, read) for line, read in batch.lines if isinstance(read, Unreadable)]
            outcomes = [read.outcome for _, read in unreadable]
            tally.add(Batch([*unreadable], batch.last_line, batch.bytes_read), outcomes)
            stream.write(outcomes)
            progress.update(batch.last_line, batch.bytes_read / size if size else None)
    stream.close()
    if session.format == "table":
        from cli.drawing.tables import check_table  # noqa: PLC0415  only where it is drawn

        draw(check_table(commands, tally.shown), session)
    told = f"{commands.total():,} commands can be read, {commands['merge_records']:,} of them merges"
    session.say(f"{told}; {tally.total:,} lines cannot" if tally.total else told)
    return tally.exit_code


def _is_confirmed(source: BinaryIO, file: str, session: Session) -> bool:
    """Ask before applying merges, which are final. A source that cannot be read twice is not counted first."""
    if not source.seekable():
        return session.ask(f"apply all commands of {file}? merges among them are final")
    commands = merges = 0
    for batch in read_batches(source, default_account=session.account):
        commands += len(batch.commands)
        merges += sum(isinstance(envelope.command, MergeRecords) for envelope in batch.commands)
    source.seek(0)
    if not merges:
        return True
    return session.ask(f"apply {commands:,} commands of {file}? {merges:,} of them are merges, which are final")


@contextmanager
def _said_once(file: str) -> Iterator[None]:
    """Report once, with the next step, that a file is not JSON lines; not once per line."""
    try:
        yield
    except NotJsonLines as error:
        name = "FILE" if file == "-" else shlex.quote(file)
        step = error.foreign.next_step.format(file=name)
        msg = (
            f"{file}: {error}, not JSON lines; nothing was applied. "
            f"apply reads one command per line, each a JSON object (docs/formats.md); {step}"
        )
        raise exits.NotCommands(msg) from None


def _look_ahead(source: BinaryIO, session: Session) -> None:
    """Read the first batch of a seekable file before a ledger is created for it. Raises NotJsonLines."""
    if source.seekable():
        begin = source.tell()
        next(read_batches(source, default_account=session.account), None)
        source.seek(begin)


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        source = Path(file).open("rb")  # noqa: SIM115  closed below; only opening may be the user's mistake
    except OSError as error:
        msg = f"{file}: {error.strerror}"
        raise exits.Mistake(msg) from None
    with source:
        yield source


def _lines(source: BinaryIO) -> BinaryIO | Pipe:
    """Return a pipe as one that answers whenever it is idle; files and terminals are read as they are."""
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(source.fileno()).st_mode)
    except OSError:  # Not a file of the operating system.
        return source
    return Pipe(source) if is_pipe else source


def _size(source: BinaryIO) -> int | None:
    """Return the length of a file in bytes; None for a pipe."""
    try:
        found = Path(source.name) if isinstance(source.name, str) else None
        status = found.stat() if found else None
    except (OSError, AttributeError):
        return None
    return status.st_size if status and stat.S_ISREG(status.st_mode) else None


class _Interrupts:
    """Delays Ctrl-C until the batch ends, so that its outcomes are reported; a second Ctrl-C does not wait."""

    def __init__(self) -> None:
        self._asked = False
        self._is_busy = False

    def __enter__(self) -> Self:
        try:
            self._before = signal.signal(signal.SIGINT, self._on_interrupt)
        except ValueError:  # Not the main thread, so it receives no Ctrl-C.
            self._before = None
        return self

    def __exit__(self, *ending: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _on_interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if self._asked or not self._is_busy:
            raise KeyboardInterrupt
        self._asked = True

    def between(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self._is_busy = True
            yield batch
            self._is_busy = False
            if self._asked:
                raise KeyboardInterrupt
