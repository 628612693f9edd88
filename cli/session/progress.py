"""Layer: cli. Shows the progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from cli.session.session import visible

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from cli.session.session import Session

LINE_EVERY_S: Final = 5.0
DRAW_EVERY_S: Final = 0.25


class Progress:
    """How far a piece of work is: how many `unit` are done and, where it is known, which share (0 to 1) that is."""

    def __init__(self, session: "Session", title: str, unit: str) -> None:
        """Begin now."""
        self._session, self._title, self._unit = session, title, unit
        self._began = self._told = time.monotonic()
        self._done = 0
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        """Show nothing yet: short work needs no bar."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def update(self, done: int, share: float | None = None) -> None:
        """Report that so many are done, and which share of all that is."""
        self._done = done
        now = time.monotonic()
        is_seen = sys.stderr.isatty()
        if now - self._told < (DRAW_EVERY_S if is_seen else LINE_EVERY_S):
            return
        self._told = now
        told = self._words(now, share)
        if is_seen:
            self._draw(share, told)
        else:
            self._session.say(f"{self._title}: {told}")

    def _draw(self, share: float | None, told: str) -> None:
        if self._bar is None:
            from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415  long work alone needs it

            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[told]}", markup=False),
                console=self._session.talk,
                auto_refresh=False,
                transient=True,
            )
            self._bar.add_task(visible(self._title), total=None, told="")
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], total=None if share is None else 1.0, completed=share or 0.0, told=told)
        self._bar.refresh()

    def _words(self, now: float, share: float | None) -> str:
        spent = now - self._began
        told = f"{self._done:,} {self._unit}, {rate(self._done, spent)}"
        if share:
            told += f", {duration(spent / share - spent)} left"
        return told

    def summary(self) -> str:
        """Return how much was done, in what time."""
        spent = time.monotonic() - self._began
        return f"{self._done:,} {self._unit} in {duration(spent)} ({rate(self._done, spent)})"


def rate(done: int, spent_s: float) -> str:
    """Write a speed."""
    return f"{done / spent_s:,.0f}/s" if spent_s > 0 else "-/s"


def duration(seconds: float) -> str:
    """Write a time span: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 10:  # noqa: PLR2004  tenths are worth reading below ten
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
