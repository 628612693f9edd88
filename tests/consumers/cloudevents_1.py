"""Layer: tests. Writes messages as version 1 of the official CloudEvents SDK makes them, for a golden file.

Version 2 of the SDK brings the code of version 1 as `cloudevents.v1`, and the tests run that. The golden
file holds what version 1 itself makes. To write it anew, in an environment of its own:

    pip install 'cloudevents<2'
    python tests/consumers/cloudevents_1.py > tests/golden/cloudevents-1.jsonl
"""

import json
import sys
from importlib import import_module

BODY = {"type": "merge_records", "object_type": "contacts", "primary_id": "101", "secondary_id": "102"}


def main() -> None:
    """Print a message per line: its name, headers and value."""
    event = import_module("cloudevents.http").CloudEvent  # Version 1 alone has these modules.
    kafka = import_module("cloudevents.kafka")
    attributes = {"id": "c-1", "source": "/crm", "type": "merge", "time": "2026-01-01T12:00:00Z"}
    plain = event(attributes, BODY)
    typed = event({**attributes, "datacontenttype": "application/json"}, BODY)
    in_bytes = event({**attributes, "datacontenttype": "application/json"}, json.dumps(BODY).encode())
    messages = {
        "binary": kafka.to_binary(typed),
        "structured": kafka.to_structured(plain),
        "structured with a content type": kafka.to_structured(typed),
        "structured with bytes": kafka.to_structured(in_bytes),
    }
    for name, message in messages.items():
        headers = [[header, value.decode()] for header, value in message.headers.items()]
        value = message.value.decode() if isinstance(message.value, bytes) else message.value
        sys.stdout.write(json.dumps({"name": name, "headers": headers, "value": value}) + "\n")


if __name__ == "__main__":
    main()
