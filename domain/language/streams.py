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
    return f"{account}/{RECORDS}/{object_type}/{record_id}"


def record_ref(stream: str) -> RecordRef:
    """Read the record from its stream's name."""
    _, _, object_type, record_id = stream.split("/", 3)
    return RecordRef(object_type, record_id)


def kind_of(stream: str) -> str:
    """Read the kind from a stream's name."""
    return stream.split("/", 2)[1]


def record_id_of(stream: str) -> RecordId:
    """Read the record's id from its stream's name."""
    return stream.rsplit("/", 1)[1]


def sides(result: str, primary_id: RecordId, secondary_id: RecordId) -> tuple[str, str]:
    """Name the streams of both sides of a merge, given the stream of its result."""
    same_type = result.rsplit("/", 1)[0]
    return f"{same_type}/{primary_id}", f"{same_type}/{secondary_id}"


def settings(account: AccountId) -> str:
    """Name the stream of an account's settings."""
    return f"{account}/{SETTINGS}"


def segment(account: AccountId, segment_id: str) -> str:
    """Name a segment's stream."""
    return f"{account}/{SEGMENTS}/{segment_id}"


def workflows(account: AccountId, object_type: str) -> str:
    """Name the one stream of all workflows of an object type."""
    return f"{account}/{WORKFLOWS}/{object_type}"


def association(account: AccountId, one: RecordRef, other: RecordRef) -> str:
    """Name the stream of the links between two records, the same from either end."""
    first, second = sorted((one, other))
    return f"{account}/{ASSOCIATIONS}/{first}/{second}"


def activity(account: AccountId, activity_id: str) -> str:
    """Name an activity's stream."""
    return f"{account}/{ACTIVITIES}/{activity_id}"


def command(account: AccountId, command_id: str) -> str:
    """Name the stream that holds a command's outcome."""
    return f"{account}/{COMMANDS}/{command_id}"


def unreadable(account: AccountId, source: str, offset: int) -> str:
    """Name the stream of one message that is no command."""
    return f"{account}/{UNREADABLE}/{source}/{offset}"
