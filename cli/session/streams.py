"""Layer: cli. Prepares the standard streams: always open, always UTF-8.

A stderr that cannot be written never stops work: its lines are dropped. Only stdout, which has the data,
can fail a run.
"""

import io
import os
import sys
from typing import Final

_STDERR: Final = 2


def make_ready() -> None:
    """Open the streams that are closed, and make stderr never fail."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115  open as long as we run
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    elif sys.stderr is sys.__stderr__:  # Not one that whoever runs us in its own process reads.
        sys.stderr = io.TextIOWrapper(
            io.BufferedWriter(_Unfailing()), encoding="utf-8", errors="backslashreplace", line_buffering=True
        )
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


class _Unfailing(io.RawIOBase):
    """Writes to stderr, and drops what cannot be written because the disk is full or the reader is gone."""

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return _STDERR

    def isatty(self) -> bool:
        return os.isatty(_STDERR)

    def write(self, data: "memoryview | bytes") -> int:  # type: ignore[override]  # a buffer is what it gets
        try:
            return os.write(_STDERR, data)
        except OSError:
            return len(data)
