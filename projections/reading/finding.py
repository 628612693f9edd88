"""Layer: projections. Finding records: by what leads to them, and by filters.

An identifier is one look-up. A filter goes through the records of its type: the one read that does.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

import msgspec

from domain.language.filters import FilterGroup, matches, properties_named
from domain.language.values import Plain
from domain.state.claims import unique_kind
from domain.state.computed import ADDITIONAL, ADDITIONAL_OF, MERGED_IDS, OBJECT_ID, lookup
from projections.models.identifiers import IDENTIFIERS
from projections.reading import shapes
from projections.reading.as_of import Lineages, Moment, lineages
from projections.reading.paging import PageAsked, listing, read_cursor
from projections.reading.records import Claimed, claimed, read_records
from projections.store.tables import STOOD_AT, RecordKey

_SCANNED_AT_ONCE: Final = 2_000
_FOUND_AT_ONCE: Final = 500  # Whole records in memory.
ACTIVE_RECORDS: Final = (
    "SELECT record_id, merge_count, properties FROM current_records"
    " WHERE account = :account AND object_type = :object_type AND status = 'active' AND merge_count >= :merged"
    " AND record_id > :after ORDER BY record_id LIMIT :limit"
)
_read_properties: Final = msgspec.json.Decoder(dict[str, Any]).decode


def find(moment: Moment, object_type: str, kind: str, value: str) -> list[shapes.Record]:
    """Find the records that an identifier leads to: an address, a domain, a token, a sync id or a unique value."""
    holders = moment.rows.by_keys(
        IDENTIFIERS,
        ("object_type", "record_id"),
        ("account", "kind", "value"),
        [(moment.account, kind, value)],
        f"object_type = :object_type AND {STOOD_AT}",
        object_type=object_type,
        at=moment.at,
    )
    of = lineages(moment, [(moment.account, *holder) for holder in holders])
    current = sorted({of.current((moment.account, *holder)) for holder in holders})
    return read_records(moment, current, of)


def find_by_property(
    moment: Moment, object_type: str, name: str, groups: Sequence[FilterGroup], value: str
) -> Iterator[list[shapes.Record]]:
    """Find records by a property, a batch at a time: by its claim where it is unique, else among all."""
    found = find(moment, object_type, unique_kind(object_type, name), value.strip())
    if found:
        yield found
        return
    keys = (key for key, _ in _matching(moment, object_type, groups, is_merged=False))
    while batch := list(islice(keys, _FOUND_AT_ONCE)):
        yield read_records(moment, batch)


def search(
    moment: Moment, object_type: str, groups: Sequence[FilterGroup], page: PageAsked, *, is_merged: bool
) -> shapes.Listing[shapes.Record]:
    """List the active records that match, and count all of them; with `is_merged` those made by a merge (H50).

    To count means to read every record of the type. Without it the read begins at the cursor and ends with the page.
    """
    cursor = read_cursor(page.after, (str,))
    after = cursor[0] if cursor else ""
    total = 0
    keys: list[RecordKey] = []
    for key, _ in _matching(moment, object_type, groups, is_merged=is_merged, after="" if page.counts else after):
        total += 1
        if key[2] > after:
            if len(keys) <= page.limit:
                keys.append(key)
            elif not page.counts:
                break
    shown = keys[: page.limit]
    return listing(
        read_records(moment, shown),
        (shown[-1][2],) if shown else None,
        has_more=len(keys) > page.limit,
        total=total if page.counts else None,
    )


def property_names(moment: Moment, object_type: str, groups: Sequence[FilterGroup], *, is_merged: bool) -> list[str]:
    """List the names of all properties that the matching records show, computed ones included, in order."""
    names = {OBJECT_ID, MERGED_IDS}
    if object_type in ADDITIONAL_OF:
        names.add(ADDITIONAL_OF[object_type])
    for _, values in _matching(moment, object_type, groups, is_merged=is_merged):
        names.update(values)
    return sorted(names)


def _matching(
    moment: Moment, object_type: str, groups: Sequence[FilterGroup], *, is_merged: bool, after: str = ""
) -> Iterator[tuple[RecordKey, dict[str, Plain]]]:
    names = properties_named(groups)
    while rows := moment.rows.select(
        ACTIVE_RECORDS,
        account=moment.account,
        object_type=object_type,
        merged=int(is_merged),
        after=after,
        limit=_SCANNED_AT_ONCE,
    ):
        after = rows[-1][0]
        keys = [(moment.account, object_type, row[0]) for row in rows]
        of, claims = _looked_at(moment, names, keys)
        for key, (_, _, properties) in zip(keys, rows, strict=True):
            values = _read_properties(properties)
            look = lookup(object_type, key[2], values.get, partial(of.merged_ids, key), partial(_held, claims, key))
            if matches(groups, look):
                yield key, values


def _looked_at(moment: Moment, names: set[str], keys: list[RecordKey]) -> tuple[Lineages, dict[RecordKey, Claimed]]:
    """Load what filters look at that does not stand in the records' own rows."""
    of = Lineages(moment.at)
    if names & {MERGED_IDS, *ADDITIONAL}:
        of.load(moment, keys)
    return of, claimed(moment, {key: of.tree(key) for key in keys}) if names & {*ADDITIONAL} else {}


def _held(claims: dict[RecordKey, Claimed], key: RecordKey, kind: str) -> list[str]:
    return claims[key].of(kind)
