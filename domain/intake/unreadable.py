"""Layer: domain. Says why input cannot be read as a command: a code, and a message with the JSON path.

A complaint may be kept for ever and shown to anyone, so it names fields and what was expected, and
never a value: what the decoder says is said again in words of our own.
"""

import json
import math
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias, get_args

import msgspec
from msgspec import inspect

from domain.language import ids
from domain.language.commands import AnyCommand
from domain.language.values import ZONE_EXPECTED, is_whole_number

# Every code of input that cannot be read. The command id of such input is not spent: mend it and send it again.
CODES: Final = {
    "TOO_LARGE": "longer than 1 MiB",
    "INVALID_UTF8": "bytes that are not UTF-8",
    "LONE_SURROGATE": "half a character: a \\uD800 to \\uDFFF escape without its other half",
    "NUL_CHARACTER": "the character U+0000 in a text",
    "TOO_DEEP": "more than 32 objects and lists inside one another",
    "INVALID_JSON": "not JSON, such as NaN, a missing quote, or something after the object",
    "DUPLICATE_KEY": "one key twice in the same object",
    "NUMBER_OUT_OF_RANGE": "a whole number beyond 64 bits, or a number beyond what a float holds",
    "UNKNOWN_COMMAND": "a `type` that is no command",
    "MISSING_FIELD": "a field that this command must have",
    "UNKNOWN_FIELD": "a field that is not known, where that could lose something: of merge_records, or inside a field",
    "INVALID_FIELD": "a field of another type or form than it must have: an id with a space, a time without its zone",
}

Path: TypeAlias = tuple[str | int, ...]


class Complaint(NamedTuple):
    """Why input cannot be read."""

    code: str
    message: str


class _Told(Exception):  # noqa: N818  carries a complaint out of a decoder
    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint.message)
        self.complaint = complaint


# What the decoder says, and what is said instead. Patterns are shown to nobody.
_IN_WORDS: Final = {
    f"^{ids.ID}": "an id (1 to 64 of A-Z a-z 0-9 _ . -)",
    f"^{ids.COMMAND_ID}": "a command id (1 to 200 of A-Z a-z 0-9 _ . - : /)",
    f"^{ids.IDENTIFIER_KIND}": "email, domain or property:NAME",
    f"^{ids.TYPE_NAME}": "the name of an object type (a-z, then a-z 0-9 _)",
    f"^{ids.PROPERTY_NAME}": "the name of a property (a-z, then a-z 0-9 _)",
}
_AT = re.compile(r"^(?P<said>.*?)(?: - at (?P<key>`key` in )?`(?P<path>\$[^`]*)`)?$", re.DOTALL)
_FIELD = re.compile(r"^Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_ENTRY = re.compile(r"`\$\.(\w+)\[\.\.\.\]")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,63}")


def name_of(field: str) -> str:
    """Name a field that nobody knows; what does not look like a field's name might be personal and is not said."""
    return field if _PLAIN_NAME.fullmatch(field) else "(unnamed)"


def at(path: Path) -> str:
    """Write a JSON path."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{name_of(step)}" for step in path)


# -- input that decodes, and is no command ----------------------------------------------------------------------------


def about_fields(error: msgspec.ValidationError, raw: Any) -> Complaint:  # noqa: ANN401  whatever JSON can hold
    """Say what is wrong with the fields of what was decoded as `raw`."""
    found = _AT.match(str(_narrowed(error, raw)))
    said, path, in_key = (found["said"], found["path"] or "$", found["key"]) if found else (str(error), "$", None)
    if field := _FIELD.match(said):
        missing = field["what"] == "missing required"
        where = f"{path}.{name_of(field['name'])}"
        if missing:
            return Complaint("MISSING_FIELD", f"required field missing at {where}")
        return Complaint("UNKNOWN_FIELD", f"unknown field at {where}")
    if path == "$.type" and said.startswith("Invalid value"):
        return Complaint("UNKNOWN_COMMAND", f"unknown command at $.type{_meant(raw['type'])}")
    if said == "Number out of range":
        return Complaint("NUMBER_OUT_OF_RANGE", f"number out of range at {path}")
    expected = _expected(said, raw, path)
    return Complaint("INVALID_FIELD", f"{expected} {'as a key of' if in_key else 'at'} {path}")


def _narrowed(error: msgspec.ValidationError, raw: Any) -> str:  # noqa: ANN401
    """Put the name of the property in place of the decoder's `[...]`: try each entry by itself until it fails alike."""
    said = str(error)
    field = _ENTRY.search(said)
    entries = raw.get(field[1]) if field and isinstance(raw, dict) else None
    if field and isinstance(entries, dict):
        for key, value in entries.items():
            try:
                msgspec.convert({**raw, field[1]: {key: value}}, AnyCommand)
            except msgspec.ValidationError as same:
                if str(same).startswith(said.split(" - at ", maxsplit=1)[0]):
                    return said.replace("[...]", f".{name_of(key)}", 1)
    return said


def _meant(tag: str) -> str:
    close = get_close_matches(tag.lower(), _COMMANDS, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _expected(said: str, raw: Any, path: str) -> str:  # noqa: ANN401
    if said.startswith("Expected `str` matching regex"):
        return "expected " + next(
            (words for form, words in _IN_WORDS.items() if repr(form)[1:-1] in said), "other text"
        )
    if said.startswith("Expected `datetime` with"):
        return ZONE_EXPECTED
    if said.startswith(("Invalid RFC3339", "Expected `datetime")):
        return "expected a time with its zone, such as 2026-01-31T12:00:00Z"
    if said.startswith("Expected "):
        return "e" + said.split(", got ", maxsplit=1)[0][1:].replace("`", "").replace(" | ", " or ")
    if said.startswith(("Invalid enum value", "Invalid value")):
        allowed = ", ".join(_allowed(raw, path))
        return f"expected one of {allowed}" if allowed else "not an allowed value"
    return said.replace("`", "")


def _allowed(raw: Any, path: str) -> Iterator[str]:  # noqa: ANN401
    """Tell the values that a field may have, by walking its type along the path."""
    kinds: list[inspect.Type] = [inspect.type_info(_COMMANDS[raw["type"]])]
    for name, index in _STEP.findall(path):
        kinds = [inner for kind in kinds for inner in _inside(kind, name, index)]
    for kind in kinds:
        if isinstance(kind, inspect.LiteralType):
            yield from map(str, kind.values)


def _inside(kind: inspect.Type, name: str, index: str) -> Iterator[inspect.Type]:
    below: list[inspect.Type] = []
    if isinstance(kind, inspect.StructType) and name:
        if kind.tag_field == name:
            below = [inspect.LiteralType((str(kind.tag),))]
        below += [field.type for field in kind.fields if field.encode_name == name]
    elif isinstance(kind, inspect.ListType) and index:
        below = [kind.item_type]
    elif isinstance(kind, inspect.DictType):
        below = [kind.value_type]
    for one in below:
        yield from one.types if isinstance(one, inspect.UnionType) else (one,)


_COMMANDS: Final[dict[str, Any]] = {str(command.__struct_config__.tag): command for command in get_args(AnyCommand)}

# -- input that does not decode ---------------------------------------------------------------------------------------


def about_text(error: Exception, data: bytes) -> Complaint:
    """Say why bytes are not JSON that we take."""
    if isinstance(error, UnicodeDecodeError):
        return Complaint("INVALID_UTF8", f"not UTF-8 ({_first_bad_byte(data)})")
    if isinstance(error, RecursionError):
        return too_deep()
    complaint = _closer_look(data)
    if complaint is not None:
        return complaint
    said = str(error).removeprefix("JSON is malformed: ")
    return Complaint("INVALID_JSON", f"not JSON: {said[:1].lower()}{said[1:]}")


def too_deep() -> Complaint:
    """Say that there is no end to the objects inside objects."""
    return Complaint("TOO_DEEP", CODES["TOO_DEEP"])


def _first_bad_byte(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as bad:
        return f"byte {bad.start}"
    return "in an escape"


def _closer_look(data: bytes) -> Complaint | None:
    """Read with Python's forgiving decoder what the strict one refused, to tell NaN and half characters apart."""
    try:
        raw = json.loads(data.decode(), parse_constant=_Constant)
    except RecursionError:
        return too_deep()
    except ValueError as error:
        digits = "integer string conversion" in str(error)
        return Complaint("NUMBER_OUT_OF_RANGE", CODES["NUMBER_OUT_OF_RANGE"]) if digits else None
    for path, leaf in leaves(raw):
        if isinstance(leaf, _Constant):
            return Complaint("INVALID_JSON", f"NaN and Infinity are no JSON, at {at(path)}")
        if isinstance(leaf, float) and not math.isfinite(leaf):
            return Complaint("NUMBER_OUT_OF_RANGE", f"number out of range at {at(path)}")
        if isinstance(leaf, str) and not _is_whole(leaf):
            return Complaint("LONE_SURROGATE", f"half a character (a lone surrogate) at {at(path)}")
    return None


class _Constant:
    """NaN or an Infinity, where Python's decoder met one."""

    def __init__(self, text: str) -> None:
        self.text = text


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# -- input that decodes, and hides something --------------------------------------------------------------------------


def about_duplicates(data: bytes) -> Complaint | None:
    """Find a key that stands twice in one object; the decoder would keep the last alone."""
    try:
        json.loads(data, object_pairs_hook=_refuse_duplicates)
    except _Told as told:
        return told.complaint
    return None


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                _tell("DUPLICATE_KEY", f"key {name_of(key)} stands twice in one object")
            seen.add(key)
    return found


def _tell(code: str, message: str) -> NoReturn:
    raise _Told(Complaint(code, message))


def about_leaves(raw: Any) -> Complaint | None:  # noqa: ANN401
    """Look for NUL characters and for whole numbers that no store takes."""
    for path, leaf in leaves(raw):
        if isinstance(leaf, str) and "\0" in leaf:
            return Complaint("NUL_CHARACTER", f"NUL character at {at(path)}")
        if isinstance(leaf, int) and not is_whole_number(leaf):
            return Complaint("NUMBER_OUT_OF_RANGE", f"number out of range at {at(path)}")
    return None


def leaves(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:  # noqa: ANN401
    """Walk over every key and every value that holds no others, with its path; at most as deep as was decoded."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*path, key), key
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))
    else:
        yield path, node
