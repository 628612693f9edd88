"""Layer: consumers. Reads commands from a source and carries them out, in order per partition.

Events, outcomes and the partition's next offset are one commit of the ledger, so every command has
its effect once, however often it is delivered: a repeated command gets its earlier outcome, and a
worker that lost the partition finds the offset moved. The ledger decides where reading starts; the
offsets that the source remembers are a hint.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec import Struct

from consumers.commands.cloudevents import read_message
from consumers.operating.metrics import Meter
from consumers.source import Message, Partition, Source, SourceLost, SourceUndecodable
from consumers.worker.failures import Bookmarks, description, record_failure
from consumers.worker.feed import Feed
from consumers.worker.placement import Placement
from domain.intake.reading import Unreadable
from domain.language.commands import DEFAULT_ACCOUNT, Envelope
from domain.language.outcomes import Outcome
from ledger.store.port import Bookmark, BookmarkMoved, Move, StoreUnusable

POLL_TIMEOUT_MS: Final = 500  # Nothing interrupts a poll, so a SIGTERM may wait this long.
BATCH_COMMANDS_MAX: Final = 1_000
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.1, 30.0
HALT_LOOK_S: Final = 2.0  # How often a halted partition checks whether a person moved it.

log: Final = logging.getLogger("merge_ledger.worker")


class Takes(Bookmarks, Protocol):
    """What the worker needs of a ledger."""

    @property
    def decided_again(self) -> int:
        """Return how many batches were decided twice, because of another writer."""

    def take(self, batch: Sequence[Envelope | Unreadable], move: Move) -> list[Outcome]:
        """Carry out what came from a source, and move its bookmark, in one commit. Raises BookmarkMoved."""
        ...


class Settings(Struct, frozen=True):
    """How the worker works. `takeover_s` is how long a stopped partition rests: longer than the group's session."""

    default_account: str = DEFAULT_ACCOUNT
    batch_commands_max: int = BATCH_COMMANDS_MAX
    poll_timeout_ms: int = POLL_TIMEOUT_MS
    takeover_s: float = 60.0


class Worker:
    """A member of the group: reads its assigned partitions, and carries out their commands."""

    def __init__(
        self,
        ledger: Takes,
        source: Source,
        settings: Settings | None = None,
        *,
        meter: Meter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Work with this ledger on this source."""
        self.ledger = ledger
        self.source = source
        self.settings = settings or Settings()
        self.meter = meter or Meter()
        self.feeds: dict[Partition, Feed] = {}
        self._clock = clock
        self._placement = Placement(source, self.meter)

    def run(self, keep_running: Callable[[], bool]) -> None:
        """Work until asked to stop; a running batch is finished. Raises StoreUnusable, SourceUnusable."""
        try:
            while keep_running():
                self.step()
        finally:
            self.source.close(timeout_s=5.0)

    def step(self) -> None:
        """Poll once, and carry out the commands that came."""
        self._follow_changes()
        self._take_up()
        try:
            with self.meter.polling(self.settings.poll_timeout_ms / 1000):
                polled = self.source.poll(self.settings.poll_timeout_ms, self.settings.batch_commands_max)
        except SourceLost as lost:
            polled = {}
            self._lose(lost)
        changed = self._follow_changes()
        for partition, messages in polled.items():
            feed = self.feeds.get(partition)
            if feed is not None and feed.state == "reading" and partition not in changed:
                self._carry_out(feed, messages)
        for partition, feed in self.feeds.items():
            if feed.state == "reading" and partition not in polled:
                self._pass(feed)
        self.source.hint({feed.partition: feed.next for feed in self.feeds.values() if feed.state == "reading"})
        self.meter.looked_at(self.feeds.values(), self.source)

    # -- which partitions are assigned, and where they start

    def _follow_changes(self) -> frozenset[Partition]:
        """Forget revoked partitions and add assigned ones; returns those assigned."""
        changed = self.source.changed()
        for partition in changed.revoked:
            if self.feeds.pop(partition, None):
                log.info("partition was revoked", extra={"partition": partition.source})
        for partition in changed.assigned:
            self.feeds[partition] = Feed(partition)
        if changed.revoked or changed.assigned:
            self.meter.rebalances += 1
        return changed.assigned

    def _take_up(self) -> None:
        """Start partitions that wait, and those that rested long enough."""
        for feed in self.feeds.values():
            if feed.state != "reading" and self._clock() >= feed.retry_at:
                self._begin(feed)

    def _begin(self, feed: Feed) -> None:
        """Read from the ledger's bookmark: after an assignment, and after every commit in doubt."""
        partition = feed.partition
        try:
            found = self.ledger.bookmark(partition.source)
        except StoreUnusable as error:
            self._back_off(feed, error)
            return
        identity = self.source.identity(partition.topic)
        if feed.state == "halted" and found is not None and (found, identity) == feed.halted_on:
            feed.retry_at = self._clock() + HALT_LOOK_S  # Nobody decided yet.
            return
        if identity is None:
            feed.retry_at = self._clock() + BACKOFF_FIRST_S
            return
        if found is None:
            feed.begin, feed.next = None, self.source.beginning(partition)
        elif found.of != identity:
            feed.begin, feed.identity = found.at, found.of
            self._halt(SourceLost(partition, found.at, "the topic was made anew since it was read last"))
            return
        else:
            feed.begin = feed.next = found.at
        feed.identity, feed.state, feed.why = identity, "reading", ""
        self.source.seek(partition, feed.next)
        self.source.resume([partition])
        log.info("partition was started", extra={"partition": partition.source, "offset": feed.next})

    # -- carrying out

    def _carry_out(self, feed: Feed, messages: Sequence[Message]) -> None:
        """Carry out those that are new, in one commit."""
        fresh = [message for message in messages if message.offset >= feed.next]
        if not fresh:
            return
        if self.source.identity(feed.partition.topic) not in {feed.identity, None}:
            self._halt(SourceLost(feed.partition, feed.next, "the topic was made anew while it was read"))
            return
        self._commit(feed, fresh, max(fresh[-1].offset + 1, self.source.position(feed.partition) or 0))

    def _commit(self, feed: Feed, messages: Sequence[Message], end: int) -> None:
        """Carry out these messages and move the bookmark to `end`, in one commit."""
        move = Move(feed.partition.source, feed.begin, end, feed.identity)
        batch = [self._read(feed.partition, message) for message in messages]
        began = self._clock()
        try:
            outcomes = self.ledger.take(batch, move)
        except BookmarkMoved as moved:
            self._stop(feed, moved)
        except StoreUnusable as error:
            self._back_off(feed, error)
        except Exception as error:  # noqa: BLE001  a bug: it would end the process again after every restart
            self._narrow_down(feed, messages, end, description(error))
        else:
            feed.begin = feed.next = move.end
            feed.failures = 0
            feed.last_timestamp_ms = messages[-1].timestamp_ms
            self.meter.carried_out(outcomes, self._clock() - began)
            self._placement.check(feed.partition, {one.command.account for one in batch if isinstance(one, Envelope)})
            self.meter.decided_again = self.ledger.decided_again

    def _narrow_down(self, feed: Feed, messages: Sequence[Message], end: int, what: str) -> None:
        """Find the command that fails: commit one by one up to it, and halt the partition there."""
        if len(messages) == 1:
            self._halt_at_failure(feed, messages[0].offset, what)
            return
        fields = {"partition": feed.partition.source, "offset": messages[0].offset, "commands": len(messages)}
        log.error("batch failed, carrying out its commands one by one", extra={**fields, "why": what})
        ends = [message.offset + 1 for message in messages[:-1]] + [end]
        for message, end_of_message in zip(messages, ends, strict=True):
            self._commit(feed, [message], end_of_message)
            if feed.state != "reading":
                return

    def _pass(self, feed: Feed) -> None:
        """Move the bookmark past offsets that are never delivered: markers of transactions, and aborted messages.

        Otherwise a log that is deleted up to there would look as if messages were lost.
        """
        position = self.source.position(feed.partition)
        is_same_topic = self.source.identity(feed.partition.topic) == feed.identity
        if position is not None and position > feed.next and is_same_topic:
            self._move(feed, position)

    def _move(self, feed: Feed, to: int) -> bool:
        """Move the bookmark alone; returns false if the partition stopped or backs off."""
        try:
            self.ledger.move(Move(feed.partition.source, feed.begin, to, feed.identity))
        except BookmarkMoved as moved:
            self._stop(feed, moved)
            return False
        except StoreUnusable as error:
            self._back_off(feed, error)
            return False
        feed.begin = feed.next = to
        return True

    def _read(self, partition: Partition, message: Message) -> Envelope | Unreadable:
        read = read_message(message, default_account=self.settings.default_account)
        if isinstance(read, Unreadable):
            return read.from_source(self.settings.default_account, partition.source, message.offset)
        return read

    # -- when a partition cannot continue

    def _stop(self, feed: Feed, moved: BookmarkMoved) -> None:
        """Another worker moved the offset: drop the batch, and never try it again.

        If the partition is still assigned after a whole session, the other worker was the late one;
        then reading starts again from the ledger's bookmark.
        """
        self.source.pause([feed.partition])
        feed.state, feed.why = "stopped", str(moved)
        feed.retry_at = self._clock() + self.settings.takeover_s
        self.meter.conflicts += 1
        log.warning("partition was stopped", extra={"partition": feed.partition.source, "why": feed.why})

    def _back_off(self, feed: Feed, error: StoreUnusable) -> None:
        """Rest the partition while the store cannot be used; polling goes on, so that it stays assigned."""
        if not error.is_transient:
            raise error
        self.source.pause([feed.partition])
        feed.state, feed.why = "backing off", str(error)
        feed.retry_at = self._clock() + min(BACKOFF_FIRST_S * 2**feed.failures, BACKOFF_MAX_S)
        feed.failures += 1
        log.warning("partition was rested", extra={"partition": feed.partition.source, "why": feed.why})

    def _lose(self, lost: SourceLost) -> None:
        """Stop a partition whose next messages cannot be read."""
        feed = self.feeds.get(lost.partition)
        if feed is None or not isinstance(lost, SourceUndecodable) or self._mark(feed, lost.offset, lost.what):
            self._halt(lost)

    def _halt_at_failure(self, feed: Feed, offset: int, what: str) -> None:
        """Stop a partition at a command that failed."""
        failed = f"the command at offset {offset} failed: {what}"
        if self._mark(feed, offset, failed):
            self._halt(SourceLost(feed.partition, offset, failed))

    def _mark(self, feed: Feed, offset: int, what: str) -> bool:
        """Move the bookmark to what cannot be carried out, and record why, for `status` and `worker resume`.

        Returns false if the partition stopped or backs off meanwhile.
        """
        if feed.begin != offset and not self._move(feed, offset):
            return False
        try:
            record_failure(self.ledger, feed.partition, Bookmark(offset, feed.identity), what)
        except BookmarkMoved as moved:
            self._stop(feed, moved)
            return False
        except StoreUnusable as error:
            self._back_off(feed, error)
            return False
        return True

    def _halt(self, lost: SourceLost) -> None:
        """Stop a partition until a person moves its bookmark; nothing is skipped before that."""
        self.source.pause([lost.partition])
        feed = self.feeds.get(lost.partition)
        if feed is not None:
            decide = f"decide where it continues with merge-ledger worker resume {lost.partition.source}"
            feed.state, feed.why = "halted", f"{lost.what}; {decide}"
            found = None if feed.begin is None else Bookmark(feed.begin, feed.identity)
            feed.halted_on = found, self.source.identity(lost.partition.topic)
            feed.retry_at = self._clock() + HALT_LOOK_S
        log.error("partition was halted", extra={"partition": lost.partition.source, "why": str(lost)})
