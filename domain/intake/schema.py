"""Layer: domain. The JSON Schema of commands, from the Structs that read them; every door publishes the same.

Schemas are closed, so that a misspelt field is found where it is written.
"""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any, Final, get_args

import msgspec

from domain.language.commands import AnyCommand

COMMANDS: Final[tuple[type, ...]] = get_args(AnyCommand)


def definitions(shapes: Iterable[type], prefix: str) -> dict[str, Any]:
    """Return the closed schema of each shape and of all that they hold; references begin with `prefix`."""
    _, schemas = msgspec.json.schema_components(tuple(shapes), ref_template=prefix + "{name}")
    for schema in schemas.values():
        if "description" in schema:  # A docstring, whose indentation Python keeps before 3.13 and drops since.
            schema["description"] = cleandoc(schema["description"])
        if schema.get("type") == "object" and "properties" in schema:
            schema["additionalProperties"] = False
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(dict(sorted(schemas.items()))))
    return {name: _without_discriminators(schema) for name, schema in plain.items()}


def reference(shape: type, prefix: str) -> dict[str, str]:
    """Return the reference to a shape's definition."""
    return {"$ref": prefix + shape.__name__}


def _without_discriminators(node: Any) -> Any:  # noqa: ANN401  whatever JSON can hold
    """Leave out what OpenAPI alone understands; each alternative names its own tag in any case."""
    if isinstance(node, dict):
        return {name: _without_discriminators(inner) for name, inner in node.items() if name != "discriminator"}
    return [_without_discriminators(inner) for inner in node] if isinstance(node, list) else node
