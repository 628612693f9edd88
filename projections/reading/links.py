"""Layer: projections. The links of records: united over both lineages, resolved to current ids (H16, H17)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from projections.associations import ASSOCIATIONS, PRIMARY_COMPANIES, turned
from projections.reading.moment import Lineages, Moment, Stood
from projections.shapes import Association, Label
from projections.tables import RECORD, STOOD_AT, RecordKey

PRIMARY: Final = "primary"
_COMPANIES: Final = "companies"
_read_attributes: Final = msgspec.json.Decoder(dict[str, Any]).decode
_ONE: Final = ("account", "one_type", "one_id")
_OTHER: Final = ("account", "other_type", "other_id")


class _Link(Struct, frozen=True):
    """A link as it was made, seen from one of its ends."""

    own: RecordKey
    target: RecordKey
    label: str
    attributes: str | None


def associations(
    moment: Moment, of: Lineages, trees: Mapping[RecordKey, list[RecordKey]], states: Mapping[RecordKey, Stood]
) -> dict[RecordKey, list[Association]]:
    """List the links of each record, by the records that they lead to now; links to itself are left out."""
    links = list(_made(moment, {key for tree in trees.values() for key in tree}))
    of.load(moment, (link.target for link in links))
    targets = {link.target: of.current(link.target) for link in links}
    by_own: dict[RecordKey, list[_Link]] = {}
    for link in links:
        by_own.setdefault(link.own, []).append(link)
    united: dict[RecordKey, dict[RecordKey, dict[str, str | None]]] = {}
    for record, tree in trees.items():
        at_record = united[record] = {}
        for own in tree:  # The record itself first, then its primary's side: their attributes count.
            for link in _in_order(of, by_own.get(own, ())):
                target = targets[link.target]
                if target != record:
                    labels = at_record.setdefault(target, {})
                    if link.label:
                        labels.setdefault(link.label, link.attributes)
    _add_primary(moment, of, trees, states, united)
    return {
        record: [
            Association(
                target[1],
                target[2],
                [
                    Label(name, {} if attributes is None else _read_attributes(attributes))
                    for name, attributes in sorted(labels.items(), key=lambda one: (one[0] != PRIMARY, one[0]))
                ],
            )
            for target, labels in sorted(targets_of.items())
        ]
        for record, targets_of in united.items()
    }


def _made(moment: Moment, records: set[RecordKey]) -> Iterable[_Link]:
    columns = ("one_type", "one_id", "other_type", "other_id", "label", "attributes")
    account = moment.account
    for on, is_first in ((_ONE, True), (_OTHER, False)):
        rows = moment.rows.by_keys(ASSOCIATIONS, columns, on, records, STOOD_AT, at=moment.at)
        for one_type, one_id, other_type, other_id, label, attributes in rows:
            one, other = (account, one_type, one_id), (account, other_type, other_id)
            if is_first:
                yield _Link(one, other, label, attributes)
            else:
                between_companies = one_type == other_type == _COMPANIES
                yield _Link(other, one, turned(label) if between_companies else label, attributes)


def _in_order(of: Lineages, links: Iterable[_Link]) -> Iterable[_Link]:
    """Put first what was linked to the other's primary side, where several links lead to one record."""
    links = list(links)
    if len(links) == len({link.label for link in links}):
        return links
    places: dict[RecordKey, int] = {}
    for target in {of.current(link.target) for link in links if link.target in of.members}:
        places.update({key: at for at, key in enumerate(of.tree(target))})
    return sorted(links, key=lambda link: places.get(link.target, 0))


def _add_primary(
    moment: Moment,
    of: Lineages,
    trees: Mapping[RecordKey, list[RecordKey]],
    states: Mapping[RecordKey, Stood],
    united: dict[RecordKey, dict[RecordKey, dict[str, str | None]]],
) -> None:
    """Show the Primary label where a record points to a company that it is linked to, from both ends."""
    pointing: dict[RecordKey, str] = {}
    for record in trees:
        company_id = states[record].state.primary_company
        if company_id is not None:
            pointing[record] = company_id
    companies = [record for record in trees if record[1] == _COMPANIES]
    from_companies = {target for record in companies for target in united[record] if target[1] != _COMPANIES}
    if from_companies:
        rows = moment.rows.by_keys(
            PRIMARY_COMPANIES, (*RECORD, "company_id"), RECORD, from_companies, STOOD_AT, at=moment.at
        )
        pointing.update({(account, kind, record_id): company_id for account, kind, record_id, company_id in rows})
    of.load(moment, ((moment.account, _COMPANIES, company_id) for company_id in pointing.values()))
    for record, company_id in pointing.items():
        company = of.current((moment.account, _COMPANIES, company_id))
        for one, other in ((record, company), (company, record)):
            if other in united.get(one, {}):
                united[one][other][PRIMARY] = None
