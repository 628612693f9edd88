import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.intake.reading import SIZE_BYTES_MAX, Unreadable, read_command
from domain.intake.unreadable import CODES
from domain.language.commands import CreateRecord, Envelope, MergeRecords
from domain.language.values import Dressed

MERGE = {
    "type": "merge_records",
    "command_id": "c-1",
    "object_type": "contacts",
    "primary_id": "1",
    "secondary_id": "2",
}
CREATE = {"type": "create_record", "command_id": "c-2", "object_type": "contacts"}


def line(command: Mapping[str, object], **more: object) -> bytes:
    return json.dumps({**command, **more}).encode()


def unreadable(data: bytes | str) -> Unreadable:
    read = read_command(data.encode() if isinstance(data, str) else data)
    assert isinstance(read, Unreadable), read
    assert read.code in CODES
    return read


def test_a_command_is_read_with_its_fields() -> None:
    read = read_command(line(MERGE, choices={"city": "secondary"}, occurred_at="2026-01-31T12:00:00+02:00"))
    assert isinstance(read, Envelope)
    assert read.ignored_fields == ()
    assert isinstance(read.command, MergeRecords)
    assert read.command.choices == {"city": "secondary"}
    assert read.command.occurred_at == datetime(2026, 1, 31, 10, tzinfo=UTC)


def test_a_value_is_plain_or_dressed() -> None:
    read = read_command(line(CREATE, properties={"city": "Gent", "phone": {"value": None, "source": "manual"}}))
    assert isinstance(read, Envelope)
    assert isinstance(read.command, CreateRecord)
    assert read.command.properties == {"city": "Gent", "phone": Dressed(None, source="manual")}


@pytest.mark.parametrize(
    ("sent", "default", "expected"),
    [({}, "main", "main"), ({}, "other", "other"), ({"account": "mine"}, "other", "mine")],
)
def test_the_account_is_the_default_one_where_the_command_names_none(
    sent: dict[str, str], default: str, expected: str
) -> None:
    read = read_command(line(CREATE, **sent), default_account=default)
    assert isinstance(read, Envelope)
    assert read.command.account == expected


def test_fields_nobody_knows_are_listed_sorted() -> None:
    read = read_command(line(CREATE, zeal=1, colour="red"))
    assert isinstance(read, Envelope)
    assert read.ignored_fields == ("colour", "zeal")


def test_an_ignored_field_whose_name_could_be_personal_is_not_named() -> None:
    read = read_command(line(CREATE, **{"ann@example.com": 1}))
    assert isinstance(read, Envelope)
    assert read.ignored_fields == ("(unnamed)",)


def test_a_merge_with_a_field_nobody_knows_is_unreadable() -> None:
    read = unreadable(line(MERGE, choice={"city": "secondary"}))
    assert (read.code, read.message, read.command_id) == ("UNKNOWN_FIELD", "unknown field at $.choice", "c-1")


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        ("", "INVALID_JSON", "not JSON: input data was truncated"),
        ("[]", "INVALID_FIELD", "expected object at $"),
        ("5", "INVALID_FIELD", "expected object at $"),
        ("null", "INVALID_FIELD", "expected object at $"),
        ("{}", "MISSING_FIELD", "required field missing at $.type"),
        ('{"type": 5}', "INVALID_FIELD", "expected str at $.type"),
        ('{"type": "merge_record"}', "UNKNOWN_COMMAND", "unknown command at $.type; did you mean merge_records?"),
        ('{"type": "xyz"}', "UNKNOWN_COMMAND", "unknown command at $.type"),
        ('{"type": "merge_records"}', "MISSING_FIELD", "required field missing at $.command_id"),
        (line(MERGE, primary_id=1), "INVALID_FIELD", "expected str at $.primary_id"),
        (
            line(MERGE, primary_id="ann b"),
            "INVALID_FIELD",
            "expected an id (1 to 64 of A-Z a-z 0-9 _ . -) at $.primary_id",
        ),
        (
            line(MERGE, primary_id="1\n"),
            "INVALID_FIELD",
            "expected an id (1 to 64 of A-Z a-z 0-9 _ . -) at $.primary_id",
        ),
        (
            line(MERGE, choices={"City": "x"}),
            "INVALID_FIELD",
            "expected the name of a property (a-z, then a-z 0-9 _) as a key of $.choices",
        ),
        (line(CREATE, properties={"b": 1, "a": ["x", 1]}), "INVALID_FIELD", "expected str at $.properties.a[1]"),
        (
            line(CREATE, properties={"b": 1, "a": {"value": 1, "source": "Ann"}}),
            "INVALID_FIELD",
            "expected one of analytics, form, import, integration, manual, workflow at $.properties.a.source",
        ),
        (
            line(CREATE, properties={"a": {"value": 1, "by": "Ann"}}),
            "UNKNOWN_FIELD",
            "unknown field at $.properties.a.by",
        ),
        (
            line(CREATE, occurred_at="2026-01-31T12:00:00"),
            "INVALID_FIELD",
            "expected a time with its zone, such as 2026-01-31T12:00:00Z; this one has no zone at $.occurred_at",
        ),
        (
            line(CREATE, properties={"a": {"value": 1, "at": "2026-01-31T12:00:00"}}),
            "INVALID_FIELD",
            "expected a time with its zone, such as 2026-01-31T12:00:00Z; this one has no zone at $.properties.a.at",
        ),
        (
            line(CREATE, occurred_at="yesterday"),
            "INVALID_FIELD",
            "expected a time with its zone, such as 2026-01-31T12:00:00Z at $.occurred_at",
        ),
        (line(CREATE, occurred_at="0001-01-01T00:00:00+14:00"), "INVALID_FIELD", "time out of range at $.occurred_at"),
        (
            '{"type": "configure_account", "command_id": "c", "merge_limit": -1}',
            "INVALID_FIELD",
            "expected int >= 0 at $.merge_limit",
        ),
        (
            '{"type": "submit_form", "command_id": "c", "form_id": "f", "submission_id": "s"}',
            "INVALID_FIELD",
            "a submission needs usertoken or email at $",
        ),
        (
            line(CREATE, properties={"a": float("nan")}),
            "INVALID_JSON",
            "NaN and Infinity are no JSON, at $.properties.a",
        ),
        (line(CREATE, x=[-float("inf")]), "INVALID_JSON", "NaN and Infinity are no JSON, at $.x[0]"),
        (line(CREATE) + b"}", "INVALID_JSON", "not JSON: trailing characters (byte 74)"),
        (line(CREATE)[:-9], "INVALID_JSON", "not JSON: input data was truncated"),
        (line(CREATE)[:-1] + b',"a": 1e999}', "NUMBER_OUT_OF_RANGE", "number out of range at $.a"),
        (line(CREATE, properties={"a": 2**63}), "NUMBER_OUT_OF_RANGE", "number out of range at $.properties.a"),
        (line(CREATE)[:-1] + b',"a": ' + b"9" * 5000 + b"}", "NUMBER_OUT_OF_RANGE", CODES["NUMBER_OUT_OF_RANGE"]),
        (line(CREATE, properties={"a": "x\0y"}), "NUL_CHARACTER", "NUL character at $.properties.a"),
        (line(CREATE, **{"a\0": 1}), "NUL_CHARACTER", "NUL character at $.(unnamed)"),
        (
            line(CREATE, properties={"a": "\ud800"}),
            "LONE_SURROGATE",
            "half a character (a lone surrogate) at $.properties.a",
        ),
        (b'{"a": "\xff"}', "INVALID_UTF8", "not UTF-8 (byte 7)"),
        (b'{"a": "\xed\xa0\x80"}', "INVALID_UTF8", "not UTF-8 (byte 7)"),
        (line(CREATE, a=json.loads("[" * 32 + "]" * 32)), "TOO_DEEP", CODES["TOO_DEEP"]),
        ("[" * 100_000, "TOO_DEEP", CODES["TOO_DEEP"]),
        ('{"a": ' * 100_000, "TOO_DEEP", CODES["TOO_DEEP"]),
        (line(CREATE, properties={"a": "x" * SIZE_BYTES_MAX}), "TOO_LARGE", "longer than 1,048,576 bytes"),
    ],
    ids=lambda one: repr(one[:40]),
)
def test_what_cannot_be_read_says_why_and_where(data: bytes | str, code: str, message: str) -> None:
    read = unreadable(data)
    assert (read.code, read.message) == (code, message)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"type": "create_record", "type": "create_record", "command_id": "c", "object_type": "contacts"}', "type"),
        (
            '{"type": "create_record", "command_id": "c", "object_type": "contacts", "properties": {"a": 1, "a": 2}}',
            "a",
        ),
        (
            '{"type": "create_record", "command_id": "c", "object_type": "contacts", "x": [{"a" : 1, "\\u0061":":"}]}',
            "a",
        ),
    ],
)
def test_a_key_that_stands_twice_in_one_object_is_not_read(text: str, key: str) -> None:
    read = unreadable(text)
    assert (read.code, read.message) == ("DUPLICATE_KEY", f"key {key} stands twice in one object")


def test_text_that_looks_like_a_key_is_no_duplicate() -> None:
    properties: dict[str, object] = {"a": '"b": 1, "b": 2', "c": ":x", "d": '\\":'}
    read = read_command(line(CREATE, properties=properties))
    assert isinstance(read, Envelope)
    assert isinstance(read.command, CreateRecord)
    assert read.command.properties == properties


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert isinstance(read_command(line(CREATE, properties={"a": "\\u0000"})), Envelope)


def test_the_largest_command_that_may_be_is_read() -> None:
    room = SIZE_BYTES_MAX - len(line(CREATE, reason=""))
    assert isinstance(read_command(line(CREATE, reason="x" * room)), Envelope)
    assert unreadable(line(CREATE, reason="x" * (room + 1))).code == "TOO_LARGE"


def test_the_deepest_command_that_may_be_is_read() -> None:
    assert isinstance(read_command(line(CREATE, a=json.loads("[" * 31 + "]" * 31))), Envelope)


@pytest.mark.parametrize(
    ("data", "command_id"),
    [
        (line(MERGE, primary_id=1), "c-1"),
        (line(MERGE)[:-3], "c-1"),
        (line(MERGE, command_id="a b"), None),
        (line(MERGE, command_id=5), None),
        (b"nonsense", None),
        (line(MERGE)[:-1] + b',"command_id":"c-2"}', None),
    ],
)
def test_the_command_id_is_told_where_it_can_be_read(data: bytes, command_id: str | None) -> None:
    assert unreadable(data).command_id == command_id


def test_an_unreadable_line_is_told_as_an_outcome_with_its_line() -> None:
    read = read_command(line(MERGE, primary_id=1), line=19)
    assert isinstance(read, Unreadable)
    outcome = read.outcome
    assert (outcome.command_id, outcome.line, outcome.status) == ("c-1", 19, "unreadable")
    assert (outcome.code, outcome.message) == ("INVALID_FIELD", "expected str at $.primary_id")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PRIVATE = "q7secret9"


@given(
    st.binary()
    | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
    | json_values.map(json.dumps).map(str.encode)
)
def test_law_whatever_comes_in_is_read_or_told_and_nothing_is_raised(data: bytes) -> None:
    assert isinstance(read_command(data), Envelope | Unreadable)


@given(
    st.sampled_from([MERGE, CREATE]),
    st.dictionaries(
        st.sampled_from([*MERGE, "occurred_at", "choices", "properties", "actor", "colour"]), json_values, max_size=3
    ),
)
def test_law_a_command_with_any_field_replaced_is_read_or_told(
    command: dict[str, object], more: dict[str, object]
) -> None:
    assert isinstance(read_command(line(command, **more)), Envelope | Unreadable)


@given(
    st.sampled_from([*MERGE, "occurred_at", "choices", "properties", "colour"]),
    st.sampled_from(
        [
            PRIVATE + "@x.be",
            [PRIVATE + " "],
            {"a": [PRIVATE, 5]},
            {"a": {"value": PRIVATE, "source": PRIVATE}},
            {PRIVATE + " !": 1},
        ]
    ),
)
def test_law_no_complaint_holds_a_value(field: str, value: object) -> None:
    for command in (MERGE, CREATE):
        read = read_command(line(command, **{field: value}))
        if isinstance(read, Unreadable):
            assert PRIVATE not in read.message
            assert field == "command_id" or PRIVATE not in repr(read)
