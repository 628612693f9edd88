"""Layer: consumers. What a merge unites: every id that leads to its result, what identifies it, its playbooks.

A merge's event tells what it adds; these lists grow along a chain, and follow from the events of all
records that were folded into one. Each is as of the merge, whenever it is published.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from msgspec import Struct

from domain.language import events as e
from domain.language import streams
from domain.language.ids import RecordId
from domain.state.claims import CLAIMING, DOMAIN, EMAIL, USERTOKEN, claim_changes, unique_kind
from ledger.ledger import Ledger
from ledger.store.codec import decode
from ledger.store.port import StoredEvent

LINEAGES_KEPT_MAX: Final = 5_000
_IDENTIFIERS: Final = frozenset((EMAIL, DOMAIN, USERTOKEN))
# The types of the events that tell of it.
_TOLD_BY: Final = {name for name, one in e.EVENT_TYPES.items() if one in CLAIMING or one is e.PlaybookLogged}


class United(Struct):
    """A lineage: the ids below its record, and what all of them have."""

    merged_ids: tuple[RecordId, ...] = ()
    claims: dict[tuple[str, str, RecordId], None] = {}  # Kind, value and holder, in the order they were made.
    playbooks: dict[tuple[RecordId, str], None] = {}  # Record and playbook, of those that were logged.

    def values(self, kind: str) -> list[str]:
        """List the values of a kind of identifier, each once."""
        return list(dict.fromkeys(value for of_kind, value, _ in self.claims if of_kind == kind))

    def unique(self, object_type: str) -> dict[str, list[str]]:
        """List the values of every unique property that has one."""
        prefix = unique_kind(object_type, "")
        kinds = sorted({kind for kind, _, _ in self.claims if kind.startswith(prefix)})
        return {kind.removeprefix(prefix): self.values(kind) for kind in kinds}

    def note(self, stream: str, event: e.Event) -> None:
        """Fold an event of the lineage's own record; the merge that made it after its sides are united."""
        object_type, record_id = streams.record_ref(stream)
        if isinstance(event, e.PlaybookLogged):
            self.playbooks.pop((record_id, event.playbook_id), None)
            if event.state == "logged":
                self.playbooks[record_id, event.playbook_id] = None
        elif type(event) in CLAIMING:
            for key, holder, held in claim_changes(streams.parse(stream).account, object_type, record_id, event):
                if key.kind in _IDENTIFIERS or key.kind.startswith(unique_kind(object_type, "")):
                    claim = key.kind, key.value, holder.record_id
                    if held:
                        self.claims[claim] = None
                    else:
                        self.claims.pop(claim, None)


class Lineages:
    """Follows merges, page after page, in order."""

    def __init__(self, ledger: Ledger) -> None:
        """Begin anywhere in this ledger."""
        self._ledger = ledger
        self._kept: OrderedDict[str, United] = OrderedDict()  # As of their merge, or a little later.

    def united(self, decoded: Iterable[tuple[StoredEvent, e.Event]]) -> dict[str, United]:
        """Tell for each merge of a page, by its result's stream, what it unites."""
        merges = {s.position: (s.stream, event) for s, event in decoded if isinstance(event, e.RecordsMerged)}
        told: dict[str, United] = {}
        if not merges:
            return told
        found = self._load(merges.values())
        for position in sorted(found):
            if position > max(merges):
                break  # What the lineages of today did since.
            stream, event = found[position]
            if not isinstance(event, e.RecordsMerged):
                self._at(stream).note(stream, event)
            elif stream not in self._kept:
                one = _merged(event, [self._kept.pop(side, United()) for side, _ in _sides(stream, event)])
                one.note(stream, event)
                self._kept[stream] = one
                if position in merges:
                    told[stream] = United(one.merged_ids, {**one.claims}, {**one.playbooks})
        while len(self._kept) > LINEAGES_KEPT_MAX:
            self._kept.popitem(last=False)
        return told

    def _at(self, stream: str) -> United:
        return self._kept.setdefault(stream, United())

    def _load(self, merges: Collection[tuple[str, e.RecordsMerged]]) -> dict[int, tuple[str, e.Event]]:
        """Load the events of all sides, by position, and of the whole lineage of those that are not at hand."""
        made_here = {stream for stream, _ in merges}
        wanted, unknown = set(made_here), set()
        for stream, event in merges:
            for side, count in _sides(stream, event):
                wanted.add(side)
                if count and side not in self._kept and side not in made_here:
                    unknown.add(side)
        with self._ledger.store.reading() as snapshot:
            if unknown:
                wanted.update(member for _, member in snapshot.load_members(unknown))
            return {
                position: (stream, decode(event_type, data, position))
                for stream, event_type, data, _, position in snapshot.load_streams(wanted)
                if event_type in _TOLD_BY
            }


def _sides(stream: str, event: e.RecordsMerged) -> list[tuple[str, int]]:
    """Name the streams of both sides, each with how many merges it came from."""
    kind = stream.rsplit("/", 1)[0]
    counts = event.merge_counts
    return [(f"{kind}/{event.primary_id}", counts.primary), (f"{kind}/{event.secondary_id}", counts.secondary)]


def _merged(event: e.RecordsMerged, sides: Sequence[United]) -> United:
    """Unite both sides; where the plan leaves playbooks out (H29), none goes on."""
    one, other = sides
    return United(
        (*one.merged_ids, *other.merged_ids, event.primary_id, event.secondary_id),
        one.claims | other.claims,
        one.playbooks | other.playbooks if event.has_playbooks else {},
    )
