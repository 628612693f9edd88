"""Layer: consumers. What a merge unites: every id that leads to its result, what identifies it, its playbooks.

These lists grow along a chain of merges, and follow from the events of all records folded into one. Each is
as of the merge, whenever it is published, and in the order in which readers see it.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from operator import itemgetter
from typing import Final

from msgspec import Struct

from domain.language import events as e
from domain.language import streams
from domain.language.ids import RecordId
from domain.merge.explained import United
from domain.state.claims import CLAIMING, DOMAIN, EMAIL, USERTOKEN, claim_changes, unique_kind
from ledger.ledger import Ledger
from ledger.store.codec import decode
from ledger.store.port import StoredEvent

LINEAGES_KEPT_MAX: Final = 5_000
_IDENTIFIERS: Final = frozenset((EMAIL, DOMAIN, USERTOKEN))
# The event types that change a lineage.
_CHANGED_BY: Final = {name for name, one in e.EVENT_TYPES.items() if one in CLAIMING or one is e.PlaybookLogged}


class Lineage(Struct):
    """The records folded into one, and what all of them have."""

    members: tuple[RecordId, ...] = ()  # In the order of the tree: the primary's side before the secondary's.
    merged: tuple[tuple[int, RecordId], ...] = ()  # Each with the position of its merge, the earliest first.
    claims: dict[tuple[str, str, RecordId], int] = {}  # Kind, value and holder, with the position of the claim.
    playbooks: dict[tuple[RecordId, str], None] = {}  # Record and playbook, of those that were logged.

    def united(self) -> United:
        """Return what it has now; values of a kind in the order of the tree, and of each record by age."""
        at = {record_id: index for index, record_id in enumerate(self.members)}
        claims: dict[str, dict[str, None]] = {}
        for kind, value, _ in sorted(self.claims, key=lambda claim: (at[claim[2]], self.claims[claim], claim)):
            claims.setdefault(kind, {})[value] = None
        return United(
            [record_id for _, record_id in self.merged],
            {kind: list(values) for kind, values in claims.items()},
            [playbook_id for _, playbook_id in self.playbooks],
        )

    def note(self, stream: str, event: e.Event, position: int) -> None:
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
                        self.claims.setdefault(claim, position)
                    else:
                        self.claims.pop(claim, None)


class Lineages:
    """Follows merges, page after page, in order."""

    def __init__(self, ledger: Ledger) -> None:
        """Begin anywhere in this ledger."""
        self._ledger = ledger
        self._kept: OrderedDict[str, Lineage] = OrderedDict()  # As of their merge, or a little later.

    def united(self, decoded: Iterable[tuple[StoredEvent, e.Event]]) -> dict[str, United]:
        """Return what each merge of a page unites, by its result's stream."""
        merges = {s.position: (s.stream, event) for s, event in decoded if isinstance(event, e.RecordsMerged)}
        united: dict[str, United] = {}
        if not merges:
            return united
        events = self._load(merges.values())
        for position in sorted(events):
            if position > max(merges):
                break  # Later changes of these lineages.
            stream, event = events[position]
            if not isinstance(event, e.RecordsMerged):
                self._kept.setdefault(stream, Lineage()).note(stream, event, position)
            elif stream not in self._kept:
                sides = [self._kept.pop(side, Lineage()) for side, _ in _sides(stream, event)]
                lineage = _merged(event, position, sides)
                if position in merges:
                    united[stream] = lineage.united()
                lineage.note(stream, event, position)
                self._kept[stream] = lineage
        while len(self._kept) > LINEAGES_KEPT_MAX:
            self._kept.popitem(last=False)
        return united

    def _load(self, merges: Collection[tuple[str, e.RecordsMerged]]) -> dict[int, tuple[str, e.Event]]:
        """Load the events of all sides, by position, and of the whole lineage of those that are not kept."""
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
                if event_type in _CHANGED_BY
            }


def _sides(stream: str, event: e.RecordsMerged) -> list[tuple[str, int]]:
    """Name the streams of both sides, each with how many merges it came from."""
    kind = stream.rsplit("/", 1)[0]
    counts = event.merge_counts
    return [(f"{kind}/{event.primary_id}", counts.primary), (f"{kind}/{event.secondary_id}", counts.secondary)]


def _merged(event: e.RecordsMerged, position: int, sides: Sequence[Lineage]) -> Lineage:
    """Unite both sides; playbooks that the account's plan leaves out (H29) do not continue."""
    primary, secondary = sides
    merged = sorted((*primary.merged, *secondary.merged), key=itemgetter(0))
    return Lineage(
        (event.primary_id, *primary.members, event.secondary_id, *secondary.members),
        (*merged, (position, event.primary_id), (position, event.secondary_id)),
        primary.claims | secondary.claims,
        primary.playbooks | secondary.playbooks if event.has_playbooks else {},
    )
