"""Layer: domain. Parents and children of companies: one parent each, no circle, and what a merge does with them (H37).

Both companies know of a relationship, by the other's id of that day. Everything here compares the
companies that these ids are today, archived ones included, so that restoring one breaks no rule.
"""

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from domain.decisions.context import Deciding, current_needs, current_ref, follow_needs
from domain.language import events as e
from domain.language import streams
from domain.language.ids import RecordId, RecordRef
from domain.language.refusals import HasParent, HierarchyCircle, HierarchyTooDeep
from domain.state.needs import Lineage, Need
from domain.state.record import Record
from domain.state.view import View
from domain.survivorship.pair import Pair

COMPANIES: Final = "companies"
PARENT: Final = "parent"
CHILD: Final = "child"
LEVELS_MAX: Final = 50  # Companies above one.
EXAMINED_MAX: Final = 100  # Relationships of both sides of a merge together.


class Relationship(NamedTuple):
    """One company is the other's parent."""

    child: RecordRef
    parent: RecordRef


def relationships(one: RecordRef, other: RecordRef, labels: Collection[str]) -> Iterator[Relationship]:
    """Yield the relationships that labels, as given from `one`, create between two companies."""
    if one.object_type == other.object_type == COMPANIES:
        if PARENT in labels:
            yield Relationship(one, other)
        if CHILD in labels:
            yield Relationship(other, one)


# -- one parent, no circle --------------------------------------------------------------------------------------------


def relationship_needs(view: View, account_id: str, wanted: Relationship) -> Iterator[Need]:
    """The parent that the child has, and every company above the one it is to have."""
    yield from _above_needs(view, account_id, wanted.child, 1)
    yield from _above_needs(view, account_id, wanted.parent, LEVELS_MAX - 1)


def _above_needs(view: View, account_id: str, company: RecordRef, levels: int) -> Iterator[Need]:
    """The companies above one. A level takes one loading round, or two where the parent was merged away."""
    for _ in range(levels):
        named = _parent_named(view.peek_record(account_id, company))
        if named is None:
            return
        yield Lineage(streams.record(account_id, *named))
        yield from follow_needs(view, account_id, named)
        current = current_ref(view, account_id, named)
        if current is None:
            return
        company = current


def _parent_named(record: Record | None) -> RecordRef | None:
    """Return a company's parent, by the id of the time they were related."""
    related = () if record is None else record.hierarchy.items()
    return next((RecordRef(COMPANIES, other) for other, is_a in related if is_a == PARENT), None)


def _parent(deciding: Deciding, company: RecordRef) -> RecordRef | None:
    named = _parent_named(deciding.record(company))
    return None if named is None else deciding.today(named)


def refuse_unless_a_tree(deciding: Deciding, wanted: Relationship) -> None:
    """Refuse a second parent, a circle, and more levels than the walk goes. Raises the refusal."""
    child, parent = wanted
    has = _parent(deciding, child)
    if has == parent:
        return
    if has is not None:
        raise HasParent(child.record_id, has.record_id, is_archived=deciding.is_archived(has))
    path = [parent]
    while len(path) < LEVELS_MAX and (above := _parent(deciding, path[-1])) is not None and above not in path:
        path.append(above)
    ids = [company.record_id for company in path]
    archived = [company.record_id for company in path if deciding.is_archived(company)]
    if child in path:
        end = path.index(child) + 1
        raise HierarchyCircle(ids[:end], [one for one in archived if one in ids[:end]])
    if len(path) == LEVELS_MAX and _parent_named(deciding.record(path[-1])) is not None:
        raise HierarchyTooDeep(child.record_id, LEVELS_MAX, ids, archived)


# -- a merge ----------------------------------------------------------------------------------------------------------


def merge_needs(view: View, account_id: str, secondary: RecordRef, sides: tuple[Record, Record]) -> Iterator[Need]:
    """The companies that either side is related to, and the links of the secondary that may lose their label."""
    if sum(len(side.hierarchy) for side in sides) > EXAMINED_MAX:
        return
    for side in sides:
        for other in side.hierarchy:
            yield from current_needs(view, account_id, RecordRef(COMPANIES, other))
    if sides[1].hierarchy:
        yield Lineage(streams.record(account_id, *secondary), members=True)
        for other in sides[1].hierarchy:
            stream = streams.record(account_id, COMPANIES, other)
            if view.has(Lineage(stream)):
                related = streams.record_ref(view.current_stream(stream))
                yield streams.association(account_id, secondary, related)


def active_relatives(deciding: Deciding, pair: Pair) -> dict[RecordId, list[RecordId]] | None:
    """List the active parents and children of each side that has any; None if there are too many to examine."""
    if sum(len(side.hierarchy) for side in pair.both) > EXAMINED_MAX:
        return None
    active = {
        side.record_id: [
            _today(deciding, other) for other in side.hierarchy if not deciding.is_archived(RecordRef(COMPANIES, other))
        ]
        for side in pair.both
    }
    return {side: others for side, others in active.items() if others}


class Carried(NamedTuple):
    """Relationships that the merged record has, and those of the secondary that end."""

    kept: dict[RecordId, e.Relation]
    dropped: tuple[e.Related, ...]


def carried(deciding: Deciding, pair: Pair) -> Carried:
    """Keep both sides' relationships, but none of the secondary's that makes a second parent or a circle of two.

    Longer circles are not looked for: a merge does not walk the hierarchy.
    """
    primary, secondary = pair.both
    kept = dict(primary.hierarchy)
    by_company = {_today(deciding, other): is_a for other, is_a in kept.items()}
    dropped: dict[RecordId, e.Relation] = {}
    for other, is_a in secondary.hierarchy.items():
        company = _today(deciding, other)
        is_second = is_a == PARENT and any(has == PARENT and it != company for it, has in by_company.items())
        if is_second or by_company.get(company, is_a) != is_a:
            dropped[company] = is_a
        else:
            kept[other] = by_company[company] = is_a
    return Carried(kept, tuple(e.Related(company, is_a) for company, is_a in dropped.items()))


def _today(deciding: Deciding, company_id: RecordId) -> RecordId:
    return deciding.today(RecordRef(COMPANIES, company_id)).record_id


def end_dropped(deciding: Deciding, secondary: RecordRef, dropped: Collection[e.Related]) -> None:
    """End the relationships that a merge drops, on the other company and on the link, which stays."""
    if not dropped:
        return
    lineage = (*deciding.view.members(deciding.stream(secondary)), secondary.record_id)
    for one in dropped:
        other = RecordRef(COMPANIES, one.record_id)
        known = deciding.record(other).hierarchy
        gone = tuple(each for each in lineage if each in known)
        deciding.emit_on(other, e.PeerUnlinked(peer_ids=gone, hierarchy_only=True, **deciding.meta))
        deciding.emit(
            streams.association(deciding.account_id, secondary, other),
            e.Dissociated(one=secondary, other=other, labels=(one.label,), **deciding.meta),
        )
