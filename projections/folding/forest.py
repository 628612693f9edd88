"""Layer: projections. The tables of lineages, and the tree of merges that they make up in memory.

What a member was merged into never changes, so the tree under any record is the same for ever, and a
reader at an earlier position climbs it only as far as that.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from domain.language import events as e
from projections.store.tables import (
    INTEGER,
    INTEGER_NULL,
    RECORD,
    TEXT,
    TEXT_NULL,
    Index,
    RecordKey,
    Rows,
    Table,
    sql_time,
)

LINEAGE_MEMBERS: Final = Table(
    "lineage_members",
    {
        "account": TEXT,
        "object_type": TEXT,
        "record_id": TEXT,
        "lineage": INTEGER,  # The position of the merge that began it.
        "merged_into": TEXT_NULL,
        "side": TEXT_NULL,
        "merge_id": TEXT_NULL,
        "merged_at": TEXT_NULL,
        "merged_position": INTEGER_NULL,
        "climb": INTEGER_NULL,  # The climb on which what it was merged into stands, and where: 0 is its foot.
        "step": INTEGER_NULL,
    },
    RECORD,
    (Index(("lineage",)),),
)
LINEAGES: Final = Table("lineages", {"lineage": INTEGER, "current_id": TEXT, "members": INTEGER}, ("lineage",))
# `ids` (JSON) were each merged into the next; the last is current, or was merged into `step` of the climb `onto`.
CLIMBS: Final = Table("climbs", {"climb": INTEGER, "ids": TEXT, "onto": INTEGER_NULL, "step": INTEGER_NULL}, ("climb",))


class Member(Struct):
    """A row of `lineage_members`."""

    account: str
    object_type: str
    record_id: str
    lineage: int
    merged_into: str | None = None
    side: str | None = None
    merge_id: str | None = None
    merged_at: str | None = None
    merged_position: int | None = None
    climb: int | None = None
    step: int | None = None

    @property
    def key(self) -> RecordKey:
        """The record."""
        return self.account, self.object_type, self.record_id

    @property
    def parent(self) -> RecordKey | None:
        """The record it was merged into."""
        return None if self.merged_into is None else (self.account, self.object_type, self.merged_into)


_MEMBER = tuple(LINEAGE_MEMBERS.columns)
OF_THESE_RECORDS: Final = f"SELECT {', '.join(_MEMBER)} FROM lineage_members WHERE lineage IN :lineages"  # noqa: S608  column names


def load_members(rows: Rows, records: Iterable[RecordKey]) -> list[Member]:
    """Load all members of the lineages of these records: two look-ups."""
    lineages = sorted({lineage for (lineage,) in rows.by_keys(LINEAGE_MEMBERS, ["lineage"], RECORD, set(records))})
    if not lineages:
        return []
    return [Member(*row) for row in rows.select(OF_THESE_RECORDS, lineages=lineages)]


class Climb(Struct):
    """A row of `climbs`: ids of which each was merged into the next, and where it goes on from the last."""

    ids: list[str]
    onto: int | None = None
    step: int | None = None


CLIMBS_OF: Final = "SELECT climb, ids, onto, step FROM climbs WHERE climb IN :climbs"
_read_ids: Final = msgspec.json.Decoder(list[str]).decode


def load_climbs(rows: Rows, climbs: Iterable[int]) -> dict[int, Climb]:
    """Load climbs by their numbers, in one query."""
    wanted = sorted(climbs)
    if not wanted:
        return {}
    return {
        climb: Climb(_read_ids(ids), onto, step) for climb, ids, onto, step in rows.select(CLIMBS_OF, climbs=wanted)
    }


class Forest:
    """Lineages in memory: what was merged into what."""

    def __init__(self, members: Iterable[Member] = ()) -> None:
        """Begin with these lineages, each of them whole."""
        self.members: dict[RecordKey, Member] = {}
        self._sides: dict[RecordKey, list[RecordKey]] = defaultdict(list)
        self.add(members)

    def add(self, members: Iterable[Member]) -> None:
        """Take in more lineages."""
        for member in members:
            self.members[member.key] = member
            if member.parent is not None:
                self._sides[member.parent].append(member.key)

    def sides(self, record: RecordKey) -> list[RecordKey]:
        """List the two records that this one was made of, the primary first; none where it was not merged."""
        return sorted(self._sides.get(record, ()), key=lambda key: self.members[key].side or "")

    def tree(self, record: RecordKey) -> list[RecordKey]:
        """List a record and every id folded into it, the primary's side before the secondary's."""
        found: list[RecordKey] = []
        waiting = [record]
        while waiting:
            key = waiting.pop()
            found.append(key)
            waiting.extend(reversed(self.sides(key)))
        return found


class LineageFold(Forest):
    """The lineages that a page touches, up to its end.

    A lineage has one climb that ends at its current record, of the same number. A merge adds the new
    record to the heavier side's; the lighter side's ends there for ever. So from any id the climbs to
    its current record are few: each stands in a lineage at least twice as heavy as the one before.
    """

    def __init__(self, members: Iterable[Member] = (), climbs: dict[int, Climb] | None = None) -> None:
        """Begin with the lineages as they were before the page, and the climbs of those that merge."""
        self.climbs = climbs or {}
        self.changed: dict[RecordKey, Member] = {}
        self.current: dict[int, tuple[str, int]] = {}  # The lineages that changed.
        self.absorbed: set[int] = set()
        self._of_lineage: dict[int, list[Member]] = defaultdict(list)
        super().__init__(members)

    def add(self, members: Iterable[Member]) -> None:
        """Take in more lineages."""
        members = list(members)
        super().add(members)
        for member in members:
            self._of_lineage[member.lineage].append(member)

    def merge(self, result: RecordKey, event: e.RecordsMerged, position: int) -> None:
        """Fold one merge in."""
        account, object_type, result_id = result
        sides: list[Member] = []
        for side, record_id in (("primary", event.primary_id), ("secondary", event.secondary_id)):
            key = account, object_type, record_id
            member = self.members.get(key)
            if member is None:
                member = self.members[key] = Member(*key, 0)
            member.merged_into, member.side, member.merge_id = result_id, side, event.merge_id
            member.merged_at, member.merged_position = sql_time(event.occurred_at), position
            self.changed[key] = member
            sides.append(member)
        new = Member(*result, 0)
        self.members[result] = self.changed[result] = new
        self._sides[result] = [member.key for member in sides]
        known = [member.lineage for member in sides if member.lineage]
        lineage = max(known, key=lambda one: len(self._of_lineage[one])) if known else position
        climb = self.climbs.setdefault(lineage, Climb([event.primary_id]))
        step = len(climb.ids)
        climb.ids.append(result_id)
        for member in sides:
            member.climb, member.step = lineage, step
        for lighter in known:
            if lighter != lineage:
                self.climbs[lighter].onto, self.climbs[lighter].step = lineage, step
                for member in self._of_lineage.pop(lighter):
                    self._join(member, lineage)
                self.current.pop(lighter, None)
                self.absorbed.add(lighter)
        for member in (*sides, new):
            if member.lineage != lineage:
                self._join(member, lineage)
        self.current[lineage] = result_id, len(self._of_lineage[lineage])

    def _join(self, member: Member, lineage: int) -> None:
        member.lineage = lineage
        self._of_lineage[lineage].append(member)
        self.changed[member.key] = member
