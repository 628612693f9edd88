"""Layer: ledger. Loads what decisions need, in rounds for a whole batch: one query per round, never one per command.

What a command needs may point to more (an old id to the current record, an address to its owner),
so each command is asked again, as long as something of it is missing. This holds no knowledge of
what the needs are for.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, groupby
from operator import itemgetter

from domain import decide as decisions
from domain.intake.reading import Unreadable
from domain.language import streams as names
from domain.language.commands import Envelope
from domain.language.ids import RecordRef
from domain.state.claims import ClaimKey
from domain.state.folds import FOLD_VERSION, Recorded, fold, state_type
from domain.state.needs import HeldBy, Lineage, Need, NotLoaded
from domain.state.view import View
from ledger.batch.state_cache import SNAPSHOT_EVENTS, Folded, StateCache, read_state
from ledger.store.codec import decode
from ledger.store.damage import Damaged
from ledger.store.port import ReadSet, Snapshot

_stream_of = itemgetter(0)
_NOTHING = Folded(None, 0)


class DamagedStream(Damaged):
    """A stream does not come as it was appended, so to fold it would make another past."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"the events of {stream} are not in order: the ledger is damaged; restore it from a copy")


class DamagedRows(Damaged):
    """What was loaded is nothing that was ever stored."""

    def __init__(self) -> None:
        super().__init__(
            "events or indexes cannot be read as they were stored, so nothing was stored;"
            " keep the ledger as it is, and see `merge-ledger status`"
        )


class Loader:
    """Fills a view from a snapshot, and keeps note of what was read and where answers stand."""

    def __init__(self, snapshot: Snapshot, view: View, cache: StateCache | None = None) -> None:
        """Begin with nothing loaded; a cache is of the snapshot's moment."""
        self._snapshot = snapshot
        self._view = view
        self._cache = cache
        self.long: set[str] = set()  # Streams that take so long to fold that they are worth a snapshot.
        self.read = ReadSet()
        self.positions: dict[str, list[int]] = {}  # Of the events of command streams.

    def load_for(self, batch: Sequence[Envelope | Unreadable]) -> list[list[Need]]:
        """Load all that deciding these commands looks at, as far as what is loaded can tell; returns their needs."""
        envelopes = {nth: one for nth, one in enumerate(batch) if isinstance(one, Envelope)}
        view = self._view
        loaded: set[Need] = set()
        needed: list[list[Need]] = [[] for _ in batch]
        asking: Sequence[int] = list(envelopes)
        while asking:
            missing: set[Need] = set()
            still: list[int] = []
            for nth in asking:
                needed[nth] = needs = list(decisions.needs(envelopes[nth], view))
                wanted = view.missing(needs)
                if wanted:
                    missing.update(wanted)
                    still.append(nth)
            if not missing.isdisjoint(loaded):
                raise NotLoaded(missing & loaded)
            if missing:
                self._load(missing)
                loaded |= missing
            asking = still
        return needed

    def load_more_for(self, envelope: Envelope) -> None:
        """Load what a command looks at now that earlier ones of its batch were decided: most often nothing more."""
        if self._view.missing(decisions.needs(envelope, self._view)):
            self.load_for((envelope,))

    def load_streams_of(self, decided: Iterable[Recorded]) -> bool:
        """Load the streams that a decision appends to unseen, for it takes them to be new; tells if any is not."""
        unseen = {stream for stream, _ in decided if not self._view.has(stream)}
        if unseen:
            self._load_streams(unseen)
        return any(self._view.peek(stream) is not None for stream in unseen)

    def grown_long(self, stream: str) -> None:
        """Note that a stream is worth a snapshot, where its kind has any."""
        if state_type(stream) is not None:
            self.long.add(stream)

    def _load(self, missing: set[Need]) -> None:
        streams: set[str] = set()
        claims: set[ClaimKey] = set()
        lineages: set[Lineage] = set()
        held: set[HeldBy] = set()
        for need in missing:
            if isinstance(need, str):
                streams.add(need)
            elif isinstance(need, ClaimKey):
                claims.add(need)
            elif isinstance(need, Lineage):
                lineages.add(need)
            else:
                held.add(need)
        try:
            if streams:
                self._load_streams(streams)
            if claims:
                self._load_claims(claims)
            if lineages or held:
                self._load_lineages(lineages, held)
        except (ValueError, LookupError, TypeError, AttributeError) as error:  # Folding what was stored cannot fail.
            raise DamagedRows from error

    def _load_streams(self, streams: set[str]) -> None:
        wanted = {stream for stream in streams if not self._cached(stream)}
        long = {
            stream: Folded(read_state(stream, state), version)
            for stream, version, state in self._snapshot.load_snapshots(wanted, FOLD_VERSION)
        }
        rows = self._snapshot.load_streams(wanted - long.keys())
        if long:
            rows = chain(rows, self._snapshot.load_since({stream: one.version for stream, one in long.items()}))
        pending = set(wanted)
        for stream, events in groupby(rows, key=_stream_of):
            folded = long.get(stream, _NOTHING)
            stored = list(events)
            positions = [position for *_, position in stored]
            version = folded.version + len(stored)
            if [row[3] for row in stored] != list(range(folded.version + 1, version + 1)):
                raise DamagedStream(stream)
            state = fold(stream, folded.state, (decode(kind, data, position) for _, kind, data, _, position in stored))
            if stream not in pending or positions != sorted(positions):
                raise DamagedStream(stream)
            pending.remove(stream)
            self._loaded(stream, Folded(state, version))
            if len(positions) >= SNAPSHOT_EVENTS:
                self.grown_long(stream)
            if names.parse(stream).kind == names.COMMANDS:
                self.positions[stream] = positions
        for stream in pending:  # Nothing happened, ever or since the snapshot.
            self._loaded(stream, long.get(stream, _NOTHING))

    def _cached(self, stream: str) -> bool:
        """Take a state from the cache, if it is there."""
        folded = None if self._cache is None else self._cache.get(stream)
        if folded is None:
            return False
        self._view.put(stream, *folded)
        self.read.streams[stream] = folded.version
        return True

    def _loaded(self, stream: str, folded: Folded) -> None:
        self._view.put(stream, *folded)
        self.read.streams[stream] = folded.version
        if self._cache is not None and folded.version and state_type(stream) is not None:
            self._cache.put(stream, folded)

    def _load_claims(self, keys: set[ClaimKey]) -> None:
        holders: dict[ClaimKey, list[RecordRef]] = {key: [] for key in keys}
        for key, holder in self._snapshot.load_claims(keys):
            holders[key].append(holder)
        for key, found in holders.items():
            self._view.put_claim(key, found)
        self.read.claims |= keys

    def _load_lineages(self, lineages: set[Lineage], held: set[HeldBy]) -> None:
        view = self._view
        alone = {need.stream for need in lineages if not need.members}
        whole = {need.stream for need in lineages if need.members} | {need.stream for need in held}
        if alone:
            current = {stream: now for stream, _, now in self._snapshot.load_lineages(alone)}
            for stream in alone:
                now = current.get(stream, stream)
                names.record_ref(now)  # Or it is no record.
                view.put_lineage(stream, now)
        everyone: dict[str, list[str]] = {stream: [] for stream in whole}
        if whole:
            for stream, member in self._snapshot.load_members(whole):
                everyone[stream].append(member)
            for stream, found in everyone.items():
                members = found or [stream]
                *ids, _ = (names.record_ref(member).record_id for member in members)
                view.put_lineage(stream, members[-1], tuple(ids))
                if members[-1] != stream:
                    view.put_lineage(members[-1], members[-1], tuple(ids))
        self.read.lineages |= alone | whole
        if held:
            self._load_held(held, everyone)

    def _load_held(self, held: set[HeldBy], everyone: dict[str, list[str]]) -> None:
        asked = {(member, need.kind) for need in held for member in everyone[need.stream] or [need.stream]}
        claimed: dict[tuple[str, str], list[str]] = defaultdict(list)
        for stream, kind, value in self._snapshot.load_held(asked):
            claimed[stream, kind].append(value)
        for need in held:
            values: dict[str, tuple[RecordRef, ...]] = {}
            for member in everyone[need.stream] or [need.stream]:
                for value in claimed[member, need.kind]:
                    values[value] = (*values.get(value, ()), names.record_ref(member))
            self._view.put_held(need, values)
        self.read.held |= asked
