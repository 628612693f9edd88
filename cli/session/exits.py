"""Layer: cli. How a run ends: the exit codes, and the exceptions that carry one line for people."""

from typing import ClassVar, Final

DONE: Final = 0
FOUND: Final = 1  # Unreadable input, or differences.
USAGE: Final = 2
REFUSED: Final = 3
NOT_FOUND: Final = 4
STORE_UNUSABLE: Final = 5
BUG: Final = 70
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141  # Only where work was left undone.


class Ending(Exception):  # noqa: N818  not always an error
    """Ends the command with one line on stderr."""

    code: ClassVar[int]


class Mistake(Ending):
    """The command line is not valid."""

    code = USAGE


class NotCommands(Ending):
    """The input does not consist of commands; no line of it can be read."""

    code = FOUND


class NoOutput(Mistake):
    """Stdout cannot be written, such as a file on a full disk."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the output cannot be written: {error.strerror}")


class NotThere(Ending):
    """The requested thing does not exist."""

    code = NOT_FOUND


class Stopped(Ending):
    """The user stopped the run; the message says how far it got."""

    code = INTERRUPTED


class PipeClosed(Exception):  # noqa: N818  not an error
    """The reader of stdout is gone, and work was left undone."""
