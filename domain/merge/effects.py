"""Layer: domain. What a merge does beside values: links, segments, workflows, sync, playbooks, calls, suppressions.

Each function decides one kind of effect. What the account's plan leaves out stays with the
merged-away records and is listed as skipped (H29, H30); it never stops the merge (H56).
"""

from typing import Final, Literal, NamedTuple

from domain.decisions.context import Deciding
from domain.language.events import ADDRESS, SYNC, CarriedSuppression, OfRecord, Skipped
from domain.language.ids import RecordId, RecordRef
from domain.language.values import PersonalValues, Value
from domain.survivorship.pair import Pair


class Links(NamedTuple):
    """Links that a merge decides on (H16, H17); all others keep the id they were made with."""

    primary_company: RecordId | None
    demoted: tuple[RecordRef, ...]
    dropped_self: tuple[RecordRef, ...]
    peers: tuple[RecordId, ...]


def links(deciding: Deciding, pair: Pair) -> Links:
    """Keep one Primary company and demote the other, and drop links from one side to the other."""
    kept, demoted = primary_companies(deciding, pair)
    peers = tuple(dict.fromkeys((*pair.primary.peers, *pair.secondary.peers)))
    outside = not_in_the_pair(deciding, pair, peers)
    dropped = (RecordRef(pair.object_type, pair.secondary.record_id),) if len(outside) < len(peers) else ()
    return Links(kept, demoted, dropped, outside)


def primary_companies(deciding: Deciding, pair: Pair) -> tuple[RecordId | None, tuple[RecordRef, ...]]:
    """Return the company that keeps the Primary label, and the one that loses it.

    The primary's keeps it, except where that one is archived and the secondary's is not.
    """
    kept, other = (
        None if side.primary_company is None else RecordRef("companies", side.primary_company) for side in pair.both
    )
    if kept is None or other is None:
        only = kept or other
        return (None if only is None else only.record_id), ()
    if deciding.is_archived(kept) and not deciding.is_archived(other):
        kept, other = other, kept
    loser = deciding.today(other)
    return kept.record_id, (() if deciding.today(kept) == loser else (loser,))


def not_in_the_pair(deciding: Deciding, pair: Pair, ids: tuple[RecordId, ...]) -> tuple[RecordId, ...]:
    """Leave out the ids that lead to one of the two records."""
    return tuple(
        each for each in ids if not any(deciding.is_today(pair.object_type, each, side.record_id) for side in pair.both)
    )


class Segments(NamedTuple):
    """Static segments that the secondary leaves, and those that the merged record is on (H18)."""

    removed: tuple[str, ...]
    carried: tuple[str, ...]


def segments(deciding: Deciding, pair: Pair) -> Segments:
    """The primary's memberships pass on; the secondary's end, or pass on too where the account says so."""
    if deciding.account.static_segments == "union":
        return Segments((), tuple(dict.fromkeys((*pair.primary.segments, *pair.secondary.segments))))
    return Segments(pair.secondary.segments, pair.primary.segments)


class Planned(NamedTuple):
    """Effects that depend on the account's plan, and those that it leaves out."""

    unenrolled: tuple[OfRecord, ...]
    sync_kept: dict[str, tuple[RecordId, ...]]
    sync_unlinked: dict[str, tuple[RecordId, ...]]
    sync_released: dict[str, tuple[RecordId, ...]]
    has_playbooks: bool
    dropped_drafts: tuple[OfRecord, ...]
    skipped: tuple[Skipped, ...]


NOTHING_PLANNED: Final = Planned((), {}, {}, {}, has_playbooks=False, dropped_drafts=(), skipped=())


def planned(deciding: Deciding, pair: Pair) -> Planned:
    """Unenroll both (H24), keep sync as its system asks (H31), keep logged playbooks and no drafts (H28)."""
    if not any(side.workflows or side.sync or side.has_playbooks for side in pair.both):
        return NOTHING_PLANNED
    any_hub = deciding.account.has_paid("sales", "service", "marketing")
    playbooks = deciding.account.has_paid("sales", "service")
    primary, secondary = pair.both
    skipped: list[Skipped] = []
    if (primary.has_playbooks or secondary.has_playbooks) and not playbooks:
        skipped.append(Skipped("playbooks"))
    if (primary.workflows or secondary.workflows) and not any_hub:
        skipped.append(Skipped("workflows"))
    if (primary.sync or secondary.sync) and not any_hub:
        skipped.append(Skipped("sync"))
    kept, unlinked = _sync(deciding, pair)
    released = unlinked
    if not any_hub:
        both = dict.fromkeys((*kept, *unlinked))
        released = {system: (*kept.get(system, ()), *unlinked.get(system, ())) for system in both}
        kept, unlinked = {}, {}
    return Planned(
        unenrolled=_each(pair, "workflows") if any_hub else (),
        sync_kept=kept,
        sync_unlinked=unlinked,
        sync_released=released,
        has_playbooks=playbooks and (primary.has_playbooks or secondary.has_playbooks),
        dropped_drafts=_each(pair, "drafts") if playbooks else (),
        skipped=tuple(skipped),
    )


def _sync(deciding: Deciding, pair: Pair) -> tuple[dict[str, tuple[RecordId, ...]], dict[str, tuple[RecordId, ...]]]:
    """Return whose links to other systems continue and whose end, by system, the primary's first."""
    kept: dict[str, tuple[RecordId, ...]] = {}
    unlinked: dict[str, tuple[RecordId, ...]] = {}
    for side in pair.both:
        for system, links in side.sync.items():
            continues = side is pair.primary or deciding.account.keeps_all_sync(system)
            links_of = kept if continues else unlinked
            links_of[system] = (*links_of.get(system, ()), *(link.source_record_id for link in links))
    return kept, unlinked


def _each(pair: Pair, name: Literal["workflows", "drafts"]) -> tuple[OfRecord, ...]:
    return tuple(OfRecord(one, side.record_id) for side in pair.both for one in getattr(side, name))


def calls_disconnected(pair: Pair) -> tuple[OfRecord, ...]:
    """Return the calls that end, of either side (H47); a call is never a reason to refuse."""
    return tuple(OfRecord(side.active_call, side.record_id) for side in pair.both if side.active_call is not None)


def suppressions(pair: Pair) -> tuple[tuple[CarriedSuppression, ...], PersonalValues]:
    """Carry every suppression of either side over, with its address: the most restrictive wins."""
    carried: list[CarriedSuppression] = []
    values: PersonalValues = {}
    seen = set()
    for each in (*pair.primary.suppressions, *pair.secondary.suppressions):
        if each.key in seen:
            continue
        seen.add(each.key)
        name = None
        if each.address is not None:
            name = f"{ADDRESS}/{len(carried)}"
            values.setdefault(each.source_record_id, {})[name] = Value(each.address, each.at)
        carried.append(CarriedSuppression(each.kind, each.at, each.source_record_id, each.topic, name))
    return tuple(carried), values


def sync_ids(deciding: Deciding, pair: Pair) -> PersonalValues:
    """Both sides' ids in other systems, by the record that they were linked to."""
    values: PersonalValues = {}
    for side in pair.both:
        for system, links in side.sync.items():
            for link in links:
                values.setdefault(link.source_record_id, {})[SYNC + system] = Value(link.external_id, deciding.at)
    return values
