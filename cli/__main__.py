"""Layer: cli. The `merge-ledger` command: one line per command, and how every run ends.

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

_DASH: Final = "\0-"  # Replaces a bare `-`, which the parser would read as an option; no argument can hold a NUL.


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  it is slow to import

    try:
        return version("merge-ledger")
    except PackageNotFoundError:
        return "unknown (not installed)"


_OPTIONS: Final = Group("Options", sort_key=8)


def _shown_default(value: object) -> str | None:
    """Return what help shows of a default. An option that is off, or not given, needs no word about it."""
    if value is None or value is False or value == ():
        return None
    return "yes" if value is True else str(value)


app = App(
    name="merge-ledger",
    help="Merges duplicate records, never un-merges them, and can always say why each value survived.",
    version=_version,
    result_action="return_value",
    help_format="plaintext",
    group_parameters=_OPTIONS,
    default_parameter=Parameter(negative=(), show_default=_shown_default),
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
    workflows = _family("workflows", "List workflows, or show one with its enrollments.", _listing)
    outcomes = _family("outcomes", "List the outcomes of commands, or show one.", _listing)
    events = _family("events", "List the events of the ledger.", _listing)
    account = _family("account", "Show the account's settings.", _listing)
    projections = _family("projections", "List, run or rebuild the projections.", _operating)
    worker = _family("worker", "Run a worker: consume, publish, project; resume a partition.", _operating)
    topics = _family("topics", "Create the Kafka topics.", _operating)
    dlq = _family("dlq", "List, show or redrive dead letters: messages that are not commands.", _operating)
    database = _family("db", "Create or migrate the ledger's database.", _operating)

    _command("cli.commands.apply:apply", "apply", "Execute the commands of a JSON-lines file.", _merging)
    _command("cli.commands.merge:merge", "merge", "Merge two records. Merges are final.", _merging)
    _command("cli.commands.merge:preview", "preview", "Show what a merge would do, and why.", _merging)
    _command("cli.commands.merge:unmerge", "unmerge", "Always refused: merges are final.", _merging)

    _command("cli.commands.records:show", "show", "Show a record by any id it has had.", _reading)
    _command("cli.commands.records:find", "find", "Find records by address, token or property.", _reading)
    _command("cli.commands.records:resolve", "resolve", "Report the current record of each id.", _reading)
    _command("cli.commands.records:search", "search", "Search records with filters.", _reading)
    _command("cli.commands.records:history", "history", "Show every value a record has had.", _reading)
    _command("cli.commands.records:timeline", "timeline", "Show a record's activities.", _reading)
    _command("cli.commands.records:lineage", "lineage", "Show what a record was merged from.", _reading)

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
        "cli.commands.operate:projections_list", name="list", help="List position, lag and digest of each projection."
    )
    projections.command("cli.commands.operate:projections_run", name="run", help="Bring the projections up to date.")
    projections.command(
        "cli.commands.operate:projections_rebuild", name="rebuild", help="Rebuild the projections from the first event."
    )
    database.command("cli.commands.database:db_init", name="init", help="Create the ledger's tables.")
    database.command(
        "cli.commands.database:db_migrate", name="migrate", help="Migrate the tables to this version's schema."
    )
    worker.command("cli.commands.workers:consume", name="consume", help="Execute the commands from Kafka.")
    worker.command(
        "cli.commands.workers:publish", name="publish", help="Publish results, merges, state and id map to Kafka."
    )
    worker.command("cli.commands.workers:project", name="project", help="Keep the projections up to date.")
    worker.command("cli.commands.resume:resume", name="resume", help="Resume a halted partition at an offset.")
    topics.command("cli.commands.topics:topics_create", name="create", help="Create the topics that do not exist.")
    dlq.command("cli.commands.topics:dlq_list", name="list", help="List dead letters, each with its reason.")
    dlq.command("cli.commands.topics:dlq_show", name="show", help="Show a dead letter with its bytes.")
    dlq.command(
        "cli.commands.topics:dlq_redrive", name="redrive", help="Send a dead letter to its original topic again."
    )
    _command("cli.commands.topics:schema_of", "schema", "Print the schema of the topics.", _operating)
    _command("cli.commands.operate:status", "status", "Show database, lag and settings.", _operating)
    _command("cli.commands.demo:demo", "demo", "Run everything on sample data.", _operating)


def _command(function: str, name: str, what: str, group: Group) -> None:
    """Register a command that is imported when it runs. Help lists its own options in a box of their own."""
    app.command(function, name=name, help=what, group=group, group_parameters=_OPTIONS)


def _family(name: str, what: str, group: Group) -> App:
    family = App(name=name, help=what, group=group, help_format="plaintext")
    app.command(family)
    return family


_commands()


@app.meta.default
def launch(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    db: Annotated[
        str | None, Parameter(help="The ledger: a SQLite file, or a postgresql:// URL. [default: ./ledger.db]")
    ] = None,
    account: Annotated[str | None, Parameter(help="The account. [default: main]")] = None,
    output: Annotated[
        Literal["json", "jsonl", "csv", "table"] | None,
        Parameter(("--output", "-o"), help="The output format. [default: table on a terminal, jsonl in a pipe]"),
    ] = None,
    catch_up: Annotated[
        bool | None,
        Parameter(negative="--no-catch-up", help="Bring the projections up to date before reading. [default: yes]"),
    ] = None,
    raw: Annotated[bool, Parameter(help="In CSV, write text that looks like a formula without a ' before it.")] = False,
) -> int:
    """Resolve the settings, then run the command."""
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
        reason = " ".join(str(error).replace(_DASH, "-").split())
        return _end(exits.USAGE, f"{masked(reason)} (see merge-ledger --help)")
    except exits.Ending as ending:
        return _end(ending.code, masked(str(ending)))
    except (BrokenPipeError, SystemExit):  # Rich raises SystemExit for a broken pipe.
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
    """Return an argument in the form that the parser needs. Python keeps bytes that are not UTF-8 as surrogates."""
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
    """Silence the error that Python prints at exit when stdout is closed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return code


if __name__ == "__main__":
    sys.exit(main())
