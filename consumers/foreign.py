"""Layer: consumers. Recognises a file that is not JSON lines by how it begins, and says what to do with it.

Such a file has no line that can be read, so it is reported once and not per line. Only the first
bytes are looked at, and none of them is repeated: they may be personal.
"""

import re
from typing import Final, NamedTuple

HEAD_BYTES: Final = 65_536


class Foreign(NamedTuple):
    """What a file looks like, and how its content can be made JSON lines; `{file}` is its name."""

    looks_like: str
    next_step: str


_EXPORT: Final = "export it as JSON lines"
_BINARY: Final = (
    (b"\x1f\x8b", Foreign("a gzip file", "unpack it with: gzip -dc {file} | merge-ledger apply -")),
    (b"\x28\xb5\x2f\xfd", Foreign("a zstd file", "unpack it with: zstd -dc {file} | merge-ledger apply -")),
    (b"BZh", Foreign("a bzip2 file", "unpack it with: bzip2 -dc {file} | merge-ledger apply -")),
    (b"\xfd7zXZ", Foreign("an xz file", "unpack it with: xz -dc {file} | merge-ledger apply -")),
    (b"PK\x03\x04", Foreign("a ZIP file or a spreadsheet", f"unpack it, or {_EXPORT}")),
    (b"PAR1", Foreign("a Parquet file", _EXPORT)),
    (b"Obj\x01", Foreign("an Avro file", _EXPORT)),
    (b"SQLite format 3\x00", Foreign("a SQLite database", _EXPORT)),
    (b"%PDF", Foreign("a PDF file", _EXPORT)),
)
_UTF_16_OR_32: Final = Foreign("text in UTF-16 or UTF-32", "convert it with: iconv -f UTF-16 -t UTF-8 {file}")
_ARRAY: Final = Foreign("one JSON array", "write each of its elements on a line with: jq -c '.[]' {file}")
_SPREAD: Final = Foreign("JSON that is spread over several lines", "write each object on one line with: jq -c . {file}")
_CSV: Final = Foreign("CSV", "write each row as a command")
_XML: Final = Foreign("XML or HTML", _EXPORT)

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_CSV_HEAD: Final = re.compile(rb"[^{\[<,;\t|]+(?:,|;|\t|\|)[^{\n]*")


def recognise(head: bytes) -> Foreign | None:
    """Recognise what a file is by its first bytes; None where its lines are to be reported one by one."""
    for begins, foreign in _BINARY:
        if head.startswith(begins):
            return foreign
    if head.startswith(_UTF_16_MARKS) or b"\x00" in head[:4]:
        return _UTF_16_OR_32
    lines = head.removeprefix(_BYTE_ORDER_MARK).strip().splitlines()
    first = lines[0].strip() if lines else b""
    if first.startswith(b"["):
        return _ARRAY
    if first == b"{" and len(lines) > 1:
        return _SPREAD
    if first.startswith(b"<"):
        return _XML
    # A single line of plain text may have a comma; a table has the same in the line after.
    if len(lines) > 1 and _CSV_HEAD.fullmatch(first) and _delimiters(first) & _delimiters(lines[1]):
        return _CSV
    return None


def _delimiters(line: bytes) -> set[bytes]:
    return {one for one in (b",", b";", b"\t", b"|") if one in line}
