"""Layer: consumers. The contracts of the topics, printed from the Structs that read and write them.

Published schemas are closed, so that a misspelt field is found where it is written; readers are to
pass over fields that they do not know, because fields are added.
"""

from typing import Any, Final

from msgspec import inspect

from consumers import topics
from consumers.publisher import connect
from consumers.publisher.shapes import IdMapping, Merged, RecordState, Result
from domain.intake.schema import COMMANDS, definitions, reference

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PUBLISHED: Final[dict[str, type]] = {
    topics.RESULTS: Result,
    topics.EVENTS: Merged,
    topics.STATE: RecordState,
    topics.ID_MAP: IdMapping,
}

_ENVELOPE: Final = (
    "Where the publisher runs with the envelope connect, the value of each message that it publishes is"
    ' {"schema": ..., "payload": ...}, as Kafka Connect\'s JsonConverter reads it: the payload has every field of the'
    " definition, and what is not text, a whole number, a boolean or a time is JSON in a text. Dead letters and"
    " commands have no envelope. x-connect in the JSON Schema document has the schema of each topic."
)


def json_schema() -> dict[str, Any]:
    """Write one JSON Schema document: a definition for each message, and for all that they hold."""
    return {
        "$schema": DIALECT,
        "title": "Merge Ledger: messages",
        "description": "One definition a message type; x-topics tells what each topic holds. " + _ENVELOPE,
        "x-connect": {topic: connect.schema_of(shape) for topic, shape in _PUBLISHED.items()},
        "x-topics": {
            topics.COMMANDS: {"oneOf": [reference(one, "#/$defs/") for one in COMMANDS]},
            **{topic: reference(one, "#/$defs/") for topic, one in _PUBLISHED.items()},
        },
        "$defs": definitions((*COMMANDS, *_PUBLISHED.values()), "#/$defs/"),
    }


def asyncapi(version: str) -> dict[str, Any]:
    """Write the AsyncAPI 3 document of the topics; `version` is the product's."""
    prefix = "#/components/schemas/"
    specs = {spec.name: spec for spec in topics.SPECS}
    named = (*((_tag(command), command) for command in COMMANDS), *_PUBLISHED.items())
    messages: dict[str, Any] = {
        shape.__name__: _message(name, shape.__doc__, reference(shape, prefix)) for name, shape in named
    }
    messages["DeadLetter"] = {
        "name": topics.DEAD_LETTERS,
        "summary": specs[topics.DEAD_LETTERS].what,
        "contentType": "application/octet-stream",
        "payload": {"description": "The bytes as they came; empty where dlt-original-missing says why."},
        "headers": _dead_letter_headers(),
    }
    names = {
        topics.COMMANDS: [one.__name__ for one in COMMANDS],
        **{topic: [one.__name__] for topic, one in _PUBLISHED.items()},
        topics.DEAD_LETTERS: ["DeadLetter"],
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Merge Ledger",
            "version": version,
            "description": "Commands in; results, merges, state and id map out. Delivery is at least once, in order"
            " per key; of two messages with one key the one with the greater `position` counts. " + _ENVELOPE,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            _channel(topic): {
                "address": topic,
                "title": topic,
                "description": f"{specs[topic].what}; keyed by {specs[topic].key}",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names[topic]},
                "bindings": {"kafka": {"topicConfiguration": _configuration(specs[topic].configs)}},
            }
            for topic in names
        },
        "operations": {
            f"{'receive' if topic == topics.COMMANDS else 'send'}{_channel(topic)[0].upper()}{_channel(topic)[1:]}": {
                "action": "receive" if topic == topics.COMMANDS else "send",
                "channel": {"$ref": f"#/channels/{_channel(topic)}"},
                "summary": specs[topic].what,
            }
            for topic in names
        },
        "components": {"messages": messages, "schemas": definitions((*COMMANDS, *_PUBLISHED.values()), prefix)},
    }


def breaking(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Say what in the definitions of `new` would break somebody who relies on `old`, a line each."""
    found = []
    for name, before in old["$defs"].items():
        after = new["$defs"].get(name)
        if after is None:
            found.append(f"{name} is gone")
            continue
        fields, fields_now = before.get("properties", {}), after.get("properties", {})
        found += [f"{name}.{field} is gone" for field in fields if field not in fields_now]
        found += [
            f"{name}.{field} is another than it was"
            for field, shape in fields.items()
            if field in fields_now and not _allows(fields_now[field], shape)
        ]
        found += [f"{name}.{field} is required now" for field in _required(after) - _required(before)]
        found += [f"{name}.{field} may be absent now" for field in _required(before) - _required(after)]
    return found


def _allows(after: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether a field says the same; a list of allowed values may grow."""
    if "enum" in after and "enum" in before:
        return set(before["enum"]) <= set(after["enum"])
    told = ("description", "title")
    return {k: v for k, v in after.items() if k not in told} == {k: v for k, v in before.items() if k not in told}


def _required(schema: dict[str, Any]) -> set[str]:
    return set(schema.get("required", ()))


def _tag(command: type) -> str:
    found = inspect.type_info(command)
    return str(found.tag) if isinstance(found, inspect.StructType) else command.__name__


def _channel(topic: str) -> str:
    """Name a channel as AsyncAPI allows: mergeCommandsV1."""
    first, *rest = topic.split(".")
    return first + "".join(part.capitalize() for part in rest)


def _message(name: str, what: str | None, payload: dict[str, str]) -> dict[str, Any]:
    summary = (what or name).partition("\n")[0]
    return {"name": name, "title": name, "summary": summary, "contentType": "application/json", "payload": payload}


def _dead_letter_headers() -> dict[str, Any]:
    names = ("topic", "partition", "offset", "timestamp", "missing")
    told = [f"dlt-original-{name}" for name in names] + ["dlt-error-code", "dlt-error-message", "dlt-event-id"]
    return {"type": "object", "properties": {name: {"type": "string"} for name in told}}


def _configuration(configs: dict[str, str]) -> dict[str, Any]:
    """Tell what AsyncAPI knows of a topic's settings."""
    numbers = ("retention.ms", "max.message.bytes")
    told: dict[str, Any] = {name: int(configs[name]) for name in numbers if name in configs}
    return {"cleanup.policy": [configs["cleanup.policy"]], **told}
