"""Layer: ledger. Columns of rows as binary PostgreSQL arrays, for `unnest`: what a batch sends in one statement.

Dumping composite values as text took 38 % of a large insert; parallel arrays are packed here by
`struct` and `join` alone. Text may hold NUL, which PostgreSQL's does not: it is written with a
pair of others, and reads back as what was sent. JSON holds neither: it writes both as an escape.
"""

import struct
from collections.abc import Iterable
from itertools import chain
from typing import ClassVar, Final

from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.postgres import adapters, types
from psycopg.pq import Format
from psycopg.types.string import ByteaBinaryLoader

_head = struct.Struct("!IIIII").pack  # Dimensions, has nulls, type of the elements, elements, lower bound.
_length = struct.Struct("!I").pack
_NULL: Final = b"\xff\xff\xff\xff"
_LONG: Final = _length(8)


def stored_text(text: str) -> str:
    """Write text without NUL, so that it can be read back and sorts as it did: U+0001 begins a pair."""
    if "\1" in text or "\0" in text:
        return text.replace("\1", "\1\2").replace("\0", "\1\1")
    return text


def read_text(text: str) -> str:
    """Read what `stored_text` wrote."""
    return text.replace("\1\1", "\0").replace("\1\2", "\1") if "\1" in text else text


def _stored(values: Iterable[str]) -> list[bytes]:
    texts = [*values]
    joined = "".join(texts)  # One look at all of them.
    if "\1" in joined or "\0" in joined:
        texts = [stored_text(text) for text in texts]
    return [text.encode() for text in texts]


class Column:
    """The values of one column, packed."""

    oid: ClassVar[int]
    __slots__ = ("packed",)

    def __init__(self, packed: bytes) -> None:
        """Keep an array's bytes."""
        self.packed = packed


class Texts(Column):
    """Text; NUL as `stored_text` writes it."""

    oid = types["text"].array_oid
    __slots__ = ()

    def __init__(self, values: Iterable[str]) -> None:
        """Pack texts."""
        super().__init__(_packed(_stored(values), types["text"].oid))


class Documents(Column):
    """Text that is encoded already, and holds no NUL: JSON writes it as an escape."""

    oid = types["varchar"].array_oid
    __slots__ = ()

    def __init__(self, values: Iterable[bytes]) -> None:
        """Pack documents."""
        super().__init__(_packed([*values], types["varchar"].oid))


class Integers(Column):
    """Integers of 64 bits."""

    oid = types["int8"].array_oid
    __slots__ = ()

    def __init__(self, values: Iterable[int]) -> None:
        """Pack integers."""
        items = [*values]
        flat = [8] * (2 * len(items))
        flat[1::2] = items
        super().__init__(_start(len(items), types["int8"].oid) + struct.pack("!" + "Iq" * len(items), *flat))


class Flags(Column):
    """Booleans."""

    oid = types["bool"].array_oid
    __slots__ = ()

    def __init__(self, values: Iterable[bool]) -> None:
        """Pack booleans."""
        super().__init__(_packed([b"\1" if value else b"\0" for value in values], types["bool"].oid))


class NullableTexts(Column):
    """Text, or nothing."""

    oid = types["text"].array_oid
    __slots__ = ()

    def __init__(self, values: Iterable[str | None]) -> None:
        """Pack texts and nulls."""
        super().__init__(
            _packed_with_nulls(
                [None if value is None else stored_text(value).encode() for value in values], types["text"].oid
            )
        )


class NullableIntegers(Column):
    """Integers of 64 bits, or nothing."""

    oid = types["int8"].array_oid
    __slots__ = ()

    def __init__(self, values: Iterable[int | None]) -> None:
        """Pack integers and nulls."""
        pack = struct.Struct("!q").pack
        super().__init__(
            _packed_with_nulls([None if value is None else pack(value) for value in values], types["int8"].oid)
        )


def _start(count: int, element_oid: int, *, nulls: bool = False) -> bytes:
    return _head(1, nulls, element_oid, count, 1) if count else struct.pack("!III", 0, 0, element_oid)


def _packed(items: list[bytes], element_oid: int) -> bytes:
    lengths = map(_length, map(len, items))
    return b"".join((_start(len(items), element_oid), *chain.from_iterable(zip(lengths, items, strict=True))))


def _packed_with_nulls(items: list[bytes | None], element_oid: int) -> bytes:
    parts = [_start(len(items), element_oid, nulls=None in items)]
    for item in items:
        if item is None:
            parts.append(_NULL)
        else:
            parts += (_length(len(item)), item)
    return b"".join(parts)


def _dumper_of(column: type[Column]) -> type[Dumper]:
    class ColumnDumper(Dumper):
        format = Format.BINARY
        oid = column.oid

        def dump(self, obj: Column) -> Buffer:
            return obj.packed

    return ColumnDumper


def adapters_of_columns() -> AdaptContext:
    """Make the library's adapters, with columns, and with documents (`varchar`, used for nothing else) as bytes."""
    ours = AdaptersMap(adapters)
    for column in (Texts, Documents, Integers, Flags, NullableTexts, NullableIntegers):
        ours.register_dumper(column, _dumper_of(column))
    ours.register_loader("varchar", ByteaBinaryLoader)  # What reads them takes bytes; this one is in C.
    return ours
