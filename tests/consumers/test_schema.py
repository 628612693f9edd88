"""Layer: tests. The contracts of the topics, held to golden files: who relies on one finds it as it was.

A change that adds is written anew (`python -m tests.consumers.test_schema`); one that breaks needs a
topic of a new version.
"""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator

from consumers import topics
from consumers.publisher.contract import asyncapi, breaking, json_schema
from consumers.publisher.shapes import Merged

GOLDEN = Path(__file__).parents[1] / "golden"
GOLDEN_SCHEMA = GOLDEN / "messages.schema.json"
GOLDEN_ASYNCAPI = GOLDEN / "asyncapi.json"
ASYNCAPI_SCHEMA = GOLDEN / "asyncapi-specs" / "3.0.0.json"
VERSION = "1"


def pretty(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def test_no_message_breaks_who_relies_on_it() -> None:
    assert breaking(json.loads(GOLDEN_SCHEMA.read_text()), json_schema()) == []


def test_the_golden_files_are_what_is_printed() -> None:
    assert pretty(json_schema()) == GOLDEN_SCHEMA.read_text()
    assert pretty(asyncapi(VERSION)) == GOLDEN_ASYNCAPI.read_text()


def test_a_description_is_the_same_however_a_python_keeps_the_indentation_of_docstrings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python 3.13 and later compile a docstring without its indentation; earlier versions keep it."""
    kept = "One line.\n\n        More of it,\n          further in.\n    "
    dropped = "One line.\n\nMore of it,\n  further in.\n"
    for docstring in (kept, dropped):
        monkeypatch.setattr(Merged, "__doc__", docstring)
        for schemas in (json_schema()["$defs"], asyncapi(VERSION)["components"]["schemas"]):
            assert schemas["Merged"]["description"] == "One line.\n\nMore of it,\n  further in."


def test_the_asyncapi_document_is_one_by_its_own_schema() -> None:
    complaints = Draft7Validator(json.loads(ASYNCAPI_SCHEMA.read_text()))
    document = asyncapi(VERSION)
    assert [error.json_path for error in complaints.iter_errors(document)] == []
    document["channels"]["mergeCommandsV1"]["adress"] = document["channels"]["mergeCommandsV1"].pop("address")
    assert [error.json_path for error in complaints.iter_errors(document)] == ["$.channels.mergeCommandsV1"]


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi(VERSION)
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)))
    assert references
    for reference in references:
        found: Any = document
        for part in reference.split("/"):
            found = found[part]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda it: it["$defs"].pop("Merged"), "Merged is gone"),
        (lambda it: it["$defs"]["Merged"]["properties"].pop("result_id"), "Merged.result_id is gone"),
        (lambda it: it["$defs"]["Merged"]["required"].remove("result_id"), "Merged.result_id may be absent now"),
        (lambda it: it["$defs"]["MergeRecords"]["required"].append("choices"), "MergeRecords.choices is required now"),
        (
            lambda it: it["$defs"]["Merged"]["properties"].update(position={"type": "string"}),
            "Merged.position is another than it was",
        ),
        (
            lambda it: it["$defs"]["Result"]["properties"]["status"]["enum"].remove("refused"),
            "Result.status is another than it was",
        ),
    ],
)
def test_what_would_break_is_told(change: Callable[[dict[str, Any]], object], said: str) -> None:
    changed = copy.deepcopy(json_schema())
    change(changed)
    assert breaking(json_schema(), changed) == [said]


def test_what_is_added_breaks_nothing() -> None:
    changed = copy.deepcopy(json_schema())
    changed["$defs"]["Merged"]["properties"]["colour"] = {"type": "string"}
    changed["$defs"]["Result"]["properties"]["status"]["enum"].append("deferred")
    changed["$defs"]["New"] = {"type": "object"}
    assert breaking(json_schema(), changed) == []


def test_every_reference_leads_somewhere_and_every_topic_is_there() -> None:
    for document in (json_schema(), asyncapi(VERSION)):
        for reference in references(document):
            node: Any = document
            for step in reference.removeprefix("#/").split("/"):
                node = node[step]
    channels = asyncapi(VERSION)["channels"].values()
    assert {channel["address"] for channel in channels} == {spec.name for spec in topics.SPECS}


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [one for value in node.values() for one in references(value)]
    return [one for value in node for one in references(value)] if isinstance(node, list) else []


def test_commands_are_closed_and_tagged() -> None:
    merge = json_schema()["$defs"]["MergeRecords"]
    assert merge["additionalProperties"] is False
    assert merge["properties"]["type"] == {"enum": ["merge_records"]}
    assert set(merge["required"]) == {"type", "command_id", "object_type", "primary_id", "secondary_id"}
    assert msgspec.json.encode(merge)


if __name__ == "__main__":
    GOLDEN_SCHEMA.write_text(pretty(json_schema()))
    GOLDEN_ASYNCAPI.write_text(pretty(asyncapi(VERSION)))
