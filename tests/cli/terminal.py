"""Runs the command line as a process of its own: on a terminal (a pty), or with pipes and signals."""

import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-m", "cli")
ROOT = Path(__file__).parents[2]
TIMEOUT_S = 30.0


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MERGE_LEDGER", "XDG"))}
    return {**kept, "HOME": str(folder), "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120", **more}


def start(folder: Path, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
    """Start with pipes."""
    return subprocess.Popen(  # noqa: S603  our own command
        [*COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment(folder, **more),
    )


def run(folder: Path, *arguments: str, stdin: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run with pipes."""
    process = start(folder, *arguments, **more)
    out, err = process.communicate(stdin, timeout=TIMEOUT_S)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@dataclass(frozen=True)
class Seen:
    """What a terminal showed, and how the run ended."""

    code: int
    screen: str


def on_terminal(folder: Path, *arguments: str, answers: Sequence[tuple[str, str | Callable[[], str]]] = ()) -> Seen:
    """Run on a terminal; `answers` are texts to wait for and what is typed then, or what makes it."""
    parent, child = pty.openpty()
    process = subprocess.Popen(  # noqa: S603  our own command
        [*COMMAND, *arguments], stdin=child, stdout=child, stderr=child, cwd=folder, env=environment(folder)
    )
    os.close(child)
    screen = ""
    waiting = list(answers)
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            data = os.read(parent, 4096)
        except OSError:  # The other end is closed.
            break
        if not data:
            break
        screen += data.decode()
        if waiting and waiting[0][0] in screen:
            _, typed = waiting.pop(0)
            os.write(parent, (typed if isinstance(typed, str) else typed()).encode())
    os.close(parent)
    code = process.wait(timeout=TIMEOUT_S)
    assert not waiting, screen
    return Seen(code, screen.replace("\r\n", "\n"))
