"""Layer: cli. What every command receives: settings, consoles for data and messages, and whether it is interactive.

Kept free of the ledger's libraries, so that `--help` need not import them.
"""

import re
import sys
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from cli.session.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH_COLUMNS: Final = 120  # Of a table that goes to no terminal.


_JOINERS: Final = "\u200c\u200d"  # Names and emojis are written with them, and they steer nothing.
_NOT_PLAIN: Final = re.compile(r"[^\n\t -~]")


def visible(text: str) -> str:
    """Write characters that would steer a terminal, or hide, as a replacement."""
    if text.isprintable():
        return text
    return "".join(one if _is_shown(one) else " " if one.isspace() else "\N{REPLACEMENT CHARACTER}" for one in text)


def escaped(text: str) -> str:
    r"""Write characters that would steer a terminal as JSON escapes them, `\u001b`; lines and tabs stay.

    In JSON such a character can only be inside a string, so the value stays the same.
    """
    return _NOT_PLAIN.sub(lambda found: found[0] if _is_shown(found[0]) else _escape(found[0]), text)


def _is_shown(character: str) -> bool:
    is_blank = unicodedata.category(character) == "Zs"
    return character.isprintable() or character in _JOINERS or is_blank


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


@dataclass(frozen=True)
class Session:
    """One run of the command line."""

    settings: Settings
    raw: bool = False  # Whether CSV leaves text that begins like a formula as it is.

    @property
    def account(self) -> str:
        """The account to read, and the account of commands that name none."""
        return self.settings.account

    @cached_property
    def format(self) -> str:
        """The output format."""
        return self.settings.output or ("table" if sys.stdout.isatty() else "jsonl")

    @property
    def is_asked(self) -> bool:
        """Whether a person can answer a question."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    @cached_property
    def console(self) -> "Console":
        """stdout: tables and pages."""
        return _console(to_stderr=False)

    @cached_property
    def talk(self) -> "Console":
        """stderr: everything that is not data."""
        return _console(to_stderr=True)

    def say(self, text: str) -> None:
        """Print a line to stderr."""
        print(visible(text), file=sys.stderr)  # noqa: T201  this is where lines to people are written

    def ask(self, question: str) -> bool:
        """Ask a yes or no; no is the default."""
        print(f"{visible(question)} [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201
        return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _console(*, to_stderr: bool) -> "Console":
    from cli.session.console import SafeConsole  # noqa: PLC0415  only where something is drawn

    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH_COLUMNS
    return SafeConsole(stderr=to_stderr, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)
