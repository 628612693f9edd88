import io
import json
import os
import tracemalloc
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import pytest

from consumers.commands.files import Batch, Pipe, read_batches
from domain.intake.reading import SIZE_BYTES_MAX, Unreadable


def command(number: int) -> bytes:
    return json.dumps({"type": "create_record", "command_id": f"c-{number}", "object_type": "contacts"}).encode()


def batches(data: bytes) -> list[Batch]:
    return list(read_batches(io.BytesIO(data)))


def told(read: Iterable[Batch]) -> list[tuple[int, str | None]]:
    return [
        (number, one.code if isinstance(one, Unreadable) else one.command.command_id)
        for batch in read
        for number, one in batch.lines
    ]


def test_every_line_is_read_in_order_with_its_number() -> None:
    data = b"\n".join([command(1), b"nonsense", command(3)]) + b"\n"
    assert told(batches(data)) == [(1, "c-1"), (2, "INVALID_JSON"), (3, "c-3")]


@pytest.mark.parametrize("data", [b"", b"\n", b"  \r\n\t\n\n", b"\xef\xbb\xbf"])
def test_a_file_without_commands_has_no_batch(data: bytes) -> None:
    assert batches(data) == []


def test_a_missing_last_newline_loses_nothing() -> None:
    assert told(batches(command(1) + b"\n" + command(2))) == [(1, "c-1"), (2, "c-2")]


def test_blank_lines_count_as_lines_and_are_no_commands() -> None:
    assert told(batches(b"\n" + command(2) + b"\n\n  \n" + command(5))) == [(2, "c-2"), (5, "c-5")]


def test_line_ends_of_windows_and_a_byte_order_mark_are_no_part_of_a_command() -> None:
    assert told(batches(b"\xef\xbb\xbf" + command(1) + b"\r\n" + command(2) + b"\r\n")) == [(1, "c-1"), (2, "c-2")]


def test_a_byte_order_mark_later_in_the_file_is_no_json() -> None:
    assert told(batches(command(1) + b"\n\xef\xbb\xbf" + command(2))) == [(1, "c-1"), (2, "INVALID_JSON")]


def test_batches_are_of_a_thousand() -> None:
    read = batches(b"\n".join(command(number) for number in range(1, 2502)))
    assert [len(batch.lines) for batch in read] == [1000, 1000, 501]
    assert [batch.last_line for batch in read] == [1000, 2000, 2501]
    assert [number for number, _ in told(read)] == list(range(1, 2502))


def test_a_batch_is_no_larger_than_some_megabytes() -> None:
    long = b'{"x": "' + b"y" * 900_000 + b'"}\n'
    assert max(len(batch.lines) for batch in batches(long * 30)) <= 10


def test_bytes_read_end_at_the_size_of_the_file() -> None:
    data = b"\n".join(command(number) for number in range(1500))
    assert batches(data)[-1].bytes_read == len(data)


@pytest.mark.parametrize("over", [1, 2, 3, 5, 6, SIZE_BYTES_MAX, 3 * SIZE_BYTES_MAX])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_over_one_mebibyte_is_told_and_the_rest_goes_on(over: int, end: bytes) -> None:
    read = batches(command(1) + end + b"x" * (SIZE_BYTES_MAX + over) + end + command(3) + end)
    assert told(read) == [(1, "c-1"), (2, "TOO_LARGE"), (3, "c-3")]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_of_exactly_one_mebibyte_is_read(end: bytes) -> None:
    line = command(1) + b" " * (SIZE_BYTES_MAX - len(command(1)))
    assert told(batches(line + end)) == [(1, "c-1")]


def test_a_line_too_long_is_not_read_into_memory_whole() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            if self.given > 64 * SIZE_BYTES_MAX:
                return 0
            buffer[:] = b"x" * len(buffer)
            self.given += len(buffer)
            return len(buffer)

    tracemalloc.start()
    read = list(read_batches(io.BufferedReader(Endless())))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told(read) == [(1, "TOO_LARGE")]
    assert peak < 8 * SIZE_BYTES_MAX


def test_the_default_account_is_given_to_every_command() -> None:
    [batch] = read_batches(io.BytesIO(command(1)), default_account="shop")
    assert [envelope.command.account for envelope in batch.commands] == ["shop"]


def write_all(into: IO[bytes], data: bytes) -> None:
    with into:
        into.write(data)


LONG = b"x" * (SIZE_BYTES_MAX + 9)


@pytest.mark.parametrize("data", [b"", b"\n", command(1) + b"\n\n" + command(2), command(1) + b"\n" + LONG + b"\n"])
def test_a_pipe_is_read_as_a_file_is(data: bytes) -> None:
    reading, writing = os.pipe()
    with ThreadPoolExecutor(1) as threads, os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb") as into:
        threads.submit(write_all, into, data)
        found = told(read_batches(Pipe(pipe)))
    assert found == told(batches(data))
