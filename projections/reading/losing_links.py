"""Layer: projections. What a merge leaves behind of links: attributes that lose, and labels of the pair itself.

A merge moves no link, so its event cannot say this: it is read from the links that stood at the
merge's position, or stand now for a preview.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from domain.language import events as e
from projections.models.associations import ASSOCIATIONS
from projections.reading import shapes
from projections.reading.as_of import Moment, lineages
from projections.reading.links import ONE, OTHER, Made, associations_made, read_attributes, united
from projections.store.tables import RecordKey

SHOWN_MAX: Final = 100
_WITH_ATTRIBUTES: Final = "attributes IS NOT NULL"
_LABELS_WITHIN_A_TYPE: Final = "label <> '' AND one_type = other_type"

Attributes: TypeAlias = dict[str, Any]


class Trees(NamedTuple):
    """The lineages of both sides, and those of their ids that `with_attributes` names."""

    primary: Sequence[RecordKey]
    secondary: Sequence[RecordKey]
    said: set[RecordKey]


def with_attributes(moment: Moment, records: Iterable[RecordKey]) -> set[RecordKey]:
    """Name those of these ids about whose links something was ever said: two look-ups, however many ids."""
    keys = set(records)
    found = [moment.rows.by_keys(ASSOCIATIONS, on, on, keys, _WITH_ATTRIBUTES) for on in (ONE, OTHER)]
    return {(account, object_type, record_id) for rows in found for account, object_type, record_id in rows}


def attributes_lost(moment: Moment, trees: Trees, event: e.RecordsMerged) -> shapes.AttributesLost:
    """List what is said about the links of two lineages and is not of the merged record; at most SHOWN_MAX of it."""
    lost = []
    if event.dropped_self:
        lost += _of_the_link_between(moment, trees)
    if not trees.said.isdisjoint(trees.secondary):  # Or nothing needs to be looked up, as in most merges.
        lost += sorted(_of_the_secondary(moment, trees, event), key=lambda one: (one.object_type, one.id, one.label))
    return shapes.AttributesLost(lost[:SHOWN_MAX], len(lost))


def _of_the_link_between(moment: Moment, trees: Trees) -> list[shapes.LabelLost]:
    """List the labels of links between the two sides, as the primary sees them."""
    made = associations_made(moment, set(trees.primary), _LABELS_WITHIN_A_TYPE)
    secondary = trees.secondary[0]
    labels: dict[str, str | None] = {}
    for own in trees.primary:
        for target, label, attributes in made.get(own, []):
            if target in trees.secondary and labels.get(label) is None:
                labels[label] = attributes
    return [shapes.LabelLost(*secondary[1:], label, _read(labels[label])) for label in sorted(labels)]


def _of_the_secondary(moment: Moment, trees: Trees, event: e.RecordsMerged) -> Iterator[shapes.LabelLost]:
    """List the attributes of the secondary's links that are not the merged record's."""
    others = _said(moment, trees, trees.secondary)
    if not others:
        return
    kept = _said(moment, trees, trees.primary)
    ended = {(one.record_id, one.label) for one in event.hierarchy_dropped}
    for target, labels in others.items():
        for label, written in labels.items():
            says = _read(written)
            wins = _read(kept.get(target, {}).get(label))
            if (target[2], label) in ended and target[1] == trees.secondary[0][1]:
                lost = says
            elif wins:
                lost = {name: v for name, v in says.items() if name not in wins or not _is_same(v, wins[name])}
            else:
                lost = {}
            if lost:
                yield shapes.LabelLost(target[1], target[2], label, lost)


def _said(moment: Moment, trees: Trees, tree: Sequence[RecordKey]) -> Mapping[RecordKey, Mapping[str, str | None]]:
    """Unite what one side's links to third records, as they were then, say about their labels."""
    pair = {*trees.primary, *trees.secondary}
    made: dict[RecordKey, list[Made]] = {
        own: [link for link in links if link[0] not in pair]
        for own, links in associations_made(moment, set(tree), _WITH_ATTRIBUTES).items()
    }
    of = lineages(moment, {target for links in made.values() for target, _, _ in links})
    return united(of, tree[0], tree, made)


def _read(attributes: str | None) -> Attributes:
    return {} if attributes is None else read_attributes(attributes)


def _is_same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
