"""Layer: cli. The `merge-ledger` command: one line a command, and how every run ends.

Commands are imported when they are run, so that help, mistakes and reads are quick. Whatever
happens, stdout holds data alone and stderr ends with at most one line that says what is wrong.
"""

import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Annotated, Any, Final, Literal

from cyclopts import App, CycloptsError, Group, Parameter

from cli.session import exits
from cli.session.masking import masked
from cli.session.session import Session, visible
from cli.session.settings import resolve
from cli.session.streams import make_ready

_DASH: Final = "\0-"  # Stands for a bare `-`, which the parser takes for an option; no argument can hold a NUL.


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  it is slow to import

    try:
        return version("merge-ledger")
    except PackageNotFoundError:
        return "unknown (not installed)"


app = App(
    name="merge-ledger",
    help="Merges duplicate records, never un-merges them, and can always say why each value survived.",
    version=_version,
    result_action="return_value",
    help_format="plaintext",
    default_parameter=Parameter(negative=()),
)
app.meta.group_parameters = Group("Options of every command", sort_key=9)

_merging = Group("Write", sort_key=1)
_reading = Group("Read records", sort_key=2)
_listing = Group("Read what happened", sort_key=3)
_operating = Group("Operate", sort_key=4)


def _commands() -> None:
    """Register every command, one line each."""
    merges = _family("merges", "List merges, or explain one.", _listing)
    segments = _family("segments", "List segments, or show one with its members and removals.", _listing)
    workflows = _family("workflows", "List workflows, or show one with who is and was enrolled.", _listing)
    outcomes = _family("outcomes", "List what became of commands, or look one up.", _listing)
    events = _family("events", "List the events of the ledger.", _listing)
    account = _family("account", "Show the account's settings.", _listing)
    projections = _family("projections", "List, run or rebuild the projections.", _operating)
    worker = _family("worker", "Run a process: read commands from Kafka, publish to it, project.", _operating)
    topics = _family("topics", "Make the topics of Kafka.", _operating)
    dlq = _family("dlq", "Look after messages that could not be read as commands.", _operating)
    database = _family("db", "Make or migrate the ledger's database.", _operating)

    app.command(
        "cli.commands.apply:apply", name="apply", help="Carry out the commands of a JSON-lines file.", group=_merging
    )
    app.command("cli.commands.merge:merge", name="merge", help="Merge two records. Merges are final.", group=_merging)
    app.command(
        "cli.commands.merge:preview", name="preview", help="Show what a merge would do, and why.", group=_merging
    )
    app.command("cli.commands.merge:unmerge", name="unmerge", help="Is refused: merges are final.", group=_merging)

    app.command("cli.commands.records:show", name="show", help="Show a record, whatever its id was.", group=_reading)
    app.command(
        "cli.commands.records:find", name="find", help="Find records by address, token or property.", group=_reading
    )
    app.command(
        "cli.commands.records:resolve", name="resolve", help="Tell which records ids lead to today.", group=_reading
    )
    app.command("cli.commands.records:search", name="search", help="Search records with filters.", group=_reading)
    app.command(
        "cli.commands.records:history", name="history", help="Show every value a record ever had.", group=_reading
    )
    app.command("cli.commands.records:timeline", name="timeline", help="Show a record's activities.", group=_reading)
    app.command(
        "cli.commands.records:lineage", name="lineage", help="Show what a record was merged from.", group=_reading
    )

    merges.command("cli.commands.lists:merges_list", name="list", help="List merges, the earliest first.")
    merges.command("cli.commands.lists:merges_show", name="show", help="Show a merge: both sides, the result, and why.")
    segments.command("cli.commands.lists:segments_list", name="list", help="List segments.")
    segments.command("cli.commands.lists:segments_show", name="show", help="Show a segment.")
    workflows.command("cli.commands.lists:workflows_list", name="list", help="List workflows.")
    workflows.command("cli.commands.lists:workflows_show", name="show", help="Show a workflow.")
    outcomes.command("cli.commands.lists:outcomes_list", name="list", help="List outcomes.")
    outcomes.command("cli.commands.lists:outcomes_show", name="show", help="Show a command's outcome.")
    events.command("cli.commands.lists:events_list", name="list", help="List events, in order of position.")
    account.command("cli.commands.lists:account_show", name="show", help="Show effective settings and their origin.")

    projections.command(
        "cli.commands.operate:projections_list", name="list", help="Show position, lag and digest of each."
    )
    projections.command("cli.commands.operate:projections_run", name="run", help="Bring the projections up to date.")
    projections.command(
        "cli.commands.operate:projections_rebuild", name="rebuild", help="Build them again from nothing."
    )
    database.command("cli.commands.database:db_init", name="init", help="Make the ledger's tables.")
    database.command("cli.commands.database:db_migrate", name="migrate", help="Bring them to this version's schema.")
    worker.command("cli.commands.workers:consume", name="consume", help="Carry out the commands of the topic.")
    worker.command("cli.commands.workers:publish", name="publish", help="Publish results, merges, state and id map.")
    worker.command("cli.commands.workers:project", name="project", help="Keep the projections up to date.")
    worker.command("cli.commands.resume:resume", name="resume", help="Say where a halted partition is read on.")
    topics.command("cli.commands.topics:topics_create", name="create", help="Make the topics that are not there yet.")
    dlq.command("cli.commands.topics:dlq_list", name="list", help="List what could not be read, and why.")
    dlq.command("cli.commands.topics:dlq_show", name="show", help="Show one with its bytes.")
    dlq.command("cli.commands.topics:dlq_redrive", name="redrive", help="Send one again to where it came from.")
    app.command(
        "cli.commands.topics:schema_of", name="schema", help="Print the contract of the topics.", group=_operating
    )
    app.command("cli.commands.operate:status", name="status", help="Show database, lag and settings.", group=_operating)
    app.command("cli.commands.demo:demo", name="demo", help="See it all work, on sample data.", group=_operating)


def _family(name: str, what: str, group: Group) -> App:
    family = App(name=name, help=what, group=group, help_format="plaintext")
    app.command(family)
    return family


_commands()


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    db: Annotated[
        str | None, Parameter(help="The ledger: a SQLite file, or a postgresql:// URL. [./ledger.db]")
    ] = None,
    account: Annotated[str | None, Parameter(help="The account. [default: main]")] = None,
    output: Annotated[
        Literal["json", "jsonl", "csv", "table"] | None,
        Parameter(("--output", "-o"), help="How data is written. [default: table on a terminal, jsonl in a pipe]"),
    ] = None,
    catch_up: Annotated[
        bool | None,
        Parameter(negative="--no-catch-up", help="Bring the projections up to date before reading. [default: yes]"),
    ] = None,
    raw: Annotated[
        bool, Parameter(help="In CSV, do not put ' before text that a spreadsheet would take for a formula.")
    ] = False,
) -> int:
    """Settle what every command is given, then run the one that was asked for."""
    session = Session(resolve({"db": db, "account": account, "output": output, "catch_up": catch_up}), raw=raw)
    if session.settings.ignored is not None:
        session.say(f"merge-ledger: {session.settings.ignored}")
    command, bound, given = app.parse_args(tokens, exit_on_error=False, print_error=False)
    for name, value in bound.arguments.items():
        bound.arguments[name] = _with_dashes(value)
    result = command(*bound.args, **bound.kwargs, **({"session": session} if "session" in given else {}))
    if result is None or isinstance(result, int):
        return result or exits.DONE
    from cli.drawing.output import write  # noqa: PLC0415  help needs no writer

    return write(result, session)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code and never raises."""
    make_ready()
    words = sys.argv[1:] if argv is None else argv
    try:
        tokens = [_token(number, word) for number, word in enumerate(words, start=1)]
        code: int | None = app.meta(tokens, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except CycloptsError as error:
        told = " ".join(str(error).replace(_DASH, "-").split())
        return _end(exits.USAGE, f"{masked(told)} (see merge-ledger --help)")
    except exits.Ending as ending:
        return _end(ending.code, masked(str(ending)))
    except (BrokenPipeError, SystemExit):  # Rich's way to say the same is SystemExit.
        return _end_quietly(exits.DONE)
    except exits.PipeClosed:
        return _end_quietly(exits.PIPE_CLOSED)
    except KeyboardInterrupt:
        return _end(exits.INTERRUPTED, "stopped")
    except Exception as error:  # noqa: BLE001  the last resort: a user never sees a traceback
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # The store has its own words for a full disk.
            return _end(exits.NoOutput.code, str(exits.NoOutput(error)))
        from cli.session.crash import explain  # noqa: PLC0415  only then

        return _end(*explain(error, words))
    return code or exits.DONE


def _token(number: int, word: str) -> str:
    """Return an argument as the parser is given it. Python keeps bytes that it cannot read as halves of characters."""
    try:
        word.encode()
    except UnicodeEncodeError:
        msg = f"argument {number} is not UTF-8"
        raise exits.Mistake(msg) from None
    return _DASH if word == "-" else word


def _with_dashes(value: Any) -> Any:  # noqa: ANN401  whatever an argument can be
    if isinstance(value, tuple):
        return tuple(_with_dashes(one) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: _with_dashes(getattr(value, one.name)) for one in fields(value)})
    return "-" if value == _DASH else value


def _end(code: int, line: str) -> int:
    print(f"merge-ledger: {visible(line)}", file=sys.stderr, flush=True)  # noqa: T201  the one line
    return code if _takes_output() else _end_quietly(code)


def _takes_output() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


def _end_quietly(code: int) -> int:
    """Let nothing complain at exit that nobody reads any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return code


if __name__ == "__main__":
    sys.exit(main())
