"""Layer: consumers. Health checks: each has a deadline and, when it fails, a next step."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, TypeVar

from msgspec import Struct

from consumers.source import SourceUnusable

T = TypeVar("T")
CLOCKS_APART_MAX_S: Final = 5.0


class Check(Struct, frozen=True, kw_only=True):
    """The result of a check: what was found (`said`) and, when it failed, the next step."""

    name: str
    ok: bool
    found: str
    next_step: str | None
    seconds: float

    @property
    def line(self) -> str:
        """Return it as one line."""
        return f"{self.name}: {self.found}" + (f"; {self.next_step}" if self.next_step else "")


class NotWell(Exception):  # noqa: N818  says what was found
    """A check failed: what was found, and the next step."""

    def __init__(self, said: str, next_step: str) -> None:
        super().__init__(said)
        self.said, self.next_step = said, next_step


_NO_ANSWER: Final = NotWell("no answer", "read the broker's log, and try again")


def look(name: str, deadline_s: float, step: Callable[[], str], *, if_unanswered: NotWell = _NO_ANSWER) -> Check:
    """Run a check: `step` returns what it found, or raises NotWell. Ends in time, whatever `step` does.

    `if_unanswered` is the finding when no answer comes in time, or an error comes instead.
    """
    began = time.monotonic()
    next_step = None
    try:
        said, ok = within(deadline_s, step), True
    except NotWell as found:
        said, ok, next_step = found.said, False, found.next_step
    except SourceUnusable as error:
        said, ok, next_step = f"{if_unanswered.said} ({error})", False, if_unanswered.next_step
    return Check(name=name, ok=ok, found=said, next_step=next_step, seconds=round(time.monotonic() - began, 3))


def within(seconds: float, work: Callable[[], T]) -> T:
    """Run work that may never end, and stop waiting for it in time. Raises SourceUnusable then."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  raised below, in the thread that waits
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    with suppress(RuntimeError):
        thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        msg = f"no answer within {seconds:g} s"
        raise SourceUnusable(msg)
    return done[0]


def same_clock(theirs: Callable[[], datetime | None]) -> str:
    """Compare a clock, if there is one, with ours; what the asking took is held against neither. Raises NotWell."""
    before = datetime.now(UTC)
    told = theirs()
    after = datetime.now(UTC)
    if told is None:
        return "there is none but ours"
    ahead_s = max((told - after).total_seconds(), 0.0) or min((told - before).total_seconds(), 0.0)
    if abs(ahead_s) > CLOCKS_APART_MAX_S:
        said = f"it is {abs(ahead_s):,.1f} s {'ahead of' if ahead_s > 0 else 'behind'} ours"
        raise NotWell(said, "set both clocks by one time server")
    return f"within {CLOCKS_APART_MAX_S:g} s of ours"


def not_from_the_future(newest_ms: int | None) -> str:
    """Compare the time of the newest message with our clock: it can only be told when it is ahead. Raises NotWell."""
    if newest_ms is None:
        return "no message yet"
    age_s = time.time() - newest_ms / 1000
    if age_s < -CLOCKS_APART_MAX_S:
        said = f"the newest message was produced {-age_s:,.1f} s from now, by our clock"
        raise NotWell(said, "set the clocks of those who send, and ours, by one time server")
    return f"the newest message was produced {max(age_s, 0):,.1f} s ago"
