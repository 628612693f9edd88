"""Layer: tests. Events as the official SDK makes them are read as what they hold, by both of its versions."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.http import CloudEvent as CloudEventOfVersion1
from cloudevents.v1.kafka import to_binary, to_structured

from consumers.commands.cloudevents import read_message
from consumers.source import Message
from domain.intake.reading import read_command
from tests.house.repository import text

BODY = {"type": "merge_records", "object_type": "contacts", "primary_id": "101", "secondary_id": "102"}
ATTRIBUTES = {"specversion": "1.0", "id": "c-1", "source": "/crm", "type": "merge"}
READ = read_command(json.dumps(BODY | {"command_id": "c-1"}).encode())
JSON = {"datacontenttype": "application/json"}
SENT_BY_VERSION_1 = [json.loads(line) for line in text("tests/golden/cloudevents-1.jsonl").splitlines()]


def message(headers: dict[str, bytes], value: str | bytes) -> Message:
    return Message(offset=7, value=value.encode() if isinstance(value, str) else value, headers=[*headers.items()])


@pytest.mark.parametrize("more", [{}, JSON, {"partitionkey": "main"}])
@pytest.mark.parametrize("data", [BODY, json.dumps(BODY).encode()], ids=["object", "bytes"])
@pytest.mark.parametrize("write", [kafka.to_binary_event, kafka.to_structured_event], ids=["binary", "structured"])
def test_an_event_of_version_2_is_read(write: Any, data: Any, more: dict[str, str]) -> None:  # noqa: ANN401  as the SDK has it
    made = write(CloudEvent(ATTRIBUTES | more | {"time": datetime(2026, 1, 1, tzinfo=UTC)}, data))
    assert read_message(message(made.headers, made.value)) == READ
    assert kafka.from_kafka_event(made).get_id() == "c-1"


@pytest.mark.parametrize("more", [{}, JSON])
@pytest.mark.parametrize("data", [BODY, json.dumps(BODY).encode()], ids=["object", "bytes"])
def test_a_structured_event_of_version_1_is_read(data: Any, more: dict[str, str]) -> None:  # noqa: ANN401  as above
    made = to_structured(CloudEventOfVersion1(ATTRIBUTES | more, data))
    assert read_message(message(made.headers, made.value)) == READ


def test_a_binary_event_of_version_1_is_read() -> None:
    made = to_binary(CloudEventOfVersion1(ATTRIBUTES | JSON, BODY))
    assert read_message(message(made.headers, made.value)) == READ


@pytest.mark.parametrize("sent", SENT_BY_VERSION_1, ids=lambda sent: sent["name"])
def test_what_version_1_itself_sent_is_read(sent: dict[str, Any]) -> None:
    assert read_message(message({name: value.encode() for name, value in sent["headers"]}, sent["value"])) == READ
