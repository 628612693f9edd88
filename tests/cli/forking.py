"""Runs the command line many times, each in a process of its own that is forked from one where all is imported.

A run has real streams, a real folder and real rights, and costs some milliseconds. Started as a script this is
that process: it reads runs as lines of JSON, and answers each with how it ended.
"""

import ctypes
import importlib
import io
import json
import os
import pkgutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final, Self

ROOT: Final = Path(__file__).parents[2]
WORKS_ON_S: Final = 2.0  # A worker that still runs then has begun, and is asked to end.
HANGS_S: Final = 40.0  # On a machine that is busy with other tests, too.
_STREAMS: Final = ("stdin", "stdout", "stderr")
_CAPABILITIES_VERSION: Final = 0x20080522
_CAPABILITIES_KEPT: Final = 0xFFFFFFFF & ~0b110  # Without those to pass over the rights of files.


@dataclass(frozen=True)
class Run:
    """One run: its words, and the odd things around it."""

    words: list[str]
    folder: str
    environment: dict[str, str] = field(default_factory=dict)
    stdin: str = ""
    streams: dict[str, str] = field(default_factory=dict)  # Of each that is odd: `closed`, or `full`.
    loses_folder: bool = False
    closes_folder: bool = False
    without_rights: bool = False  # The rights of files hold for root, too.


@dataclass(frozen=True)
class Ended:
    """How a run ended; the code is None where it had to be killed."""

    code: int | None
    out: str
    err: str


class Forking:
    """The process that forks."""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.cli.forking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/nowhere"},
        )

    def __enter__(self) -> Self:
        """Give it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.communicate(timeout=HANGS_S)

    def run(self, run: Run) -> Ended:
        """Run, and wait for the end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(run)).encode() + b"\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


# -- in the process that forks -----------------------------------------------------------------------------------------


def _serve() -> None:
    for module in pkgutil.walk_packages([str(ROOT / "cli")], "cli."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        run = Run(**json.loads(line))
        answers.write(json.dumps(asdict(_forked(run))) + "\n")
        answers.flush()


def _forked(run: Run) -> Ended:
    files = {name: os.fdopen(os.memfd_create(name), "w+b") for name in _STREAMS}
    files["stdin"].write(run.stdin.encode(errors="surrogateescape"))
    files["stdin"].seek(0)
    child = os.fork()
    if not child:
        _become(run, files)
    code = _ended(child, WORKS_ON_S if "worker" in run.words else HANGS_S)
    told = {}
    for name in ("stdout", "stderr"):
        files[name].seek(0)
        told[name] = files[name].read().decode(errors="replace")
    for file in files.values():
        file.close()
    return Ended(code, told["stdout"], told["stderr"])


def _ended(child: int, works_on_s: float) -> int | None:
    began, is_told = time.monotonic(), False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        spent = time.monotonic() - began
        if spent > works_on_s and not is_told:
            os.kill(child, signal.SIGTERM)
            is_told = True
        if spent > HANGS_S:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.002)


def _become(run: Run, files: Mapping[str, IO[bytes]]) -> None:
    """Be the run, as if a shell had started it; never returns."""
    code = 99
    try:
        os.environ.clear()
        os.environ.update(run.environment)
        os.chdir(run.folder)
        if run.loses_folder:
            Path(run.folder).rmdir()
        if run.closes_folder:
            Path(run.folder).chmod(0)
        if run.without_rights and os.geteuid() == 0:
            _obey_rights()
        for number, name in enumerate(_STREAMS):
            _redirect(number, name, run.streams.get(name, ""), files[name])
        main = importlib.import_module("cli.__main__").main
        code = main(run.words)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BaseException:  # noqa: BLE001  whatever it was, it is what a user would have seen
        os.write(2, traceback.format_exc().encode(errors="replace"))
    finally:
        os._exit(code)


def _redirect(number: int, name: str, how: str, file: IO[bytes]) -> None:
    mode = "r" if number == 0 else "w"
    if how == "closed":
        os.close(number)
        setattr(sys, name, None)
        return
    if how == "full":
        full = os.open("/dev/full", os.O_RDWR)
        os.dup2(full, number)
        os.close(full)
    else:
        os.dup2(file.fileno(), number)
    errors = "backslashreplace" if number == 2 else "strict"
    stream = io.TextIOWrapper(open(number, mode + "b", closefd=False), encoding="utf-8", errors=errors)  # noqa: SIM115
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def _obey_rights() -> None:
    """Give up root's right to pass over the rights of files, and keep all else."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0)
    data = (ctypes.c_uint32 * 6)()
    libc.capget(header, data)
    data[0] &= _CAPABILITIES_KEPT
    data[1] &= _CAPABILITIES_KEPT
    if libc.capset(header, data):
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    _serve()
