"""Layer: cli. Merges two records, or shows what a merge would do. Merges are final, so a person is asked first.

What a person confirms is what happens: the merge carries the token of the preview they saw, and is
refused if anything that affects the result has changed since.
"""

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias
from uuid import uuid4

import msgspec
from cyclopts import Parameter
from msgspec import UNSET
from msgspec.structs import replace

from cli.drawing import late
from cli.drawing.output import Answer, as_json
from cli.session import exits
from cli.session.arguments import Here, pair, read_json
from cli.session.exits import Mistake
from cli.session.opening import opened, reader_of
from cli.session.session import Session
from domain.intake.reading import Unreadable, read_command
from domain.language.commands import Envelope, MergeRecords
from domain.language.outcomes import Outcome
from ledger.ledger import Previewed
from ledger.naming import is_file
from projections.opening import Opened
from projections.reading import Reader, shapes

_SIDES = ("primary", "secondary")

Type: TypeAlias = Annotated[str, Parameter(help="contacts, companies, deals, tickets, or another object type.")]
Primary: TypeAlias = Annotated[str, Parameter(help="The record whose values win.")]
Secondary: TypeAlias = Annotated[str, Parameter(help="The record merged with it.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class MergeOptions:
    """The options of a merge."""

    choose: Annotated[
        tuple[str, ...], Parameter(help="A value to keep: city=secondary, or city=Gent if one side has it.")
    ] = ()
    reason: Annotated[str | None, Parameter(help="Why the records are merged.")] = None
    actor: Annotated[str | None, Parameter(help="Who asks for the merge. [default: the setting actor]")] = None
    preview_token: Annotated[
        str | None, Parameter(help="Merge only if the result is still what this preview showed.")
    ] = None
    command_id: Annotated[str | None, Parameter(help="The command's id. [default: generated]")] = None
    result_id: Annotated[str | None, Parameter(help="The id of the merged record. [default: generated]")] = None
    override_not_duplicates: Annotated[bool, Parameter(help="Merge even if marked as not duplicates.")] = False
    override_must_match: Annotated[bool, Parameter(help="Merge even if values that must match differ.")] = False
    secondary_type: Annotated[str | None, Parameter(help="The secondary's object type, to have it checked.")] = None


NO_OPTIONS = MergeOptions()


def merge(  # noqa: PLR0913  sides, options, and whether to ask
    object_type: Type,
    primary_id: Primary,
    secondary_id: Secondary,
    /,
    options: MergeOptions = NO_OPTIONS,
    *,
    yes: Annotated[bool, Parameter(help="Do not ask for confirmation.")] = False,
    session: Here,
) -> Answer:
    """Merge two records into a third. Merges are final: there is no unmerge."""
    if not yes and not session.is_asked and options.preview_token is None:
        msg = "merges are final: pass --yes, or the --preview-token of a preview"
        raise Mistake(msg)
    command = _command(object_type, primary_id, secondary_id, options, session)
    with opened(session, create=True) as sides:
        if session.is_asked and not yes:
            confirmed = _confirmed(sides, command, options, session)
            if isinstance(confirmed, Outcome):
                return _refused(confirmed)
            command = confirmed
        [outcome] = sides.ledger.execute([Envelope(command)])
        if outcome.merge_id is None:
            return _refused(outcome)
        with reader_of(sides, session, may_lag=False) as reader:
            return Answer(reader.merge(outcome.merge_id), late.merge_line, notes=_warned(outcome))


def preview(  # noqa: PLR0913  sides, options, and what to show
    object_type: Type,
    primary_id: Primary,
    secondary_id: Secondary,
    /,
    options: MergeOptions = NO_OPTIONS,
    *,
    show: Annotated[str | None, Parameter(help="Show only these properties, such as city,phone.")] = None,
    session: Here,
) -> Answer:
    """Show what a merge would do, and why; nothing is changed."""
    command = _command(object_type, primary_id, secondary_id, options, session)
    # A file's read model always catches up here: whoever merges next must see what would be lost.
    with opened(session) as sides, reader_of(sides, session, may_lag=not is_file(session.settings.db)) as reader:
        shown = _previewed(sides, reader, command)
    if isinstance(shown, Outcome):
        return _refused(replace(shown, command_id=options.command_id))
    return Answer(_narrowed(shown, show), late.merge_page)


def unmerge(
    object_type: Type, record_id: Annotated[str, Parameter(help="A record's id.")], /, *, session: Here
) -> Answer:
    """Always refused: merges are final. The answer names what can be done instead."""
    asked = {"type": "unmerge_records", "object_type": object_type, "record_id": record_id}
    with opened(session, create=True) as sides:
        [outcome] = sides.ledger.execute([_read(asked, session)])
    return _refused(outcome)


# -- the command ------------------------------------------------------------------------------------------------------


def _command(
    object_type: str, primary_id: str, secondary_id: str, options: MergeOptions, session: Session
) -> MergeRecords:
    asked = {
        "type": "merge_records",
        "object_type": object_type,
        "primary_id": primary_id,
        "secondary_id": secondary_id,
        "secondary_object_type": options.secondary_type,
        "choices": _choices(options.choose) or None,
        "reason": options.reason,
        "actor": options.actor or session.settings.actor,
        "preview_token": options.preview_token,
        "command_id": options.command_id,
        "result_id": options.result_id,
        "override_not_duplicates": options.override_not_duplicates or None,
        "override_must_match": options.override_must_match or None,
    }
    command = _read(asked, session).command
    assert isinstance(command, MergeRecords)  # noqa: S101  its type says so
    return command


def _read(asked: dict[str, Any], session: Session) -> Envelope:
    """Read a command as input from outside is read, so that arguments pass the same checks."""
    named = {"command_id": f"cli-{uuid4()}", "account": session.account}
    read = read_command(
        msgspec.json.encode(named | {name: value for name, value in asked.items() if value is not None})
    )
    if isinstance(read, Unreadable):
        raise Mistake(read.message)
    return read


def _choices(choose: tuple[str, ...]) -> dict[str, Any]:
    choices: dict[str, Any] = {}
    for one in choose:
        name, value = pair(one, "--choose", "=")
        if name in choices:
            msg = f"--choose: {name} is chosen twice"
            raise Mistake(msg)
        choices[name] = value if value in _SIDES else _literal(value)
    return choices


def _literal(value: str) -> Any:  # noqa: ANN401  whatever a property can hold
    """Return a text as it is, and the JSON `{"value": …}` decoded: for numbers, lists, and the text `primary`."""
    if not value.startswith("{"):
        return value
    return read_json(value, "--choose", dict[str, Any], '{"value": 5}')


# -- asking -----------------------------------------------------------------------------------------------------------


def _confirmed(sides: Opened, command: MergeRecords, options: MergeOptions, session: Session) -> MergeRecords | Outcome:
    """Show the preview, ask, and bind the merge to it; returns an outcome if it would be refused or was done before."""
    with reader_of(sides, session, may_lag=False) as reader:
        shown = _previewed(sides, reader, command)
        if isinstance(shown, Outcome):
            return command if shown.repeated else shown
        names = [_named(reader, command.object_type, one) for one in (command.primary_id, command.secondary_id)]
    session.talk.print(late.merge_page(as_json(replace(shown, preview_token=UNSET))))
    if not session.ask(f"merge {names[1]} into {names[0]}? this is final"):
        msg = "not confirmed; nothing was merged"
        raise Mistake(msg)
    if options.command_id is None and isinstance(shown.preview_token, str):
        return replace(command, preview_token=shown.preview_token)
    return command


def _named(reader: Reader, object_type: str, record_id: str) -> str:
    from cli.drawing.tables import name_of  # noqa: PLC0415  only where someone is asked

    found = reader.record(object_type, record_id)
    name = name_of(as_json(found)) if found is not None else ""
    return f"{object_type} {record_id}" + (f" ({name})" if name else "")


def _previewed(sides: Opened, reader: Reader, command: MergeRecords) -> shapes.Merge | Outcome:
    found = sides.ledger.preview(command)
    if isinstance(found, Previewed):
        return reader.preview(found)
    return found


# -- answers ----------------------------------------------------------------------------------------------------------


def _narrowed(shown: shapes.Merge, show: str | None) -> shapes.Merge:
    """Leave out decisions on other properties; what is left out merges all the same (H12)."""
    if show is None:
        return shown
    wanted = {name.strip() for name in show.split(",")}
    return replace(shown, decisions=[one for one in shown.decisions if one.property in wanted])


def _warned(outcome: Outcome) -> tuple[str, ...]:
    return tuple(f"merge-ledger: warning: {one.code}: {one.message}" for one in outcome.warnings)


def _refused(outcome: Outcome) -> Answer:
    """Return the answer for a refusal: the outcome, and one line about it."""
    code = exits.REFUSED if outcome.status == "refused" else exits.DONE
    notes = (f"merge-ledger: {outcome.code}: {outcome.message}",) if code else ()
    return Answer(outcome, late.outcome_page, code=code, notes=notes)
