"""Layer: consumers. The topics: their names, and how each is kept."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

COMMANDS: Final = "merge.commands.v1"
RESULTS: Final = "merge.results.v1"
EVENTS: Final = "merge.events.v1"
STATE: Final = "record.state.v1"
ID_MAP: Final = "record.idmap.v1"
DEAD_LETTERS: Final = "merge.commands.v1.dlq"

# A record's state and a merge grow with the record, and a dead letter is larger than its command: Kafka's own
# limit of 1 MiB is too small for them.
MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
COMMAND_BYTES_MAX: Final = 2 * 1024 * 1024

_DAY_MS: Final = 24 * 60 * 60 * 1000
_COMPACTED: Final = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.1",
    "delete.retention.ms": str(7 * _DAY_MS),  # As long may a reader be away and still see a tombstone.
    "max.message.bytes": str(MESSAGE_BYTES_MAX),
}


class TopicSpec(Struct, frozen=True):
    """A topic as it should be. Who is keyed by what, in words for people."""

    name: str
    key: str
    what: str
    configs: dict[str, str]


def _kept(days: int, message_bytes_max: int = MESSAGE_BYTES_MAX) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(days * _DAY_MS),
        "max.message.bytes": str(message_bytes_max),
    }


SPECS: Final = (
    TopicSpec(COMMANDS, "account", "commands, in order in each account", _kept(14, COMMAND_BYTES_MAX)),
    TopicSpec(RESULTS, "account", "the outcome of every command", _kept(14)),
    TopicSpec(EVENTS, "account", "every merge, with all that was decided", _kept(30)),
    TopicSpec(STATE, "account/type/id", "every record as it stands, merged-away ids with their redirect", _COMPACTED),
    TopicSpec(ID_MAP, "account/type/id", "every merged-away id, and the record it is today", _COMPACTED),
    TopicSpec(DEAD_LETTERS, "as it came", "what could not be read as a command, and why", _kept(60)),
)


def shell_lines(specs: Iterable[TopicSpec], partitions: int, replication: int) -> list[str]:
    """Write the commands of Kafka's own tool that make these topics."""
    lines = []
    for spec in specs:
        configs = " ".join(f"--config {name}={value}" for name, value in spec.configs.items())
        lines.append(
            f"kafka-topics.sh --bootstrap-server $BOOTSTRAP --create --if-not-exists --topic {spec.name}"
            f" --partitions {partitions} --replication-factor {replication} {configs}"
        )
    return lines
