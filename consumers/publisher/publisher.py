"""Layer: consumers. Publishes the ledger: a projection onto topics, from the log alone, at least once.

A page is sent, acknowledged, and then its position is stored. Whoever comes next begins there, so a
message may come twice, with the same id and in the same order per key, and none is missing. While
one page is on its way, the next is read and folded. One publisher works at a time, by a lease;
others stand by.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, groupby
from typing import Final, NamedTuple, Protocol

from consumers.operating.metrics import Meter
from consumers.publisher.messages import Outgoing, Write, message
from consumers.publisher.pages import DeadLetter, Folder
from consumers.publisher.set_aside import dead_letter, too_large
from consumers.source import Headers, Message, Partition, SourceUnusable, TooLarge
from consumers.topics import DEAD_LETTERS
from ledger.ledger import Ledger
from ledger.positions import read_commands
from ledger.store.port import Bookmark, BookmarkMoved, Move, StoredEvent, StoreUnusable

NAME: Final = "publish"
LEASE_S: Final = 60.0  # Longer than anything that was sent can still be on its way.
PAGE_EVENTS: Final = 1_000
IDLE_S: Final = 0.2
BACKOFF_S: Final = 1.0
BACKOFF_MAX_S: Final = 30.0
UNSETTLED_BYTES_MAX: Final = 16 * 1024 * 1024  # So much may wait to be acknowledged: the client would hold any number.
RENEW_EVERY_S: Final = 1.0  # While a page is on its way.

log: Final = logging.getLogger("merge_ledger.publish")


class Sink(Protocol):
    """Where messages go."""

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Send a message, in order per key. Raises SourceUnusable."""
        ...

    def settle(self) -> Sequence[TooLarge]:
        """Wait until all is acknowledged but what is too large for its topic. Raises SourceUnusable."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


class Originals(Protocol):
    """Where messages that were no commands can still be read."""

    def messages(self, partition: Partition, offsets: Sequence[int]) -> Iterable[Message]:
        """Read these again, in order, those that are still there. Raises SourceUnusable."""
        ...


class LeaseLost(Exception):  # noqa: N818  says what happened
    """Another publisher may be at work."""


class _OnItsWay(NamedTuple):
    """A page that is being sent, and the position that is stored when it has arrived."""

    end: int
    sent: Future[None]


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
        write: Write = message,
        lease_s: float = LEASE_S,
        page_events: int = PAGE_EVENTS,
        idle_s: float = IDLE_S,
    ) -> None:
        """Publish this ledger under the name `holder`, which no other process has; `write` makes the messages."""
        self.ledger = ledger
        self.meter = meter or Meter()
        self.position: int | None = None  # All up to here has arrived; None while standing by.
        self._open_sink = open_sink
        self._originals = originals
        self._holder = holder
        self._topic_prefix = topic_prefix
        self._write = write
        self._lease_s = lease_s
        self._page_events = page_events
        self._idle_s = idle_s
        self._backoff_s = BACKOFF_S
        self._held_until = 0.0
        self._sink: Sink | None = None
        self._folder = Folder(ledger, write)
        self._bookmark: Bookmark | None = None
        self._read_to = 0
        self._on_its_way: _OnItsWay | None = None
        self._sender = ThreadPoolExecutor(1, "publish")  # One thread: messages keep their order.

    def run(self, keep_running: Callable[[], bool], sleep: Callable[[float], None] = time.sleep) -> None:
        """Work until asked to stop. Raises StoreUnusable where waiting does not help."""
        try:
            while keep_running():
                self._step(sleep)
            with suppress(SourceUnusable, LeaseLost, BookmarkMoved, StoreUnusable):
                self._arrive()
        finally:
            self._let_go()

    def _step(self, sleep: Callable[[float], None]) -> None:
        """Publish a page, and rest where there is none: until somebody appends, should the store be able to say."""
        try:
            worked = self.step()
        except (SourceUnusable, LeaseLost, BookmarkMoved) as error:
            log.warning("publishing was interrupted", extra={"why": str(error)})
            self._interrupted(error, sleep)
        except StoreUnusable as error:
            if not error.is_transient:
                raise
            log.warning("publishing waits", extra={"why": str(error)})
            self._interrupted(error, sleep)
        else:
            if self.position is None:
                sleep(self._idle_s)  # Whoever stands by looks for the lease alone.
            elif not worked:
                self.ledger.store.wait(self._idle_s)

    def _interrupted(self, error: Exception, sleep: Callable[[float], None]) -> None:
        """Begin again from the stored position, later each time until a page has arrived."""
        self._stand_by()
        self.meter.failing = str(error)
        sleep(self._backoff_s)
        self._backoff_s = min(2 * self._backoff_s, BACKOFF_MAX_S)

    def step(self) -> bool:
        """Read and send the next page, and store that the one before has arrived; false where nothing was to do."""
        if not self._hold():
            self.meter.failing = ""  # Whoever works reports what fails.
            bookmark = self.ledger.bookmark(NAME)
            self.meter.looked(NAME, bookmark.at if bookmark else 0, self.ledger.head(), state="standing by")
            return False
        if self._sink is None:
            self._begin()
        page = read_commands(self.ledger, self._read_to, self._page_events)
        messages = self._messages(page) if page else []
        worked = self._arrive()
        if page:
            self._read_to = page[-1].position
            self._on_its_way = _OnItsWay(self._read_to, self._sender.submit(self._send, messages))
        if self._on_its_way is None:
            self.meter.failing = ""  # Nothing is left to send.
        self.meter.looked(NAME, self.position or 0, self.ledger.head())
        return worked or bool(page)

    def _begin(self) -> None:
        self._sink = self._open_sink()
        self._bookmark = self.ledger.bookmark(NAME)
        self.position = self._read_to = self._bookmark.at if self._bookmark else 0
        self._folder = Folder(self.ledger, self._write)

    def _messages(self, page: Sequence[StoredEvent]) -> Iterable[Outgoing]:
        """Fold a page; its dead letters are fetched while they are sent, a few at a time."""
        published = self._folder.fold(page)
        return chain(published.messages, self._dead_letters(published.dead_letters))

    def _arrive(self) -> bool:
        """Wait for the page that is on its way, and store its position; false where there is none."""
        if self._on_its_way is None:
            return False
        end, sent = self._on_its_way
        while True:
            try:
                sent.result(timeout=RENEW_EVERY_S)
                break
            except TimeoutError:
                if sent.done():
                    raise  # The sink's own.
                self._still_holding()
        self._still_holding()
        self._on_its_way = None
        self.ledger.move(Move(NAME, self._bookmark.at if self._bookmark else None, end))
        self._bookmark = Bookmark(end)
        self.position = end
        self.meter.failing, self._backoff_s = "", BACKOFF_S
        return True

    def _send(self, messages: Iterable[Outgoing]) -> None:
        """Send a page, and what says of a message that it was too large; in the thread of the sender."""
        sink = self._sink
        if sink is None:
            raise LeaseLost
        refused: list[TooLarge] = []
        unsettled = 0
        for one in messages:
            self._send_one(sink, one)
            unsettled += len(one.value or b"")
            if unsettled > UNSETTLED_BYTES_MAX:
                refused += sink.settle()
                unsettled = 0
        refused += sink.settle()
        for too_long in refused:
            log.error(
                "message is too large for its topic and was set aside",
                extra={"topic": too_long.topic, "bytes": too_long.size_bytes},
            )
            self.meter.set_aside[too_long.topic] += 1
            self._send_one(sink, too_large(too_long, self._topic_prefix))
        if refused and sink.settle():
            msg = f"{self._topic_prefix}{DEAD_LETTERS} accepts no dead letter; raise its max.message.bytes"
            raise SourceUnusable(msg)

    def _send_one(self, sink: Sink, one: Outgoing) -> None:
        """Send a message, but not once the lease may be another's: after a pause of the process, say."""
        if time.monotonic() >= self._held_until:
            raise LeaseLost
        sink.send(*one._replace(topic=self._topic_prefix + one.topic))

    def _dead_letters(self, dead: Iterable[DeadLetter]) -> Iterator[Outgoing]:
        """Fetch what could not be read from where it came; where it is gone the reason goes out alone."""
        for source, letters in groupby(sorted(dead, key=lambda one: one.event.source), lambda one: one.event.source):
            topic, _, number = source.rpartition("/")
            waiting: defaultdict[int, list[DeadLetter]] = defaultdict(list)  # A topic made anew has its offsets again.
            for one in letters:
                waiting[one.event.offset].append(one)
            for original in self._originals.messages(Partition(topic, int(number)), list(waiting)):
                yield from (dead_letter(one, original) for one in waiting.pop(original.offset, ()))
            yield from (dead_letter(one, None) for gone in waiting.values() for one in gone)

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
        if not self._hold():
            raise LeaseLost

    def _stand_by(self) -> None:
        """Forget what is on its way; whoever holds the lease next sends it again."""
        self._held_until = 0.0
        self.position = None
        sink, self._sink = self._sink, None
        if self._on_its_way is not None:
            with suppress(Exception):
                self._on_its_way.sent.result()
            self._on_its_way = None
        if sink is not None:
            sink.close()

    def _let_go(self) -> None:
        self._stand_by()
        self._sender.shutdown()
        with suppress(StoreUnusable):  # Then it runs out.
            self.ledger.let_go(NAME, self._holder)
