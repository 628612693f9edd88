"""Writes bytes into a topic that no client would write: batches made by hand, sent in Kafka's own protocol."""

import gzip
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from kafka.codec import lz4_encode, snappy_encode
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import calc_crc32c, encode_varint
from zstandard import ZstdCompressor

from consumers.kafka.settings import KafkaSettings
from consumers.source import Partition

_PRODUCE, _VERSION, _ALL_REPLICAS = 0, 7, -1
_NOT_LEADER, _UNKNOWN_TOPIC = 6, 3
_CRC_AT: Final = DefaultRecordBatch.CRC_OFFSET
CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")


class Refused(Exception):  # noqa: N818  says what happened
    """The broker does not store this; the code is Kafka's."""


class NotYet(Exception):  # noqa: N818
    """The broker is not ready for this partition."""


def varint(number: int) -> bytes:
    written = bytearray()
    encode_varint(number, written.append)  # type: ignore[no-untyped-call]
    return bytes(written)


def nullable(content: bytes | None) -> bytes:
    return varint(-1) if content is None else varint(len(content)) + content


def body(nth: int, key: bytes | None, value: bytes | None, headers: Sequence[tuple[bytes, bytes | None]] = ()) -> bytes:
    """Write a record but for its length; `nth` is its place in the batch."""
    told = b"".join(nullable(name) + nullable(content) for name, content in headers)
    return b"\0" + varint(0) + varint(nth) + nullable(key) + nullable(value) + varint(len(headers)) + told


def batch(bodies: Sequence[bytes], codec: str = "none", *, packed: bytes | None = None) -> bytes:
    """Write a batch of records; `packed` stands in their place where it is given."""
    if packed is None:
        packed = pack(codec, b"".join(varint(len(one)) + one for one in bodies))
    attributes, last = CODECS.index(codec), len(bodies) - 1
    now_ms = time.time_ns() // 1_000_000
    rest = struct.pack(">hiqqqhii", attributes, last, now_ms, now_ms, -1, -1, -1, len(bodies)) + packed
    crc: int = calc_crc32c(memoryview(rest))  # type: ignore[no-untyped-call]
    return struct.pack(">qiibI", 0, len(rest) + 9, -1, 2, crc) + rest


def pack(codec: str, unpacked: bytes) -> bytes:
    match codec:
        case "gzip":
            return gzip.compress(unpacked)
        case "snappy":
            return bytes(snappy_encode(unpacked))
        case "lz4":
            return bytes(lz4_encode(unpacked))
        case "zstd":
            return ZstdCompressor().compress(unpacked)
    return unpacked


def produce(settings: KafkaSettings, partition: Partition, records: bytes) -> int:
    """Send a batch to a broker of one node; tells the offset that it got. Raises Refused."""
    for _ in range(100):  # A partition that was made just now may have no leader yet.
        with suppress(NotYet):
            return _produce(settings, partition, records)
        time.sleep(0.1)
    raise Refused(_NOT_LEADER)


def _produce(settings: KafkaSettings, partition: Partition, records: bytes) -> int:
    ((host, port),) = settings.hosts()
    told = struct.pack(">hhih", _PRODUCE, _VERSION, 1, -1) + struct.pack(">hhi", -1, _ALL_REPLICAS, 10_000)
    topic = partition.topic.encode()
    told += struct.pack(">ih", 1, len(topic)) + topic + struct.pack(">iii", 1, partition.number, len(records)) + records
    with socket.create_connection((host, port), timeout=20) as connection, connection.makefile("rb") as answers:
        connection.sendall(struct.pack(">i", len(told)) + told)
        (length,) = struct.unpack(">i", answers.read(4))
        answer = answers.read(length)
    error, offset = struct.unpack_from(">hq", answer, 4 + 4 + 2 + len(topic) + 4 + 4)
    if error in {_NOT_LEADER, _UNKNOWN_TOPIC}:
        raise NotYet
    if error:
        raise Refused(error)
    return int(offset)


def spoil(data: Path, partition: Partition, stored: bytes, by: bytes) -> None:
    """Write another batch over one in the broker's files, as long as it: the broker itself would not store it."""
    assert len(stored) == len(by)
    (segment,) = data.glob(f"{partition.topic}-{partition.number}/*.log")
    there = segment.read_bytes()
    assert there.count(stored[_CRC_AT:]) == 1
    with segment.open("r+b") as file:
        file.seek(there.index(stored[_CRC_AT:]))
        file.write(by[_CRC_AT:])
