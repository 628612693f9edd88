"""Layer: tests. The stored form of every event, for ever: its bytes, its type, and where personal values stand.

`tests/golden/events.jsonl` has one line a type. A line may gain fields with defaults; a changed
meaning is a new type with a line of its own. A new type without a line fails here.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.inspect import CollectionType, CustomType, FrozenSetType, SetType, StructType, Type, type_info
from msgspec.structs import fields

from domain.language import events as e
from domain.state.folds import claims_changed, evolve
from ledger.store.codec import UnknownEventType, UnreadableEvent, decode, encode
from tests.ledger.examples import EXAMPLES, PERSONAL

GOLDEN = Path(__file__).parents[1] / "golden" / "events.jsonl"


class Line(msgspec.Struct):
    type: str
    data: msgspec.Raw


def golden() -> dict[str, bytes]:
    lines = [msgspec.json.decode(line, type=Line) for line in GOLDEN.read_bytes().splitlines()]
    return {line.type: bytes(line.data) for line in lines}


def test_every_type_has_an_example_and_a_golden_line_and_no_line_is_left_behind() -> None:
    assert set(EXAMPLES) == set(e.EVENT_TYPES)
    assert set(golden()) == set(e.EVENT_TYPES)


def test_the_registry_is_every_event_class_there_is() -> None:
    of_the_product = {cls for cls in e.Event.__subclasses__() if not cls.__module__.startswith("tests.")}
    assert set(e.EVENT_CLASSES) == of_the_product
    assert len(e.EVENT_TYPES) == len(e.EVENT_CLASSES)


@pytest.mark.parametrize("event_type", e.EVENT_TYPES)
def test_an_event_is_stored_as_the_same_bytes_for_ever(event_type: str) -> None:
    assert encode(EXAMPLES[event_type]) == golden()[event_type]
    assert decode(event_type, golden()[event_type]) == EXAMPLES[event_type]


@pytest.mark.parametrize("event_type", e.EVENT_TYPES)
def test_the_example_fills_in_every_field(event_type: str) -> None:
    example = EXAMPLES[event_type]
    left_out = [field.name for field in fields(example) if getattr(example, field.name) in (field.default, {}, (), [])]
    expected = ["values"] if event_type in e.OUTCOME_TYPES else []
    assert left_out == expected


@pytest.mark.parametrize("event_type", e.EVENT_TYPES)
def test_personal_values_stand_in_values_alone_by_the_record_they_came_from(event_type: str) -> None:
    body = json.loads(golden()[event_type])
    personal = body.pop("values", {})
    assert PERSONAL not in json.dumps(body)
    for record_id, named in personal.items():
        assert record_id.isdecimal()
        for name, value in named.items():
            assert value == "erased" or set(value) <= {"v", "at", "source"}, name
    assert bool(personal) == (event_type not in e.OUTCOME_TYPES)


@pytest.mark.parametrize("event_type", e.EVENT_TYPES)
def test_no_field_outside_values_takes_free_text_about_a_person(event_type: str) -> None:
    # Ids, names of properties, codes and causes are text too, so this lists the names that sound like a value.
    names = {field.name for field in fields(e.EVENT_TYPES[event_type])}
    assert not names & {"value", "reason", "subject", "body", "address", "email", "usertoken", "external_id", "phone"}


@pytest.mark.parametrize("event_type", e.EVENT_TYPES)
def test_an_event_of_an_erased_record_still_reads_and_folds(event_type: str) -> None:
    body = json.loads(golden()[event_type])
    body["values"] = {record: dict.fromkeys(named, "erased") for record, named in body.get("values", {}).items()}
    event = decode(event_type, json.dumps(body).encode())
    stream = "main/commands/c-1" if event_type in e.OUTCOME_TYPES else "main/records/contacts/103"
    evolve(stream, None, event)
    assert [change for change in claims_changed(stream, event) if PERSONAL in change.key.value] == []


@pytest.mark.parametrize("event_type", e.EVENT_TYPES)
def test_stored_structs_are_untracked_by_the_collector_and_hold_no_sets(event_type: str) -> None:
    for struct in structs_in(type_info(e.EVENT_TYPES[event_type])):
        assert struct.__struct_config__.frozen, struct
    assert not e.EVENT_TYPES[event_type].__struct_config__.gc


def structs_in(kind: Type) -> Iterator[Any]:
    """Walk through a type; sets have no order, so their bytes would change with the hash seed."""
    assert not isinstance(kind, SetType | FrozenSetType)
    assert not isinstance(kind, CustomType) or kind.cls is object  # What a refusal tells is whatever JSON can say.
    if isinstance(kind, StructType):
        yield kind.cls
        for field in kind.fields:
            yield from structs_in(field.type)
    elif isinstance(kind, CollectionType):
        yield from structs_in(kind.item_type)
    else:
        for name in ("types", "item_types"):
            for one in getattr(kind, name, ()):
                yield from structs_in(one)
        for name in ("key_type", "value_type"):
            if hasattr(kind, name):
                yield from structs_in(getattr(kind, name))


def test_the_bytes_do_not_depend_on_the_hash_seed() -> None:
    script = "from ledger.store.codec import encode; from tests.ledger.examples import EXAMPLES\n"
    script += "import sys; sys.stdout.buffer.write(b''.join(map(encode, EXAMPLES.values())))"
    root = Path(__file__).parents[2]
    written = {
        subprocess.run(  # noqa: S603  our own interpreter and script
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(written) == 1


# -- what is not ours -------------------------------------------------------------------------------------------------


def test_a_type_that_is_not_registered_stops_the_reader() -> None:
    with pytest.raises(UnknownEventType, match=r"record.split.v1 at position 7 is unknown .* use the version"):
        decode("record.split.v1", b"{}", 7)


def test_a_python_path_in_the_type_column_is_never_imported() -> None:  # The library imports topics from the row.
    with pytest.raises(UnknownEventType):
        decode("os:system", b'{"command": "true"}')


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"{}",
        b'{"command_id": 5}',
        b"\xff\xfe",
        b'{"command_id": "c-1", "occurred_at": "yesterday", "into": "1", "side": "primary", "merge_id": "m"}',
        b'{"command_id": "c-1\xff", "occurred_at": "2026-01-01T00:00:00Z"}',
        b'{"values":' + b"[" * 100_000,
    ],
    ids=["empty", "null", "no fields", "wrong type", "no text", "no time", "bad UTF-8", "too deep"],
)
def test_bytes_that_are_no_event_are_an_error_that_names_the_position(data: bytes) -> None:
    with pytest.raises(UnreadableEvent, match=r"record\.merged-away\.v1 at position 12 cannot be read"):
        decode("record.merged-away.v1", data, 12)


def test_fields_that_a_newer_version_added_are_ignored() -> None:
    known = golden()["record.merged-away.v1"]
    assert decode("record.merged-away.v1", known[:-1] + b',"added_later":[1]}') == EXAMPLES["record.merged-away.v1"]
