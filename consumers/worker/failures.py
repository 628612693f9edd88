"""Layer: consumers. Records in the ledger why a message that is there cannot be carried out.

It cannot be decoded, or its command failed unexpectedly. The partition halts at it. The record is a
bookmark beside the partition's own, so `status` and `worker resume`, which are other processes, know
of it. It counts while the partition's bookmark is at the same offset of the same topic, and needs no
clearing: whatever moves the bookmark ends it.
"""

import traceback
from pathlib import Path
from typing import Protocol

from consumers.source import Partition
from ledger.store.port import Bookmark, Move

_SHOWN_PARTS = 3  # Of a file's path: enough to find it.


class Bookmarks(Protocol):
    """What is needed of a ledger."""

    def bookmark(self, name: str) -> Bookmark | None:
        """Return how far a source was read."""
        ...

    def move(self, move: Move) -> None:
        """Move a bookmark. Raises BookmarkMoved."""
        ...


def description(error: Exception) -> str:
    """Describe an exception by its type and where it was raised; its message may hold personal values."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    file = "/".join(Path(frames[-1].filename).parts[-_SHOWN_PARTS:])
    return f"{type(error).__name__} at {file}:{frames[-1].lineno}"


def record_failure(ledger: Bookmarks, partition: Partition, bookmark: Bookmark, what: str) -> None:
    """Record why the partition halts at this bookmark. Raises StoreUnusable, BookmarkMoved."""
    before = ledger.bookmark(_name(partition))
    after = Bookmark(bookmark.at, f"{bookmark.of} {what}")
    if before != after:
        begin, was_of = (None, None) if before is None else before
        ledger.move(Move(_name(partition), begin, after.at, after.of, was_of))


def recorded_failure(ledger: Bookmarks, partition: Partition, bookmark: Bookmark) -> str | None:
    """Return why the partition halts at its bookmark; None when that was not recorded."""
    found = ledger.bookmark(_name(partition))
    if found is None:
        return None
    identity, _, what = found.of.partition(" ")
    return what if (found.at, identity) == bookmark else None


def _name(partition: Partition) -> str:
    return f"{partition.source}/failed"
