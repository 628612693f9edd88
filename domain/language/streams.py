"""Layer: domain. The names of streams: one stream an aggregate, the account first in every name."""

from typing import NamedTuple

from domain.language.ids import AccountId, RecordId, RecordRef

# The kinds of stream: the second part of every name.
RECORDS, COMMANDS, ACTIVITIES, SEGMENTS = "records", "commands", "activities", "segments"
WORKFLOWS, ASSOCIATIONS, SETTINGS, UNREADABLE = "workflows", "associations", "settings", "unreadable"


class StreamName(NamedTuple):
    """A stream's name, taken apart. `key` is all that follows the kind, such as `contacts/101`."""

    account: AccountId
    kind: str
    key: str


def parse(stream: str) -> StreamName:
    """Take a stream's name apart."""
    account, kind, *key = stream.split("/", 2)
    return StreamName(account, kind, key[0] if key else "")


def record(account: AccountId, object_type: str, record_id: RecordId) -> str:
    """Name a record's stream."""
    return f"{account}/records/{object_type}/{record_id}"


def record_ref(stream: str) -> RecordRef:
    """Read the record from its stream's name."""
    _, _, object_type, record_id = stream.split("/", 3)
    return RecordRef(object_type, record_id)


def settings(account: AccountId) -> str:
    """Name the stream of an account's settings."""
    return f"{account}/settings"


def segment(account: AccountId, segment_id: str) -> str:
    """Name a segment's stream."""
    return f"{account}/segments/{segment_id}"


def workflows(account: AccountId, object_type: str) -> str:
    """Name the one stream of all workflows of an object type."""
    return f"{account}/workflows/{object_type}"


def association(account: AccountId, one: RecordRef, other: RecordRef) -> str:
    """Name the stream of the links between two records, the same from either end."""
    first, second = sorted((one, other))
    return f"{account}/associations/{first}/{second}"


def activity(account: AccountId, activity_id: str) -> str:
    """Name an activity's stream."""
    return f"{account}/activities/{activity_id}"


def command(account: AccountId, command_id: str) -> str:
    """Name the stream that holds a command's outcome."""
    return f"{account}/commands/{command_id}"


def unreadable(account: AccountId, source: str, offset: int) -> str:
    """Name the stream of one message that is no command."""
    return f"{account}/{UNREADABLE}/{source}/{offset}"
