"""Layer: cli. What every command is given: the settings, where data goes, where talk goes, and whether anyone is there.

Kept free of the ledger's libraries, so that `--help` need not import them.
"""

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from cli.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_COLUMNS: Final = 120  # Of a table that goes to no terminal.


def visible(text: str) -> str:
    """Write characters that would command a terminal, or hide, as a replacement."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else " " if one.isspace() else "\N{REPLACEMENT CHARACTER}" for one in text)


@dataclass(frozen=True)
class Session:
    """One run of the command line."""

    settings: Settings

    @property
    def account(self) -> str:
        """The account that is read, and that commands are for that name none."""
        return self.settings.account

    @cached_property
    def format(self) -> str:
        """How data is written."""
        return self.settings.output or ("table" if sys.stdout.isatty() else "jsonl")

    @property
    def is_asked(self) -> bool:
        """Whether someone is there to answer a question."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    @cached_property
    def console(self) -> "Console":
        """Where tables are drawn: stdout."""
        return _console(to_stderr=False)

    @cached_property
    def talk(self) -> "Console":
        """Where everything goes that is no data: stderr."""
        return _console(to_stderr=True)

    def say(self, text: str) -> None:
        """Tell the user a line."""
        print(visible(text), file=sys.stderr)  # noqa: T201  this is where lines to people are written

    def ask(self, question: str) -> bool:
        """Ask a yes or no; no is the default."""
        print(f"{visible(question)} [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201
        return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _console(*, to_stderr: bool) -> "Console":
    from rich.console import Console  # noqa: PLC0415  only where something is drawn

    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH_COLUMNS
    return Console(stderr=to_stderr, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)
