"""Layer: cli. `worker resume`: an operator decides the offset at which a halted partition resumes."""

from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from cli.drawing.output import Answer
from cli.drawing.tables import Column, table
from cli.session import exits
from cli.session.arguments import Here
from cli.session.kafka import kafka_admin
from cli.session.opening import location_of
from cli.session.session import Session
from consumers.source import Partition, PartitionRange
from consumers.worker.resume import Halt, go_on, halt_of
from ledger.opening import open_ledger
from ledger.store.port import BookmarkMoved

if TYPE_CHECKING:
    from consumers.kafka.admin import KafkaAdmin

_REASON_MAX: Final = 500
_PARTITION_MAX: Final = 2**31 - 1  # As Kafka counts them.
_OFFSET_MAX: Final = 2**63 - 1


class NotHalted(exits.Ending):
    """The partition is not halted, so there is nothing to decide."""

    code = exits.REFUSED


def resume(  # noqa: PLR0913  where, from where, who, why, and whether to ask
    partition: Annotated[str, Parameter(help="TOPIC/NUMBER, such as merge.commands.v1/0.")],
    /,
    *,
    begin: Annotated[str, Parameter(name="--from", help="The offset to resume at: earliest, latest, or a number.")],
    reason: Annotated[str, Parameter(help="Why. Kept for ever, so include no personal data.")],
    actor: Annotated[str | None, Parameter(help="Who decided it. [default: the setting actor]")] = None,
    yes: Annotated[bool, Parameter(help="Do not ask for confirmation.")] = False,
    session: Here,
) -> Answer:
    """Resume a halted partition at the given offset; messages before it that are unread stay so."""
    actor = actor or session.settings.actor
    reason = " ".join(reason.split())
    if not actor:
        msg = "pass --actor, or set actor, to record who decided it"
        raise exits.Mistake(msg)
    if not 0 < len(reason) <= _REASON_MAX:
        msg = f"--reason: expected 1 to {_REASON_MAX} characters"
        raise exits.Mistake(msg)
    wanted = _partition(partition)
    with open_ledger(location_of(session), create=False) as ledger, kafka_admin(session) as admin:
        halt = halt_of(ledger, wanted, _standing(admin, wanted), lambda offset: admin.undecodable_at(wanted, offset))
        if halt is None:
            msg = f"{wanted.source} is not halted: workers can read on from the ledger's offset"
            raise NotHalted(msg)
        to = _offset(begin, halt)
        _confirm(halt, to, session, yes=yes)
        try:
            outcome = go_on(ledger, halt, to, account=session.account, actor=actor, reason=reason)
        except BookmarkMoved as moved:
            msg = f"{moved} in the meantime; nothing was changed"
            raise NotHalted(msg) from moved
    session.say(f"{wanted.source} resumes at offset {to}; workers continue there within a minute")
    told = {"partition": wanted.source, "from_offset": halt.bookmark.at, "to_offset": to, "position": outcome.position}
    return Answer(told, lambda one: table([Column(name, name) for name in one], [one]))


def _partition(text: str) -> Partition:
    topic, _, number = text.rpartition("/")
    if not topic or not _is_number(number, _PARTITION_MAX):
        msg = f"expected TOPIC/NUMBER, such as merge.commands.v1/0, got {text}"
        raise exits.Mistake(msg)
    return Partition(topic, int(number))


def _is_number(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(most)) and int(text) <= most


def _standing(admin: "KafkaAdmin", wanted: Partition) -> PartitionRange:
    found = admin.range_of(wanted)
    if found is None:
        msg = f"partition {wanted.source} does not exist"
        raise exits.NotThere(msg)
    return found


def _offset(text: str, halt: Halt) -> int:
    named = {"earliest": halt.first, "latest": max(halt.first, halt.exists.end)}
    if not _is_number(text, _OFFSET_MAX) and text not in named:
        msg = f"--from: expected earliest, latest or an offset, got {text}"
        raise exits.Mistake(msg)
    offset = named[text] if text in named else int(text)
    if not halt.first <= offset <= named["latest"]:
        msg = f"--from: expected an existing offset, {halt.first} to {named['latest']}, got {text}"
        raise exits.Mistake(msg)
    return offset


def _confirm(halt: Halt, to: int, session: Session, *, yes: bool) -> None:
    """Show the consequences, and ask for confirmation."""
    session.say(f"{halt.partition.source} is halted at offset {halt.bookmark.at}: {halt.why}")
    for cost in halt.costs(to):
        session.say(cost)
    if yes:
        return
    if not session.is_asked:
        msg = "not a terminal: pass --yes to confirm"
        raise exits.Mistake(msg)
    if not session.ask(f"resume at offset {to}?"):
        msg = "not confirmed; nothing was changed"
        raise exits.Mistake(msg)
