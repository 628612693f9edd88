"""Layer: ledger. The lineage index: which record any id of any chain of merges is today, in two look-ups.

A lineage is a set of records with a label; a merge joins two lineages and the new record under the
label of the heavier side, so that a record is relabelled at most log2(n) times in a chain of n. A
record that never merged is a lineage of itself, labelled with its own stream, and not stored.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from domain.language import events as e
from ledger.store.port import LineageChanges


class Merge(NamedTuple):
    """A merge, as far as the index is concerned; `offset` is where its first event stands in an append."""

    primary: str
    secondary: str
    result: str
    primary_weight: int
    secondary_weight: int
    offset: int


def merge_of(stream: str, event: e.RecordsMerged, offset: int) -> Merge:
    """Read a merge from its event; a lineage of n merges has 2n + 1 members."""
    prefix = stream.rsplit("/", 1)[0]
    counts = event.merge_counts
    return Merge(
        f"{prefix}/{event.primary_id}",
        f"{prefix}/{event.secondary_id}",
        stream,
        2 * counts.primary + 1,
        2 * counts.secondary + 1,
        offset,
    )


def sides_in_lineages(merges: Iterable[Merge]) -> set[str]:
    """List the sides whose lineage must be looked up: those that an earlier append merged."""
    made: set[str] = set()
    sides: set[str] = set()
    for merge in merges:
        if merge.primary_weight > 1 and merge.primary not in made:
            sides.add(merge.primary)
        if merge.secondary_weight > 1 and merge.secondary not in made:
            sides.add(merge.secondary)
        made.add(merge.result)
    return sides


def changes(merges: Iterable[Merge], labels: Mapping[str, str]) -> LineageChanges:
    """Tell what these merges, in order, change in the index; `labels` are the lineages of `sides_in_lineages`."""
    label_of: dict[str, str] = dict(labels)  # By the current record of each lineage.
    moved: dict[str, str] = {}
    members: dict[str, tuple[str, int]] = {}
    lineages: dict[str, tuple[str, int, int]] = {}
    for merge in merges:
        kept = label_of.pop(merge.primary, merge.primary)
        gone = label_of.pop(merge.secondary, merge.secondary)
        if merge.secondary_weight > merge.primary_weight:
            kept, gone = gone, kept
        moved[gone] = kept
        lineages.pop(gone, None)
        weight = merge.primary_weight + merge.secondary_weight + 1
        lineages[kept] = merge.result, weight, merge.offset
        members[merge.primary] = kept, merge.offset + 1  # Where its MergedAway stands.
        members[merge.secondary] = kept, merge.offset + 2
        members[merge.result] = kept, merge.offset
        label_of[merge.result] = kept

    def final(label: str) -> str:
        while label in moved:
            label = moved[label]
        return label

    stored = set(labels.values())
    return LineageChanges(
        [(stream, final(label), offset) for stream, (label, offset) in members.items()],
        [(label, final(label)) for label in moved if label in stored],
        [(label, *row) for label, row in lineages.items()],
    )
