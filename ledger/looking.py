"""Layer: ledger. Looks through the log as its readers do, without reading it into anything: for `status`."""

import time
from typing import Final, NamedTuple

from ledger.ledger import Ledger
from ledger.positions import read_commands
from ledger.store.damage import Damaged
from ledger.store.port import StoreUnusable
from ledger.store.watching import whole_commands

PAGE_EVENTS: Final = 5_000


class Looked(NamedTuple):
    """How far the log was looked through, and what was found behind that; None where nothing was."""

    position: int
    finding: StoreUnusable | None


def look_through(ledger: Ledger, seconds: float) -> Looked:
    """Look through the log from its beginning, for so long: up to its end, or the first thing that is wrong."""
    give_up_at = time.monotonic() + seconds
    position = 0
    while time.monotonic() < give_up_at:
        try:
            page = read_commands(ledger, position, PAGE_EVENTS)
            whole_commands((one, ledger.decode(one)) for one in page)
        except Damaged as damaged:
            return Looked(position, damaged)
        if not page:
            break
        position = page[-1].position
    return Looked(position, None)
