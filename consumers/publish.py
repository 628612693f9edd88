"""Layer: consumers. Publishes the ledger: a projection onto topics, from the log alone, at least once.

A page is sent, acknowledged, and then its position is stored. Whoever comes next begins there, so a
message may come twice, with the same id and in the same order per key, and none is missing. One
publisher works at a time, by a lease; others stand by.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Final, Protocol

from consumers import topics
from consumers.meter import Meter
from consumers.port import Headers, Message, Partition, SourceUnusable
from consumers.publish_fold import DeadLetter, Folder
from consumers.publish_values import Outgoing
from ledger.ledger import Ledger
from ledger.reading import read_commands
from ledger.store import Bookmark, BookmarkMoved, Move, StoredEvent, StoreUnusable

NAME: Final = "publish"
LEASE_S: Final = 60.0  # Longer than anything that was sent can still be on its way.
PAGE_EVENTS: Final = 1_000
IDLE_S: Final = 0.2
BACKOFF_S: Final = 1.0
DEAD_LETTER_BYTES_MAX: Final = 900_000  # What is longer stays where it came from; the headers say where.

log: Final = logging.getLogger("merge_ledger.publish")


class Sink(Protocol):
    """Where messages go."""

    def send(self, topic: str, key: bytes, value: bytes | None, headers: Headers) -> None:
        """Send a message, in order per key. Raises SourceUnusable."""
        ...

    def settle(self) -> None:
        """Wait until all is acknowledged. Raises SourceUnusable."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Originals(Protocol):
    """Where messages that were no commands can still be read."""

    def messages(self, partition: Partition, offsets: Sequence[int]) -> dict[int, Message]:
        """Read these again, those that are still there. Raises SourceUnusable."""
        ...


class LeaseLost(Exception):  # noqa: N818  says what happened
    """Another publisher may be at work."""


class Publisher:
    """Publishes while it holds the lease."""

    def __init__(  # noqa: PLR0913  what a publisher is given
        self,
        ledger: Ledger,
        open_sink: Callable[[], Sink],
        originals: Originals,
        holder: str,
        *,
        meter: Meter | None = None,
        topic_prefix: str = "",
        lease_s: float = LEASE_S,
        page_events: int = PAGE_EVENTS,
        idle_s: float = IDLE_S,
    ) -> None:
        """Publish this ledger under the name `holder`, which no other process has."""
        self.ledger = ledger
        self.meter = meter or Meter()
        self.position: int | None = None  # None while standing by.
        self._open_sink = open_sink
        self._originals = originals
        self._holder = holder
        self._topic_prefix = topic_prefix
        self._lease_s = lease_s
        self._page_events = page_events
        self._idle_s = idle_s
        self._held_until = 0.0
        self._sink: Sink | None = None
        self._folder = Folder(ledger)
        self._bookmark: Bookmark | None = None

    def run(self, keep_running: Callable[[], bool], sleep: Callable[[float], None] = time.sleep) -> None:
        """Work until told to stop. Raises StoreUnusable where waiting does not help."""
        try:
            while keep_running():
                self._step(sleep)
        finally:
            self._let_go()

    def _step(self, sleep: Callable[[float], None]) -> None:
        """Publish a page, and rest where there is none: until somebody appends, should the store be able to tell."""
        try:
            worked = self.step()
        except (SourceUnusable, LeaseLost, BookmarkMoved) as error:
            log.warning("publishing was interrupted", extra={"why": str(error)})
            self._stand_by()
            sleep(BACKOFF_S)
        except StoreUnusable as error:
            if not error.is_transient:
                raise
            log.warning("publishing waits", extra={"why": str(error)})
            self._stand_by()
            sleep(BACKOFF_S)
        else:
            if self.position is None:
                sleep(self._idle_s)  # Whoever stands by looks for the lease alone.
            elif not worked:
                self.ledger.store.wait(self._idle_s)

    def step(self) -> bool:
        """Publish the next page; false where there is none, or another publisher works."""
        if not self._hold():
            self.position = None
            self.meter.looked(NAME, None, self.ledger.head())
            return False
        if self._sink is None:
            self._sink = self._open_sink()
            self._bookmark = self.ledger.bookmark(NAME)
            self._folder = Folder(self.ledger)
        begin = self._bookmark.at if self._bookmark else 0
        page = read_commands(self.ledger, begin, self._page_events)
        self.position = page[-1].position if page else begin
        if page:
            self._publish(page)
            end = Bookmark(self.position)
            self.ledger.move(Move(NAME, self._bookmark.at if self._bookmark else None, end.at))
            self._bookmark = end
        self.meter.looked(NAME, self.position, self.ledger.head())
        return bool(page)

    def _publish(self, page: Sequence[StoredEvent]) -> None:
        sink = self._sink
        if sink is None:
            raise LeaseLost
        published = self._folder.fold(page)
        for one in (*published.messages, *self._dead_letters(published.dead_letters)):
            self._still_holding()
            sink.send(*one._replace(topic=self._topic_prefix + one.topic))
        sink.settle()
        self._still_holding()

    def _dead_letters(self, dead: Iterable[DeadLetter]) -> list[Outgoing]:
        """Fetch what was no command from where it came; where it is gone the reason goes out alone."""
        found: list[Outgoing] = []
        for source, letters in groupby(sorted(dead, key=lambda one: one.event.source), lambda one: one.event.source):
            topic, _, number = source.rpartition("/")
            these = list(letters)
            originals = self._originals.messages(Partition(topic, int(number)), [one.event.offset for one in these])
            found += [dead_letter(one, originals.get(one.event.offset)) for one in these]
        return found

    # -- one publisher at a time

    def _hold(self) -> bool:
        """Hold the lease, and renew it in good time."""
        now = time.monotonic()
        if now < self._held_until - self._lease_s / 2:
            return True
        if self.ledger.lease(NAME, self._holder, self._lease_s):
            self._held_until = now + self._lease_s
            return True
        self._stand_by()
        return False

    def _still_holding(self) -> None:
        """Send nothing any more once the lease may be another's: after a pause of the process, say."""
        if not self._hold():
            raise LeaseLost

    def _stand_by(self) -> None:
        self._held_until = 0.0
        self.position = None
        if self._sink is not None:
            sink, self._sink = self._sink, None
            sink.close()

    def _let_go(self) -> None:
        self._stand_by()
        with suppress(StoreUnusable):  # Then it runs out.
            self.ledger.let_go(NAME, self._holder)


def dead_letter(letter: DeadLetter, original: Message | None) -> Outgoing:
    """Set a message aside with the reason, in headers of text."""
    event = letter.event
    topic, _, number = event.source.rpartition("/")
    told = {
        "dlt-original-topic": topic,
        "dlt-original-partition": number,
        "dlt-original-offset": str(event.offset),
        "dlt-error-code": event.code,
        "dlt-error-message": event.message,
    }
    value: bytes | None = b""
    if original is None:
        told["dlt-original-missing"] = "it ran out of retention"
    else:
        told["dlt-original-timestamp"] = str(original.timestamp_ms)
        if original.value is not None and len(original.value) <= DEAD_LETTER_BYTES_MAX:
            value = original.value
        else:
            told["dlt-original-missing"] = "it is too long" if original.value else "it had no value"
    kept = [(name, one) for name, one in (original.headers if original else ()) if not name.startswith("dlt-")]
    own = [("position", str(letter.position).encode()), ("dlt-event-id", f"dead-letter-{letter.position}".encode())]
    key = original.key if original and original.key else event.source.encode()
    return Outgoing(
        topics.DEAD_LETTERS, key, value, [*kept, *((name, text.encode()) for name, text in told.items()), *own]
    )
