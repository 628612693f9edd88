"""Layer: consumers. Reads files of JSON lines, in batches, each line with its number.

A file of any size is read in little memory: a line too long for a command is passed over piece by
piece and told as such. Blank lines are no commands; every other line is answered once, in order.
A pipe that is quiet for a moment ends a batch, so that what has come is answered.
"""

import os
import select
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, Protocol

from msgspec import Struct

from consumers.foreign import HEAD_BYTES, Foreign, recognise
from domain.intake.reading import SIZE_BYTES_MAX, Read, Unreadable, read_command, too_large
from domain.language.commands import DEFAULT_ACCOUNT, Envelope

BATCH_COMMANDS_MAX: Final = 1000
BATCH_BYTES_MAX: Final = 8 * 1024 * 1024

_QUIET_S = 0.2
_CHUNK_BYTES = 65_536
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END_BYTES_MAX = 2
_BLANK = b" \t\r\n"
_NO_OBJECT: Final = frozenset({"INVALID_JSON", "INVALID_UTF8", "TOO_LARGE", "INVALID_FIELD", "TOO_DEEP"})


class Lines(Protocol):
    """What lines are read from: a buffered file, or a pipe."""

    def readline(self, size: int, /) -> bytes:
        """Read to the end of the line, at most so many bytes; nothing at the end."""


class Pipe:
    """A pipe that tells when nothing comes; nothing else reads from it."""

    def __init__(self, file: BinaryIO) -> None:
        """Read from this file's descriptor. Raises OSError where it has none."""
        self._descriptor = file.fileno()
        self._buffer = bytearray()

    def readline(self, size: int, /) -> bytes:
        """Read to the end of the line, at most so many bytes; nothing at the end."""
        seen = 0
        while (end := self._buffer.find(b"\n", seen, size)) < 0 and len(self._buffer) < size:
            seen = len(self._buffer)
            chunk = os.read(self._descriptor, _CHUNK_BYTES)
            if not chunk:
                break
            self._buffer += chunk
        length = min(size, len(self._buffer)) if end < 0 else end + 1
        line = bytes(self._buffer[:length])
        del self._buffer[:length]
        return line

    def is_quiet(self) -> bool:
        """Whether no whole line is here, and nothing comes for a moment."""
        return b"\n" not in self._buffer and not select.select([self._descriptor], [], [], _QUIET_S)[0]


class NotJsonLines(ValueError):  # noqa: N818  says what the file is
    """No line can be read, since the file is something else."""

    def __init__(self, foreign: Foreign) -> None:
        super().__init__(f"looks like {foreign.looks_like}")
        self.foreign = foreign


class _Head:
    """Remembers how a file begins while its lines are read."""

    def __init__(self, file: Lines) -> None:
        self._file = file
        self.data = b""

    def readline(self, size: int, /) -> bytes:
        line = self._file.readline(size)
        if len(self.data) < HEAD_BYTES:
            self.data += line[: HEAD_BYTES - len(self.data)]
        return line


class Batch(Struct, frozen=True):
    """Some lines of a file, read: commands and what is no command, in order.

    `last_line` is the number of the last line looked at, `bytes_read` how much of the file that is.
    """

    lines: list[tuple[int, Read]]
    last_line: int
    bytes_read: int

    @property
    def commands(self) -> list[Envelope]:
        """The lines that are commands."""
        return [read for _, read in self.lines if not isinstance(read, Unreadable)]


def read_batches(
    file: Lines, *, default_account: str = DEFAULT_ACCOUNT, batch_commands_max: int = BATCH_COMMANDS_MAX
) -> Iterator[Batch]:
    """Read a file of JSON lines to its end; it is buffered, or a pipe. Ends with no batch for a file without lines.

    Raises NotJsonLines before the first batch where no line of it can be read and the file begins like something else.
    """
    head = _Head(file)
    is_begun = False
    is_quiet = file.is_quiet if isinstance(file, Pipe) else _never
    lines: list[tuple[int, Read]] = []
    number, bytes_read, bytes_begun = 0, 0, 0
    for number, (data, length) in enumerate(_lines(head), start=1):
        bytes_read += length
        if data is None:
            lines.append((number, too_large(number)))
        elif data.strip(_BLANK):
            lines.append((number, read_command(data, default_account=default_account, line=number)))
        is_full = len(lines) >= batch_commands_max or bytes_read - bytes_begun >= BATCH_BYTES_MAX
        if is_full or (lines and is_quiet()):
            is_begun = is_begun or _is_json_lines(lines, head)
            yield Batch(lines, number, bytes_read)
            lines, bytes_begun = [], bytes_read
    if lines:
        is_begun = is_begun or _is_json_lines(lines, head)
        yield Batch(lines, number, bytes_read)


def _is_json_lines(lines: Sequence[tuple[int, Read]], head: _Head) -> bool:
    """Return True, or raise NotJsonLines: one line that is a JSON object, a wrong command too, settles it."""
    if all(isinstance(read, Unreadable) and read.code in _NO_OBJECT for _, read in lines):
        foreign = recognise(head.data)
        if foreign is not None:
            raise NotJsonLines(foreign)
    return True


def _never() -> bool:
    return False


def _lines(file: Lines) -> Iterator[tuple[bytes | None, int]]:
    """Cut a file into lines without their ends, None for one that is too long; and how many bytes each took."""
    mark = _BYTE_ORDER_MARK
    while data := file.readline(SIZE_BYTES_MAX + len(_BYTE_ORDER_MARK) + _LINE_END_BYTES_MAX):
        length = len(data)
        whole = data.endswith(b"\n")
        data = data.removeprefix(mark).removesuffix(b"\n").removesuffix(b"\r")
        mark = b""
        if len(data) <= SIZE_BYTES_MAX:
            yield data, length
            continue
        while not whole and (more := file.readline(SIZE_BYTES_MAX)):
            length += len(more)
            whole = more.endswith(b"\n")
        yield None, length
