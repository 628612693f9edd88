"""Layer: consumers. Moves a halted partition on because a person says so; the log keeps who, why and from where.

A partition halts where what was to be read is not there. Where to go on is nobody's decision but a
person's, and is carried out by compare-and-set: only while it is halted, and the bookmark is the one
that the person saw.
"""

from collections.abc import Callable
from typing import Final, Protocol

from msgspec import Struct

from consumers.source import Partition, Standing
from consumers.worker.failures import Bookmarks, recorded_failure
from domain.language.commands import Envelope, UnreadableInput
from domain.language.outcomes import Outcome
from ledger.store.port import Bookmark, Move

SKIPPED: Final = "SKIPPED"  # The code of the outcome that tells of it: there is no message, and so no dead letter.


class Takes(Bookmarks, Protocol):
    """What is needed of a ledger."""

    def take(self, batch: list[Envelope | UnreadableInput], move: Move) -> list[Outcome]:
        """Carry out what came from a source, and move its bookmark, in one commit. Raises BookmarkMoved."""
        ...


class Halt(Struct, frozen=True):
    """A partition that is halted: where the ledger's bookmark stands, what is there now, and why that does not fit.

    `last` is the last offset that cannot be carried out, when what is to be read next is the reason.
    """

    partition: Partition
    bookmark: Bookmark
    standing: Standing
    why: str
    last: int | None = None
    problem: str = "cannot be decoded"

    @property
    def first(self) -> int:
        """Tell the first offset from which on it can be read."""
        return self.standing.begin if self.last is None else self.last + 1

    def costs(self, to: int) -> list[str]:
        """Say, each in a line, what going on from an offset means."""
        at, begin, end = self.bookmark.at, self.standing.begin, self.standing.end
        if self.bookmark.of != self.standing.identity:
            told = [f"what was not read of the topic as it was, from offset {at} on, is never carried out"]
        elif at < begin:
            told = [f"offsets {at} to {begin - 1} are not there any more, and are never carried out"]
        elif self.last is not None:
            told = [f"offsets {at} to {self.last} {self.problem}, and are never carried out"]
            begin = self.last + 1
        else:
            return [f"offsets {end} to {at - 1} were carried out and are gone; others will take their place"]
        return told + ([f"offsets {begin} to {to - 1} are there, and are passed over"] if to > begin else [])


def halt_of(
    ledger: Bookmarks, partition: Partition, standing: Standing, undecodable_at: Callable[[int], int | None]
) -> Halt | None:
    """Find out why a partition is halted; None where it is not.

    `undecodable_at` reads from an offset, and tells the last one of those that cannot be decoded there.
    """
    found = ledger.bookmark(partition.source)
    if found is None:  # It is read from its beginning.
        return None
    if found.of != standing.identity:
        return Halt(partition, found, standing, "the topic was made anew since it was read last")
    if found.at < standing.begin:
        return Halt(partition, found, standing, "what was to be read next ran out of retention, or was deleted")
    if found.at > standing.end:
        return Halt(partition, found, standing, "the broker lost what had been read already")
    last = undecodable_at(found.at)
    if last is not None:
        return Halt(partition, found, standing, "what was to be read next cannot be decoded", last)
    failed = recorded_failure(ledger, partition, found)
    return None if failed is None else Halt(partition, found, standing, failed, found.at, "failed")


def go_on(  # noqa: PLR0913  from where, to where, who and why
    ledger: Takes, halt: Halt, to: int, *, account: str, actor: str, reason: str
) -> Outcome:
    """Let the partition be read on from an offset. Raises BookmarkMoved where somebody was quicker."""
    source, (at, of) = halt.partition.source, halt.bookmark
    message = f"{halt.why}: moved on from offset {at} to {to} by {actor}: {reason}"
    told = UnreadableInput(account, source, at, SKIPPED, message)
    [outcome] = ledger.take([told], Move(source, at, to, halt.standing.identity, was_of=of))
    return outcome
