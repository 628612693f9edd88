"""Layer: domain. Which fold belongs to which stream, and which claims an event changes."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeAlias

from domain.language import events as e
from domain.language import outcomes, streams
from domain.language.ids import RecordRef
from domain.language.outcomes import SpentCommand
from domain.state import account as accounts
from domain.state import record
from domain.state.account import Account, Segment, Workflows
from domain.state.claims import CLAIMING, WORKFLOW, ClaimChange, ClaimKey, claim_changes
from domain.state.record import Record

Recorded: TypeAlias = tuple[str, e.Event]  # The name of a stream, and an event to append to it.


class Exists(NamedTuple):
    """The state of a stream of which decisions only need to know that it exists (an activity, an association)."""


State: TypeAlias = Record | Account | Segment | Workflows | SpentCommand | Exists

# Raise this with every change of a fold that gives another state for the same events: it makes older snapshots void.
FOLD_VERSION: Final = 2
_STATE_TYPES: Final[dict[str, type[State]]] = {
    streams.RECORDS: Record,
    streams.SETTINGS: Account,
    streams.SEGMENTS: Segment,
    streams.WORKFLOWS: Workflows,
}


def state_type(stream: str) -> type[State] | None:
    """Return the type of a stream's state if a snapshot of it can save work; None for streams that stay short."""
    return _STATE_TYPES.get(streams.kind_of(stream))


def evolve(stream: str, state: Any, event: e.Event) -> State | None:  # noqa: ANN401  the fold of the stream knows it
    """Fold one event into the state of its stream, whatever kind of stream it is."""
    kind = streams.kind_of(stream)
    if kind == streams.RECORDS:
        return record.evolve(state, event, streams.record_id_of(stream))
    if kind == streams.COMMANDS:
        return outcomes.evolve_command(state, event)
    if kind == streams.SETTINGS:
        return accounts.evolve(state, event)
    if kind == streams.SEGMENTS:
        return accounts.evolve_segment(state, event)
    if kind == streams.WORKFLOWS:
        return accounts.evolve_workflows(state, (event,))
    return Exists()


def fold(stream: str, state: Any, events: Iterable[e.Event]) -> State | None:  # noqa: ANN401  as `evolve`
    """Fold events into the state of their stream, in order."""
    if streams.kind_of(stream) == streams.WORKFLOWS:  # Folded at once, since each event alone copies every workflow.
        return accounts.evolve_workflows(state, events)
    folded: State | None = state
    for event in events:
        folded = evolve(stream, folded, event)
    return folded


def claims_changed(stream: str, event: e.Event) -> Iterable[ClaimChange]:
    """Return the changes of claims that an event makes, whatever stream it is on."""
    if event.__class__ not in CLAIMING:
        return ()
    name = streams.parse(stream)
    if name.kind == streams.RECORDS:
        return claim_changes(name.account, *streams.record_ref(stream), event)
    if isinstance(event, e.WorkflowDefined):
        key = ClaimKey(name.account, WORKFLOW, event.workflow_id)
        return (ClaimChange(key, RecordRef(name.key, event.workflow_id), held=True),)
    return ()
