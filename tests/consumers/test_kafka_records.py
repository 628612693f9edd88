"""Layer: tests. Batches taken apart by us are what the library makes of them, and more is read, in little memory."""

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record import MemoryRecords

from consumers.kafka.records import DAMAGED, RECORD_BYTES_MAX, TOO_LARGE, Batches
from consumers.source import Fault
from tests.kafka.raw import CODECS, batch, body, nullable, varint

MIB = 1024 * 1024
CONTENTS = st.none() | st.binary(max_size=200)
HEADERS = st.lists(st.tuples(st.text(max_size=5).map(str.encode), CONTENTS), max_size=3)


def records(data: bytes) -> Iterator[tuple[Any, Fault | None]]:
    batches = Batches(MemoryRecords(data))
    while (found := batches.next_batch()) is not None:
        assert found.validate_crc()
        for record in found:
            yield record, batches.faults.pop(record.offset, None)


def told(record: Any) -> tuple[Any, ...]:  # noqa: ANN401
    return record.offset, record.timestamp, record.key, record.value, record.headers, record.size_in_bytes


@given(st.lists(st.tuples(CONTENTS, CONTENTS, HEADERS), min_size=1, max_size=30), st.sampled_from(CODECS))
def test_records_are_as_the_library_reads_them(sent: list[Any], codec: str) -> None:
    data = batch([body(nth, *one) for nth, one in enumerate(sent)], codec)
    library = [told(record) for record in MemoryRecords(data).next_batch()]  # type: ignore[no-untyped-call]
    assert [told(record) for record, _ in records(data)] == library
    assert [fault for _, fault in records(data)] == [None] * len(sent)


@pytest.mark.parametrize("codec", CODECS)
def test_one_damaged_record_and_one_that_is_too_large_are_faults_and_the_others_are_read(codec: str) -> None:
    damaged = b"\0" + varint(0) + varint(1) + nullable(b"key") + varint(99)
    large = body(2, b"key", b" " * RECORD_BYTES_MAX)
    data = batch([body(0, b"key", b"0"), damaged, large, body(3, None, b"3", [(b"\xff", b"x")])], codec)
    found = [(record.offset, record.value, record.headers, fault) for record, fault in records(data)]
    assert found == [
        (0, b"0", [], None),
        (1, damaged, [], DAMAGED),
        (2, None, [], TOO_LARGE),
        (3, b"3", [("\\xff", b"x")], None),
    ]


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
def test_a_batch_of_two_hundred_mebibytes_is_read_in_a_few(codec: str) -> None:
    data = batch([body(nth, b"key", bytes(MIB)) for nth in range(200)], codec)
    assert len(data) < MIB
    tracemalloc.start()
    try:
        assert sum(len(record.value) for record, _ in records(data)) == 200 * MIB
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * MIB


@given(st.binary(max_size=100), st.sampled_from(CODECS), st.integers(1, 5))
def test_whatever_bytes_are_in_a_batch_it_ends(packed: bytes, codec: str, count: int) -> None:
    data = batch([b""] * count, codec, packed=packed)
    try:
        assert len(list(records(data))) == count
    except Exception as error:  # noqa: BLE001  whatever a codec raises: the partition halts
        assert not isinstance(error, AssertionError)  # noqa: PT017
