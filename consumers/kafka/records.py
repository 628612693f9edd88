"""Layer: consumers. Takes fetched batches apart, one message after another, whatever bytes they hold.

The library would unpack a batch whole, however large it becomes (500 MB in a batch of 50 kB), and give up
at the first record that is not as it expects. Here a batch is unpacked as a stream, a record that is
too large or damaged becomes a message with a fault, and the next one is read. Only where nothing tells
where the next record begins is the batch undecodable: that one is raised, with where it ends.
"""

import gzip
import io
from collections.abc import Iterator
from typing import Any, Final, Protocol, TypeAlias

from kafka import KafkaConsumer
from kafka.codec import snappy_decode
from kafka.consumer.fetcher import Fetcher
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint

from consumers.source import Fault, Message, Partition, SourceUndecodable
from domain.intake.reading import SIZE_BYTES_MAX

RECORD_BYTES_MAX: Final = 2 * SIZE_BYTES_MAX  # Of a message, with key and headers: as the topic's max.message.bytes.
RECORDS_AT_ONCE_MAX: Final = 50  # So many of the largest are held, not a thousand.
_CHUNK_BYTES: Final = 64 * 1024
_VARINT_BYTES_MAX: Final = 10
_HEAD_BYTES_MAX: Final = 3 * _VARINT_BYTES_MAX  # Attributes, time and offset, with which a record begins.

DAMAGED: Final = Fault("DAMAGED_MESSAGE", "its record is damaged: key, value and headers cannot be told apart")
TOO_LARGE: Final = Fault("TOO_LARGE", f"longer than {RECORD_BYTES_MAX:,} bytes with its key and headers")


_Parts: TypeAlias = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]


def read_gently(consumer: KafkaConsumer) -> None:
    """Let a consumer take batches apart as here; its polls give a `Message` per record, and raise SourceUndecodable."""
    consumer._fetcher.PartitionRecords = _PartitionRecords  # type: ignore[attr-defined]  # noqa: SLF001  no other way in


class _PartitionRecords(Fetcher.PartitionRecords):
    """What was fetched of a partition: the library finds markers and aborted transactions, the rest is ours."""

    def _unpack_records(self, tp: Any, records: MemoryRecords, *_: object) -> Iterator[Message]:  # noqa: ANN401
        batches = Batches(records)
        try:
            for r in super()._unpack_records(tp, batches, None, None):  # type: ignore[misc]
                yield Message(r.offset, r.value, r.key, r.headers, r.timestamp, batches.faults.pop(r.offset, None))
        except Exception as error:
            self.drain()  # Or the library would ask an iterator that has ended, for ever.
            at = max(self.fetch_offset, self.next_fetch_offset)
            raise SourceUndecodable(Partition(*tp), at, batches.last_offset, type(error).__name__) from error


class Batches:
    """The batches of a fetch, and the faults found in them."""

    def __init__(self, records: MemoryRecords) -> None:
        self._records = records
        self.faults: dict[int, Fault] = {}
        self.last_offset = -1

    def next_batch(self) -> Any:  # noqa: ANN401
        """Give the next batch; None after the last one that came whole."""
        data = self._records._next_slice  # type: ignore[attr-defined]  # noqa: SLF001  before it is made a batch
        batch: Any = self._records.next_batch()  # type: ignore[no-untyped-call]
        if isinstance(batch, DefaultRecordBatch):
            batch = _Batch(data, self.faults)
            self.last_offset = batch.last_offset
        elif batch is not None:  # Of the formats before 2017: whole, and with the offset of its last message.
            self.last_offset = batch.base_offset
        return batch


class _Batch(DefaultRecordBatch):
    """A batch that is unpacked as a stream."""

    def __init__(self, data: memoryview, faults: dict[int, Fault]) -> None:
        super().__init__(data)
        self._packed = bytes(data[self.HEADER_STRUCT.size :])
        self._faults = faults

    def __iter__(self) -> Iterator[DefaultRecord]:
        stream = _Stream(_unpacking(self.compression_type, self._packed))
        before = self.base_offset - 1
        for _ in range(self.records_count):
            length = stream.varint()
            if length < 0:
                raise ValueError(length)
            head = stream.peek(min(length, _HEAD_BYTES_MAX))
            is_too_large = length > RECORD_BYTES_MAX
            if is_too_large:
                stream.skip(length)
            record = self._record(head, length, None if is_too_large else stream.take(length))
            if not before < record.offset <= self.last_offset:  # It would be passed over as one that was read.
                raise ValueError(record.offset)
            before = record.offset
            yield record

    def _record(self, head: bytes, length: int, body: bytes | None) -> DefaultRecord:
        """Make a record of its bytes, or note the fault. Raises where its own offset cannot be seen."""
        _, at = decode_varint(head, 0)
        delta, at = decode_varint(head, at)
        offset_delta, at = decode_varint(head, at)
        offset = self.base_offset + offset_delta
        parts: _Parts = (None, body, [])
        if body is None:
            self._faults[offset] = TOO_LARGE
        else:
            try:
                parts = _parts(body, at)
            except (ValueError, IndexError):
                self._faults[offset] = DAMAGED
        timestamp = self.max_timestamp if self.timestamp_type == self.LOG_APPEND_TIME else self.first_timestamp + delta
        return DefaultRecord(length, offset, timestamp, self.timestamp_type, *parts)


def _parts(body: bytes, at: int) -> _Parts:
    """Take a record apart, from its key on. Raises ValueError and IndexError."""
    key, at = _bytes(body, at)
    value, at = _bytes(body, at)
    count, at = decode_varint(body, at)
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        name, at = _bytes(body, at)
        content, at = _bytes(body, at)
        if name is None:
            raise ValueError(at)
        headers.append((name.decode(errors="backslashreplace"), content))
    if count < 0 or at != len(body):
        raise ValueError(at)
    return key, value, headers


def _bytes(body: bytes, at: int) -> tuple[bytes | None, int]:
    length, at = decode_varint(body, at)
    if length < 0:
        return None, at
    if at + length > len(body):
        raise ValueError(length)
    return body[at : at + length], at + length


class _Reads(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Read the next bytes; none at the end."""
        ...


class _Stream:
    """Reads what is unpacked, some of it at a time. Raises EOFError where it ends early."""

    def __init__(self, unpacking: _Reads) -> None:
        self._unpacking = unpacking
        self._held = b""
        self._at = 0

    def varint(self) -> int:
        value, length = decode_varint(self.peek(_VARINT_BYTES_MAX))
        self._at += length
        return int(value)

    def peek(self, length: int) -> bytes:
        """Look at the next bytes, or at as many as there are."""
        missing = self._at + length - len(self._held)
        if missing > 0:
            parts = [self._held[self._at :]]
            while missing > 0 and (part := self._unpacking.read(_CHUNK_BYTES)):
                parts.append(part)
                missing -= len(part)
            self._held, self._at = b"".join(parts), 0
        return self._held[self._at : self._at + length]

    def take(self, length: int) -> bytes:
        found = self.peek(length)
        if len(found) < length:
            raise EOFError
        self._at += length
        return found

    def skip(self, length: int) -> None:
        while length:
            length -= len(self.take(min(length, _CHUNK_BYTES)))


def _unpacking(codec: int, data: bytes) -> _Reads:
    """Read packed bytes as what was packed, without holding more of it than is asked for.

    Snappy is unpacked whole: it makes at most some twenty times of what came.
    """
    packed = io.BytesIO(data)
    match codec:
        case DefaultRecordBatch.CODEC_NONE:
            return packed
        case DefaultRecordBatch.CODEC_GZIP:
            return gzip.GzipFile(fileobj=packed)
        case DefaultRecordBatch.CODEC_SNAPPY:
            return io.BytesIO(snappy_decode(data))  # type: ignore[no-untyped-call]
        case DefaultRecordBatch.CODEC_LZ4:
            from lz4.frame import LZ4FrameFile  # type: ignore[import-untyped]  # noqa: PLC0415  that it is there is checked

            return LZ4FrameFile(packed)  # type: ignore[no-any-return]
        case DefaultRecordBatch.CODEC_ZSTD:
            from zstandard import ZstdDecompressor  # noqa: PLC0415  that it is there is checked before any poll

            return ZstdDecompressor().stream_reader(packed, read_across_frames=True)
    raise ValueError(codec)
