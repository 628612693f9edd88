"""Layer: consumers. Reads files of JSON lines, in batches, each line with its number.

A file of any size is read in little memory: a line too long for a command is passed over piece by
piece and told as such. Blank lines are no commands; every other line is answered once, in order.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

from msgspec import Struct

from consumers.messages import SIZE_BYTES_MAX, Read, Unreadable, read_command, too_large
from domain.commands import DEFAULT_ACCOUNT, Envelope

BATCH_COMMANDS_MAX: Final = 1000
BATCH_BYTES_MAX: Final = 8 * 1024 * 1024

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END_BYTES_MAX = 2
_BLANK = b" \t\r\n"


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
    file: BinaryIO, *, default_account: str = DEFAULT_ACCOUNT, batch_commands_max: int = BATCH_COMMANDS_MAX
) -> Iterator[Batch]:
    """Read a file of JSON lines to its end; `file` is buffered. Ends with no batch for a file without lines."""
    lines: list[tuple[int, Read]] = []
    number, bytes_read, bytes_begun = 0, 0, 0
    for number, (data, length) in enumerate(_lines(file), start=1):
        bytes_read += length
        if data is None:
            lines.append((number, too_large(number)))
        elif data.strip(_BLANK):
            lines.append((number, read_command(data, default_account=default_account, line=number)))
        if len(lines) >= batch_commands_max or bytes_read - bytes_begun >= BATCH_BYTES_MAX:
            yield Batch(lines, number, bytes_read)
            lines, bytes_begun = [], bytes_read
    if lines:
        yield Batch(lines, number, bytes_read)


def _lines(file: BinaryIO) -> Iterator[tuple[bytes | None, int]]:
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
