"""Layer: domain. The shapes of ids, and the ids the ledger makes when the caller gives none.

An id made here depends on the command alone (its id and its time), so a repeated decision makes
the same one. Ids must hold no personal data: they are never erased.
"""

import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Annotated, Final, NamedTuple, TypeAlias

from msgspec import Meta

# The grammar of each id, without anchors: whatever reads or explains an id uses these.
ID: Final = r"[A-Za-z0-9_.\-]{1,64}"
COMMAND_ID: Final = r"[A-Za-z0-9_.\-:/]{1,200}"
TYPE_NAME: Final = r"[a-z][a-z0-9_]{0,63}"
PROPERTY_NAME: Final = r"[a-z][a-z0-9_]{0,99}"
IDENTIFIER_KIND: Final = rf"(email|domain|property:{PROPERTY_NAME})"
# `(?!\n)` because Python's `$` also matches before a last line feed.
Id: TypeAlias = Annotated[str, Meta(pattern=rf"^{ID}(?!\n)$")]
CommandId: TypeAlias = Annotated[str, Meta(pattern=rf"^{COMMAND_ID}(?!\n)$")]
TypeName: TypeAlias = Annotated[str, Meta(pattern=rf"^{TYPE_NAME}(?!\n)$")]
# What an additional value is one of: email, domain, or property:NAME of a unique property.
IdentifierKind: TypeAlias = Annotated[str, Meta(pattern=rf"^{IDENTIFIER_KIND}(?!\n)$")]
PropertyName: TypeAlias = Annotated[str, Meta(pattern=rf"^{PROPERTY_NAME}(?!\n)$")]

RecordId: TypeAlias = str
AccountId: TypeAlias = str

_ID = re.compile(ID).fullmatch
_COMMAND_ID = re.compile(COMMAND_ID).fullmatch
_HASH_DIGITS = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class RecordRef(NamedTuple):
    """A record inside an account."""

    object_type: str
    record_id: RecordId

    def __str__(self) -> str:
        """As messages and association ends name it."""
        return f"{self.object_type}:{self.record_id}"


def is_id(text: str) -> bool:
    """Whether this can be an id."""
    return _ID(text) is not None


def is_command_id(text: str) -> bool:
    """Whether this can be the id of a command."""
    return _COMMAND_ID(text) is not None


def merge_id_for(account: AccountId, command_id: str) -> str:
    """Name the merge that this command makes; a command makes one merge at most."""
    return "m-" + blake2b(f"{account}/{command_id}".encode(), digest_size=8).hexdigest()


def record_id_for(command_id: str, now: datetime, attempt: int = 0) -> RecordId:
    """Make a record id: digits that grow with time (microseconds, then digits of the command's hash).

    A writer gives each command a microsecond of its own, and only two writers at once can give the same.
    `attempt` tells apart the ids tried when one is taken already.
    """
    seed = f"{command_id}#{attempt}" if attempt else command_id
    digits = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest(), "big") % 10**_HASH_DIGITS
    return f"{(now - _EPOCH) // _MICROSECOND}{digits:0{_HASH_DIGITS}d}"
