"""Layer: consumers. Writes values in the envelope of Kafka Connect's JsonConverter: a schema, and the payload.

The schema follows from the Structs of `shapes`: a column per field. Text, whole numbers and booleans
keep their type, a time is Debezium's ZonedTimestamp, and everything else is JSON in a text that is
named Debezium's Json. Every field is in every payload, so that a sink which updates a row leaves
nothing of an earlier state in it. Keys and headers are the same as without the envelope.
"""

from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import Struct, inspect

from consumers.publisher.messages import About, Outgoing, headers

JSON_NAME: Final = "io.debezium.data.Json"
TIME_NAME: Final = "io.debezium.time.ZonedTimestamp"

_JSON: Final = {"type": "string", "name": JSON_NAME}
_SCHEMAS: Final[dict[type[inspect.Type], dict[str, str]]] = {
    inspect.StrType: {"type": "string"},
    inspect.LiteralType: {"type": "string"},
    inspect.IntType: {"type": "int64"},
    inspect.BoolType: {"type": "boolean"},
    inspect.DateTimeType: {"type": "string", "name": TIME_NAME},
}

_encode: Final = msgspec.json.Encoder().encode


def message(topic: str, key: str, value: Struct, about: About) -> Outgoing:
    """Make a message whose value has its schema with it."""
    return Outgoing(topic, key.encode(), with_schema(value), headers(topic, about))


def with_schema(value: Struct) -> bytes:
    """Write a value in the envelope."""
    opening, json_fields = _form(type(value))
    payload = msgspec.structs.asdict(value)
    for name in json_fields:
        if payload[name] is not None:
            payload[name] = _encode(payload[name]).decode()
    return b"".join((opening, _encode(payload), b"}"))


def schema_of(shape: type[Struct]) -> dict[str, Any]:
    """Write the Connect schema of a published Struct.

    A field with a default is optional, as is one that may be null: a column that a later version adds
    to a table with rows must allow null.
    """
    return {
        "type": "struct",
        "name": f"merge_ledger.{shape.__name__}",
        "optional": False,
        "fields": [
            {**_schema(field.type), "optional": not field.required or _is_nullable(field.type), "field": field.name}
            for field in _fields(shape)
        ],
    }


def _fields(shape: type[Struct]) -> tuple[inspect.Field, ...]:
    """List the fields of a Struct, with their types."""
    info = inspect.type_info(shape)
    if not isinstance(info, inspect.StructType):
        raise TypeError(shape)
    return info.fields


@lru_cache
def _form(shape: type[Struct]) -> tuple[bytes, tuple[str, ...]]:
    """Return all that comes before the payload, and the fields that are written as JSON text."""
    schema = schema_of(shape)
    json_fields = tuple(field["field"] for field in schema["fields"] if field.get("name") == JSON_NAME)
    return b'{"schema":' + _encode(schema) + b',"payload":', json_fields


def _schema(kind: inspect.Type) -> dict[str, str]:
    """Write what a field holds when it is not null; one of several types is JSON."""
    if isinstance(kind, inspect.UnionType):
        kinds = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
        return _schema(kinds[0]) if len(kinds) == 1 else _JSON
    return _SCHEMAS.get(type(kind), _JSON)


def _is_nullable(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.UnionType) and kind.includes_none
