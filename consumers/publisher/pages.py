"""Layer: consumers. Turns a page of the log into the messages that go to topics.

Follows from the log alone: the same events give the same messages with the same ids, whoever
publishes them, however often. Of a record that changed more than once in a page the last state goes
out; every outcome and every merge goes out.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from consumers import topics
from consumers.publisher import messages as values
from consumers.publisher.lineages import Lineages
from consumers.publisher.messages import Outgoing, Write
from consumers.publisher.shapes import IdMapping
from consumers.source import SKIPPED
from domain.language import events as e
from domain.language import streams
from domain.state.record import Record, evolve
from ledger.ledger import Ledger
from ledger.store.port import StoredEvent
from ledger.store.watching import whole_commands

RECORDS_KEPT_MAX: Final = 5_000  # Folded records, so that those that change again need not be loaded.


class DeadLetter(NamedTuple):
    """A message that was no command: it is fetched from where it came, and set aside with the reason."""

    position: int
    event: e.CommandUnreadable


class Published(NamedTuple):
    """What a page becomes."""

    messages: list[Outgoing]
    dead_letters: list[DeadLetter]


class Folder:
    """Folds the log, page after page, in order."""

    def __init__(self, ledger: Ledger, write: Write = values.message) -> None:
        """Begin anywhere in this ledger; `write` makes the messages."""
        self._ledger = ledger
        self._write = write
        self._records: OrderedDict[str, tuple[int, Record]] = OrderedDict()  # With the version.
        self._lineages = Lineages(ledger)

    def fold(self, page: Sequence[StoredEvent]) -> Published:
        """Turn the next page into messages."""
        decoded = [(stored, self._ledger.decode(stored)) for stored in page]
        whole_commands(decoded)
        self._load_records(page)
        united = self._lineages.united(decoded)
        messages: list[Outgoing] = []
        dead: list[DeadLetter] = []
        touched: dict[str, StoredEvent] = {}
        mapped: dict[str, tuple[IdMapping, values.About]] = {}
        for stored, event in decoded:
            account, kind, *_ = stored.stream.split("/", 2)
            if kind == streams.RECORDS:
                self._evolve(stored, event)
                touched.pop(stored.stream, None)
                touched[stored.stream] = stored
                if isinstance(event, e.RecordsMerged):
                    merged = values.merge_told(stored, event, united[stored.stream])
                    about = values.About(merged.merge_id, account, stored.position, stored.recorded_at)
                    messages.append(self._write(topics.EVENTS, account, merged, about))
                    for old_id in merged.merged_ids:
                        mapped[f"{account}/{merged.object_type}/{old_id}"] = values.mapping_told(old_id, merged), about
            elif isinstance(event, e.OUTCOMES):
                about = values.About(f"result-{stored.position}", account, stored.position, stored.recorded_at)
                messages.append(self._write(topics.RESULTS, account, values.result_told(stored, event), about))
                if isinstance(event, e.CommandUnreadable) and event.code != SKIPPED:
                    dead.append(DeadLetter(stored.position, event))
        for key, (mapping, about) in mapped.items():
            told = about._replace(event_id=f"{key}@{mapping.position}")
            messages.append(self._write(topics.ID_MAP, key, mapping, told))
        for stream, stored in touched.items():
            version, record = self._records[stream]
            state = values.state_told(stream, version, record, stored)
            key = f"{state.account}/{state.object_type}/{state.record_id}"
            told = values.About(f"{key}@{version}", state.account, stored.position, stored.recorded_at)
            messages.append(self._write(topics.STATE, key, state, told))
        while len(self._records) > RECORDS_KEPT_MAX:
            self._records.popitem(last=False)
        return Published(messages, dead)

    def _evolve(self, stored: StoredEvent, event: e.Event) -> None:
        _, before = self._records.pop(stored.stream, (0, None))
        record_id = streams.record_ref(stored.stream).record_id
        self._records[stored.stream] = stored.version, evolve(before, event, record_id)

    def _load_records(self, page: Sequence[StoredEvent]) -> None:
        """Load what records were before the page, those that are not at hand; one query."""
        first: dict[str, int] = {}
        for stored in page:
            if stored.stream.split("/", 2)[1] == streams.RECORDS:
                first.setdefault(stored.stream, stored.version)
        missing = set()
        for stream, version in first.items():
            if self._records.get(stream, (0,))[0] != version - 1:
                self._records.pop(stream, None)
                missing.add(stream)
        missing = {stream for stream in missing if first[stream] > 1}
        for stream, record in self._folded(missing, first).items():
            self._records[stream] = first[stream] - 1, record

    def _folded(self, wanted: Iterable[str], before_version: dict[str, int]) -> dict[str, Record]:
        """Load records, as they were before these versions of theirs."""
        asked = set(wanted)
        found: dict[str, Record] = {}
        if asked:
            with self._ledger.store.reading() as snapshot:
                for stream, event_type, data, version, position in snapshot.load_streams(asked):
                    if version < before_version.get(stream, version + 1):
                        event = self._ledger.decode(StoredEvent(position, stream, version, event_type, data, _NEVER))
                        found[stream] = evolve(found.get(stream), event, streams.record_ref(stream).record_id)
        return found


_NEVER: Final = datetime.min  # noqa: DTZ901  nobody looks at it
