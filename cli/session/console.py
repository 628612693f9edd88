"""Layer: cli. The console for tables and pages: no text of a record can control the terminal."""

from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

from cli.session.session import visible


class SafeConsole(Console):
    """Draws with colours of its own, and every other character that could steer a terminal as a replacement.

    What draws a cell replaces them already, so that widths are right; this is for whatever it forgot.
    """

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401  as it is in Console
        """Draw."""
        super().print(*(_Safe(one) for one in objects), **options)


class _Safe:
    def __init__(self, drawn: RenderableType) -> None:
        self._drawn = drawn

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._drawn, options):
            if segment.control:
                yield segment
            else:
                yield Segment("\n".join(map(visible, segment.text.split("\n"))), segment.style)
