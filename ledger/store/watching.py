"""Layer: ledger. Watches the log while it is read: what is missing from it, or was changed, stops whoever reads on.

It costs a look at what is read in any case, and finds what a mistake leaves behind: a gap, a deleted merge,
half a command. Somebody who rewrites the log with care is found by hashes alone.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from domain.language import events as e
from domain.language import streams
from ledger.store.damage import Damaged
from ledger.store.port import StoredEvent

# Each begins its stream.
_FIRST: Final = (e.RecordCreated, e.RecordsMerged, e.CommandApplied, e.CommandRefused)
_OUTCOMES: Final = frozenset(e.OUTCOMES)


class DamagedLog(Damaged):
    """The log is not as it was appended; `position` is the first bad one."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(
            f"the log is damaged at position {position}: {what}; write nothing more to it, and compare it with a copy"
        )
        self.position = position


def without_gap(page: list[StoredEvent], after: int) -> list[StoredEvent]:
    """Return a page of the log if positions follow each other, and the versions of each stream. Raises DamagedLog."""
    if not page:
        return page
    before = max(after, 0)
    if page[-1].position != before + len(page):
        for expected, stored in enumerate(page, before + 1):
            if stored.position != expected:
                raise DamagedLog(expected, "it is missing")
    versions: dict[str, int] = {}  # What a stream has before the page is not known here; the outcomes count it.
    for stored in page:
        known = versions.get(stored.stream)
        if known is not None and stored.version != known + 1:
            raise DamagedLog(stored.position, f"its stream goes from version {known} to {stored.version}")
        versions[stored.stream] = stored.version
    return page


def whole_stream(stored: list[StoredEvent]) -> list[StoredEvent]:
    """Return a stream from its beginning if its versions follow each other. Raises DamagedLog."""
    if stored and stored[-1].version != len(stored):
        for expected, one in enumerate(stored, 1):
            if one.version != expected:
                raise DamagedLog(one.position, f"version {expected} of its stream is missing before it")
    return stored


def whole_commands(decoded: Iterable[tuple[StoredEvent, e.Event]]) -> None:
    """Make sure that each outcome counts the events before it, and that merges are whole. Raises DamagedLog.

    The events begin where a command begins.
    """
    command: list[tuple[StoredEvent, e.Event]] = []
    has_merge = False
    for stored, event in decoded:
        kind = type(event)
        if kind not in _OUTCOMES:
            command.append((stored, event))
            has_merge = has_merge or kind is e.RecordsMerged or kind is e.MergedAway
        else:
            told = event.events if isinstance(event, e.CommandApplied) else 0
            if told != len(command):
                raise DamagedLog(stored.position, f"this outcome tells of {told} events, and {len(command)} are there")
            if has_merge:
                _make_sure_of_merges(command, stored.position)
                has_merge = False
            if command:
                command = []
        if stored.version != 1 and isinstance(event, _FIRST):
            raise DamagedLog(stored.position, f"it begins its stream, as version {stored.version}")


def _make_sure_of_merges(command: Sequence[tuple[StoredEvent, e.Event]], position: int) -> None:
    """Make sure that every merge has both sides, on the streams that it names, and no side is without its merge."""
    expected, found = set(), set()
    for stored, event in command:
        if isinstance(event, e.RecordsMerged):
            account = streams.parse(stored.stream).account
            object_type, into = streams.record_ref(stored.stream)
            for side, record_id in (("primary", event.primary_id), ("secondary", event.secondary_id)):
                expected.add((streams.record(account, object_type, record_id), into, side, event.merge_id))
        elif isinstance(event, e.MergedAway):
            found.add((stored.stream, event.into, event.side, event.merge_id))
    if expected != found:
        raise DamagedLog(position, "the merge of this command and the records that it merged away do not agree")
