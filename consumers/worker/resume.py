"""Layer: consumers. Continues a halted partition where a person decides; the log keeps who, why and from where.

A partition halts when its next messages do not exist or cannot be carried out. Only a person decides
where it continues. The decision is carried out by compare-and-set: only while the partition is halted,
and its bookmark is the one that the person saw.
"""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from consumers.source import SKIPPED, Partition, PartitionRange
from consumers.worker.failures import Bookmarks, recorded_failure
from domain.intake.reading import Unreadable
from domain.language.commands import Envelope
from domain.language.outcomes import Outcome
from ledger.store.port import Bookmark, Move


class Takes(Bookmarks, Protocol):
    """What is needed of a ledger."""

    def take(self, batch: list[Envelope | Unreadable], move: Move) -> list[Outcome]:
        """Carry out what came from a source, and move its bookmark, in one commit. Raises BookmarkMoved."""
        ...


class Halt(Struct, frozen=True):
    """A halted partition: the ledger's bookmark, the offsets that exist now, and why it is halted.

    `last` is the last offset that cannot be carried out, when what is to be read next is the reason.
    """

    partition: Partition
    bookmark: Bookmark
    exists: PartitionRange
    why: str
    last: int | None = None
    problem: str = "cannot be decoded"

    @property
    def first(self) -> int:
        """Return the first offset at which it can continue."""
        return self.exists.begin if self.last is None else self.last + 1

    def costs(self, to: int) -> list[str]:
        """Return, a line each, what continuing at an offset means."""
        at, begin, end = self.bookmark.at, self.exists.begin, self.exists.end
        if self.bookmark.of != self.exists.identity:
            costs = [f"what was not read of the topic as it was, from offset {at} on, is never carried out"]
        elif at < begin:
            costs = [f"offsets {at} to {begin - 1} are not there any more, and are never carried out"]
        elif self.last is not None:
            costs = [f"offsets {at} to {self.last} {self.problem}, and are never carried out"]
            begin = self.last + 1
        else:
            return [f"offsets {end} to {at - 1} were carried out and are gone; others will take their place"]
        return costs + ([f"offsets {begin} to {to - 1} are there, and are passed over"] if to > begin else [])


def halt_of(
    ledger: Bookmarks, partition: Partition, exists: PartitionRange, undecodable_at: Callable[[int], int | None]
) -> Halt | None:
    """Find out why a partition is halted; None if it is not.

    `undecodable_at` reads at an offset, and returns the last offset that cannot be decoded there.
    """
    bookmark = ledger.bookmark(partition.source)
    if bookmark is None:  # It will be read from its beginning.
        return None
    if bookmark.of != exists.identity:
        return Halt(partition, bookmark, exists, "the topic was made anew since it was read last")
    if bookmark.at < exists.begin:
        return Halt(partition, bookmark, exists, "what was to be read next ran out of retention, or was deleted")
    if bookmark.at > exists.end:
        return Halt(partition, bookmark, exists, "the broker lost what had been read already")
    last = undecodable_at(bookmark.at)
    if last is not None:
        return Halt(partition, bookmark, exists, "what was to be read next cannot be decoded", last)
    failed = recorded_failure(ledger, partition, bookmark)
    return None if failed is None else Halt(partition, bookmark, exists, failed, bookmark.at, "failed")


def go_on(  # noqa: PLR0913  from where, to where, who and why
    ledger: Takes, halt: Halt, to: int, *, account: str, actor: str, reason: str
) -> Outcome:
    """Continue the partition at an offset. Raises BookmarkMoved if another process was faster."""
    source, (at, of) = halt.partition.source, halt.bookmark
    message = f"{halt.why}: moved on from offset {at} to {to} by {actor}: {reason}"
    skipped = Unreadable(SKIPPED, message).from_source(account, source, at)
    [outcome] = ledger.take([skipped], Move(source, at, to, halt.exists.identity, was_of=of))
    return outcome
