"""Layer: projections. The active segments of accounts, and which of them an event may change.

A page loads them once. An event evaluates those alone that look at what it changed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from msgspec import Struct

from domain.language import events as e
from domain.language.filter_index import FilterIndex
from domain.language.filters import FilterGroup, matches, properties_named
from domain.language.values import Plain
from domain.state.computed import ADDITIONAL, COMPUTED
from projections.folding.page import Entry, Page
from projections.store.tables import Rows

ACTIVE_SEGMENTS: Final = (
    "SELECT account, object_type, segment_id, filter_groups FROM segments"
    " WHERE account IN :accounts AND kind = 'active' ORDER BY account, segment_id"
)
_read_filters: Final = msgspec.json.Decoder(list[FilterGroup]).decode


class Definition(Struct, frozen=True):
    """An active segment, with the properties that its filter looks at."""

    segment_id: str
    filter_groups: list[FilterGroup]
    names: frozenset[str]
    _known: dict[tuple[type, Plain], bool] = {}

    def has(self, look: Callable[[str], Plain]) -> bool:
        """Whether a record is on it. Most filters look at one property of few values: each is evaluated once a page."""
        if len(self.names) != 1:
            return matches(self.filter_groups, look)
        (name,) = self.names
        value = look(name)
        if isinstance(value, list):
            return matches(self.filter_groups, look)
        key = type(value), value
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = matches(self.filter_groups, lambda _: value)
        return known


class Definitions:
    """The active segments of an object type, by the properties that their filters look at."""

    def __init__(self, definitions: Iterable[Definition] = ()) -> None:
        self.all = [*definitions]
        self.by_name = FilterIndex((one, one.filter_groups) for one in self.all)


NO_DEFINITIONS: Final = Definitions()


def touched_by(x: Entry[e.Event], of_type: Definitions) -> list[Definition]:
    """List the active segments whose members an event may change."""
    names = _names_changed(x) if of_type.all else set()
    if names is not None:
        return of_type.by_name.looking_at(names)
    if x.after is None or x.after.status != "active":  # It leaves all that it is on.
        return of_type.all
    return of_type.by_name.of_a_new_record({*x.after.properties, *COMPUTED})


def _names_changed(x: Entry[e.Event]) -> set[str] | None:
    """Return the names of the properties that an event may have changed; None: any."""
    event = x.event
    if event.CHANGES_PRESENCE:
        return None
    names = set(x.values) if event.SETS_VALUES else set()
    if "identifiers" in event.CLAIMS or "email" in names or "domain" in names:
        names.update(ADDITIONAL)
    return names


def definition_of(segment_id: str, filter_groups: list[FilterGroup]) -> Definition:
    """Note the properties that a filter looks at."""
    return Definition(segment_id, filter_groups, frozenset(properties_named(filter_groups)))


def load_definitions(page: Page, rows: Rows) -> dict[tuple[str, str], Definitions]:
    """Load the active segments of the page's accounts, by account and object type."""
    found: dict[tuple[str, str], list[Definition]] = defaultdict(list)
    accounts = sorted({x.account for x in page.records})
    if accounts:
        for account, object_type, segment_id, filters in rows.select(ACTIVE_SEGMENTS, accounts=accounts):
            found[account, object_type].append(definition_of(segment_id, _read_filters(filters)))
    return {of_type: Definitions(definitions) for of_type, definitions in found.items()}
