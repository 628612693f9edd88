"""Layer: tests. The envelope of Kafka Connect: a schema and a payload that say the same as the plain message.

The schemas are held to a golden file: a table that a sink made has these columns. A change that adds
is written anew (`python -m tests.consumers.test_connect`).
"""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from msgspec import Struct

from consumers import topics
from consumers.publisher import connect
from consumers.publisher.messages import message
from consumers.publisher.publisher import Publisher
from consumers.publisher.shapes import IdMapping, Merged, RecordState, Result
from ledger.opening import open_ledger
from tests.conftest import Demonstrated
from tests.consumers.topic_in_memory import MemoryBroker

GOLDEN = Path(__file__).parents[1] / "golden" / "connect-schemas.json"
PUBLISHED: dict[str, type[Struct]] = {
    topics.RESULTS: Result,
    topics.EVENTS: Merged,
    topics.STATE: RecordState,
    topics.ID_MAP: IdMapping,
}


def schemas() -> str:
    return json.dumps({topic: connect.schema_of(shape) for topic, shape in PUBLISHED.items()}, indent=1) + "\n"


class Inner(Struct):
    value: int


class Sample(Struct):
    """Every kind of field."""

    text: str
    status: Literal["active", "archived"]
    count: int
    flag: bool
    at: datetime
    inner: Inner
    values: list[str]
    mixed: str | int
    text_or_null: str | None
    inner_or_null: Inner | None
    count_by_default: int = 3


AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
SAMPLE = Sample("a \N{SNOWMAN}", "active", 2**53, True, AT, Inner(1), ["x"], 5, None, None)  # noqa: FBT003  a field


def test_each_kind_of_field_has_the_type_that_a_column_needs() -> None:
    fields = {
        one["field"]: (one["type"], one.get("name"), one["optional"]) for one in connect.schema_of(Sample)["fields"]
    }
    assert fields == {
        "text": ("string", None, False),
        "status": ("string", None, False),
        "count": ("int64", None, False),
        "flag": ("boolean", None, False),
        "at": ("string", connect.TIME_NAME, False),
        "inner": ("string", connect.JSON_NAME, False),
        "values": ("string", connect.JSON_NAME, False),
        "mixed": ("string", connect.JSON_NAME, False),
        "text_or_null": ("string", None, True),
        "inner_or_null": ("string", connect.JSON_NAME, True),
        "count_by_default": ("int64", None, True),
    }


def test_the_payload_has_every_field_and_nested_values_are_json_text() -> None:
    written = json.loads(connect.with_schema(SAMPLE))
    assert written == {
        "schema": connect.schema_of(Sample),
        "payload": {
            "text": "a \N{SNOWMAN}",
            "status": "active",
            "count": 2**53,
            "flag": True,
            "at": "2026-01-31T12:00:00Z",
            "inner": '{"value":1}',
            "values": '["x"]',
            "mixed": "5",
            "text_or_null": None,
            "inner_or_null": None,
            "count_by_default": 3,
        },
    }


def test_the_schemas_are_those_that_tables_were_made_from() -> None:
    assert schemas() == GOLDEN.read_text()


@pytest.mark.parametrize("shape", PUBLISHED.values(), ids=PUBLISHED)
def test_a_field_is_named_alike_with_and_without_the_envelope(shape: type[Struct]) -> None:
    assert [one["field"] for one in connect.schema_of(shape)["fields"]] == list(shape.__struct_encode_fields__)


def test_the_payload_says_what_the_plain_message_says(demonstrated: Demonstrated, tmp_path: Path) -> None:
    plain, enveloped = MemoryBroker(), MemoryBroker()
    for name, broker, write in (("plain", plain, message), ("enveloped", enveloped, connect.message)):
        shutil.copy(demonstrated.folder / "merge-ledger-demo.db", tmp_path / name)
        with open_ledger(str(tmp_path / name), create=False) as ledger:
            working = Publisher(ledger, broker.sink, broker, name, write=write)
            while working.step():
                pass
    for topic, shape in PUBLISHED.items():
        assert len(plain.topics[topic]) > 100
        for (key, value, headers), (key_now, value_now, headers_now) in zip(
            plain.topics[topic], enveloped.topics[topic], strict=True
        ):
            assert (key_now, headers_now) == (key, headers)
            assert value is not None
            assert value_now is not None
            assert unwrapped(value_now, shape) == msgspec.json.decode(value, type=shape)


def unwrapped(value: bytes, shape: type[Struct]) -> Any:  # noqa: ANN401  a Struct of any shape
    """Read a payload by its schema alone, as a reader does that has nothing else."""
    envelope = json.loads(value)
    assert envelope["schema"] == connect.schema_of(shape)
    fields = {}
    for field in envelope["schema"]["fields"]:
        content = envelope["payload"][field["field"]]
        is_json = field.get("name") == connect.JSON_NAME and content is not None
        fields[field["field"]] = json.loads(content) if is_json else content
    return msgspec.convert(fields, type=shape)


if __name__ == "__main__":
    GOLDEN.write_text(schemas())
