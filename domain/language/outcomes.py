"""Layer: domain. Outcomes: what became of a command, and what a command id is spent on."""

from datetime import datetime
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from domain.language import events as e
from domain.language.ids import RecordId
from domain.language.values import write_instant
from domain.language.warned import Warned

Status: TypeAlias = Literal["applied", "refused", "unreadable"]


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one command, as it is told to whoever sent it; the same for ever.

    `position` is that of the command's first event, or of the outcome itself where it is unreadable; `line` is
    where a file had it.
    """

    command_id: str | None
    line: int | None = None
    status: Status
    code: str | None = None
    message: str | None = None
    details: dict[str, Any] = {}
    record_id: RecordId | None = None
    merge_id: str | None = None
    position: int | None = None
    followed: dict[str, RecordId] = {}
    repeated: bool = False
    first_answered_at: datetime | None = None
    ignored_fields: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    warnings: tuple[Warned, ...] = ()


class SpentCommand(Struct, frozen=True):
    """A command id that has its answer. `reused` are the fingerprints of other bodies it was sent with since."""

    answer: e.CommandApplied | e.CommandRefused
    reused: tuple[str, ...] = ()


def evolve_command(spent: SpentCommand | None, event: e.Event) -> SpentCommand | None:
    """Fold one fact into what a command id was spent on."""
    match event:
        case e.CommandApplied() | e.CommandRefused():
            return SpentCommand(event)
        case e.CommandIdReused() if spent is not None:
            return replace(spent, reused=(*spent.reused, event.fingerprint))
    return spent


def repeated_outcome(outcome: Outcome, first_answered_at: datetime | None) -> Outcome:
    """Give an answer again: says when it was given, and of a refusal how the command is decided once more."""
    message = outcome.message
    if outcome.status == "refused" and first_answered_at is not None:
        when = write_instant(first_answered_at)
        message = f"{message}; this was answered at {when}: send it under a new id to have it decided again"
    return replace(outcome, repeated=True, first_answered_at=first_answered_at, message=message)


def outcome_of(event: e.Event, position: int, command_id: str) -> Outcome:
    """Tell an outcome from its event; `position` is that event's own."""
    match event:
        case e.CommandApplied():
            return Outcome(
                command_id=command_id,
                status="applied",
                record_id=event.record_id,
                merge_id=event.merge_id,
                position=position - event.events,
                followed=event.followed,
                ignored_fields=event.ignored_fields,
                left_out=event.left_out,
                warnings=event.warnings,
            )
        case e.CommandRefused():
            return Outcome(
                command_id=command_id,
                status="refused",
                code=event.code,
                message=event.message,
                details=event.details,
                ignored_fields=event.ignored_fields,
            )
        case e.CommandIdReused():
            return Outcome(
                command_id=command_id,
                status="refused",
                code="COMMAND_ID_REUSED",
                message=f"command id {command_id} was used for another command; send this one under a new id",
                details={"command_id": command_id},
            )
        case e.CommandUnreadable():
            return Outcome(
                command_id=event.command_id or None,
                status="unreadable",
                code=event.code,
                message=event.message,
                details={"source": event.source, "offset": event.offset},
                position=position,
            )
    msg = f"{event.EVENT_TYPE} is no outcome"
    raise TypeError(msg)
