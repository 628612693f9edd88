"""Layer: domain. Decides: one line a command for what it needs to see, one for what it does."""

from collections.abc import Iterable
from datetime import datetime

from domain.commands import Envelope
from domain.view import Need, Recorded, View


def needs(envelope: Envelope, view: View) -> Iterable[Need]:
    """Tell everything that deciding this command looks at, as far as what is loaded can tell.

    Load what `view.unmet` says of each and ask again, until nothing is unmet.
    """
    raise NotImplementedError


def decide(envelope: Envelope, view: View, now: datetime) -> list[Recorded]:
    """Decide a command: its events in order, the last one its outcome on the command's own stream.

    An exact repeat of an applied or refused command decides nothing: an empty list. The outcome of
    any command is in `view.spent(...)` once the events were applied to the view. `now` is when it is
    executed, and when it happened where the command does not say. Never raises a `Refusal`: a
    refusal is an outcome event.
    """
    raise NotImplementedError
