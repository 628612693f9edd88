"""Layer: projections. The links of records: united over both lineages, resolved to current ids (H16, H17).

Written for a company with 100,000 contacts: what is done for each link is little.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from projections.models.associations import ASSOCIATIONS, PRIMARY_COMPANIES, turned
from projections.reading.as_of import Lineages, Moment, Stood
from projections.reading.shapes import Association, Label
from projections.store.tables import RECORD, STOOD_AT, RecordKey

PRIMARY: Final = "primary"
COMPANIES: Final = "companies"
ONE: Final = ("account", "one_type", "one_id")
OTHER: Final = ("account", "other_type", "other_id")
read_attributes: Final = msgspec.json.Decoder(dict[str, Any]).decode

Made: TypeAlias = tuple[RecordKey, str, str | None]  # A link as it was made: the other end, a label, its attributes.
United: TypeAlias = dict[RecordKey, dict[str, str | None]]  # What a record is linked to now, with attributes by label.


def associations(
    moment: Moment, of: Lineages, trees: Mapping[RecordKey, Sequence[RecordKey]], states: Mapping[RecordKey, Stood]
) -> dict[RecordKey, list[Association]]:
    """List the links of each record, by the records that they lead to now; links to itself are left out."""
    made = associations_made(moment, {key for tree in trees.values() for key in tree})
    of.load(moment, {target for links in made.values() for target, _, _ in links})
    found = {record: united(of, record, tree, made) for record, tree in trees.items()}
    _add_primary(moment, of, trees, states, found)
    return {record: _shown(targets) for record, targets in found.items()}


def associations_made(moment: Moment, records: set[RecordKey], only: str = "") -> dict[RecordKey, list[Made]]:
    """Look up the links of these ids from both ends; `only` is a further condition."""
    stood = f"{only} AND {STOOD_AT}" if only else STOOD_AT
    columns = ("one_type", "one_id", "other_type", "other_id", "label", "attributes")
    account = moment.account
    found: dict[RecordKey, list[Made]] = {}
    for row in moment.rows.by_keys(ASSOCIATIONS, columns, ONE, records, stood, at=moment.at):
        found.setdefault((account, row[0], row[1]), []).append(((account, row[2], row[3]), row[4], row[5]))
    for row in moment.rows.by_keys(ASSOCIATIONS, columns, OTHER, records, stood, at=moment.at):
        label = turned(row[4]) if row[0] == row[2] == COMPANIES else row[4]
        found.setdefault((account, row[2], row[3]), []).append(((account, row[0], row[1]), label, row[5]))
    return found


def united(of: Lineages, record: RecordKey, tree: Sequence[RecordKey], made: Mapping[RecordKey, list[Made]]) -> United:
    """Unite a lineage's links: the record's own come first, then its primary's side.

    The first that says something about a label counts.
    """
    found: United = {}
    members = of.members
    for own in tree:
        for made_with, label, attributes in _in_order(of, made.get(own, [])):
            target = of.current(made_with) if made_with in members else made_with
            if target == record:
                continue
            labels = found.get(target)
            if labels is None:
                labels = found[target] = {}
            if label and labels.get(label) is None:
                labels[label] = attributes
    return found


def _in_order(of: Lineages, links: list[Made]) -> list[Made]:
    """Put first what was linked to the other's primary side, where several links may lead to one record."""
    merged = {target for target, _, _ in links if target in of.members}
    if len(merged) < 2:  # noqa: PLR2004  one leads nowhere else
        return links
    places: dict[RecordKey, int] = {}
    for current in {of.current(target) for target in merged}:
        places.update({key: at for at, key in enumerate(of.tree(current))})
    return sorted(links, key=lambda link: places.get(link[0], 0))


def _add_primary(
    moment: Moment,
    of: Lineages,
    trees: Mapping[RecordKey, Sequence[RecordKey]],
    states: Mapping[RecordKey, Stood],
    united: dict[RecordKey, United],
) -> None:
    """Show the Primary label where a record points to a company that it is linked to, from both ends."""
    pointing = {
        record: company_id for record in trees if (company_id := states[record].state.primary_company) is not None
    }
    of.load(moment, {(moment.account, COMPANIES, company_id) for company_id in pointing.values()})
    for record, company_id in pointing.items():
        company = of.current((moment.account, COMPANIES, company_id))
        if company in united[record]:
            united[record][company][PRIMARY] = None
    owners = {key: record for record, tree in trees.items() if record[1] == COMPANIES for key in tree}
    for account, object_type, record_id, company_id in moment.rows.by_keys(
        PRIMARY_COMPANIES, (*RECORD, "company_id"), ("account", "company_id"), [key[::2] for key in owners], STOOD_AT,
        at=moment.at,
    ):  # fmt: skip
        labels = united[owners[account, COMPANIES, company_id]].get((account, object_type, record_id))
        if labels is not None:
            labels[PRIMARY] = None


def _shown(targets: United) -> list[Association]:
    plain: dict[str, Label] = {}  # Labels without attributes are all alike.

    def label(name: str, attributes: str | None) -> Label:
        if attributes is not None:
            return Label(name, read_attributes(attributes))
        found = plain.get(name)
        if found is None:
            found = plain[name] = Label(name, {})
        return found

    return [
        Association(
            target[1],
            target[2],
            [label(name, labels[name]) for name in (sorted(labels, key=_place) if len(labels) > 1 else labels)],
        )
        for target, labels in sorted(targets.items())
    ]


def _place(label: str) -> tuple[bool, str]:
    return label != PRIMARY, label
