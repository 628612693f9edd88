"""Layer: tests. Decides every command of a ledger again, in ledger order, and tells where it would come out otherwise.

The log keeps what was decided and not what was asked, so whoever calls brings the commands. They
must name no time of their own: an outcome's time is then the time that it was decided at.
"""

from collections.abc import Mapping

import msgspec

from domain.decide import decide
from domain.language.commands import AnyCommand, Envelope
from domain.language.events import OUTCOME_TYPES, CommandIdReused
from domain.state.folds import Recorded
from domain.state.view import View
from ledger.ledger import Ledger
from tests.specification import InMemoryLedger


def differences(ledger: Ledger, sent: Mapping[str, AnyCommand]) -> list[str]:
    """Decide the commands in the order of the log, each on what stands before it; lists those decided otherwise."""
    again = InMemoryLedger()
    found: list[str] = []
    recorded: list[Recorded] = []
    for stored in ledger.read(0, ledger.head()):
        event = ledger.decode(stored)
        recorded.append((stored.stream, event))
        if stored.type not in OUTCOME_TYPES:
            continue
        assert not isinstance(event, CommandIdReused), "a body that was sent under a spent id is not known here"
        envelope = Envelope(sent[event.command_id])
        view = View()
        again.load(envelope, view)
        decided = decide(envelope, view, event.occurred_at)
        if decided != recorded:
            found.append(f"{event.command_id} at {stored.position}: {_difference(decided, recorded)}")
        again.append(recorded)
        recorded = []
    assert not recorded, "the log ends in the middle of a command"
    return found


def _difference(decided: list[Recorded], recorded: list[Recorded]) -> str:
    return f"{msgspec.json.encode(recorded).decode()} would be {msgspec.json.encode(decided).decode()}"
