"""Layer: projections. Which record an address, domain, token, sync id or unique value was claimed for, and when.

The id is the one that made the claim; readers resolve it through the lineage.
"""

from typing import Final

from domain.language import events as e
from domain.state.claims import ClaimChange, claim_changes
from projections.folding.intervals import Intervals, interval_table
from projections.folding.page import Page
from projections.store.tables import RECORD, TEXT, Index, Rows, View

IDENTIFIERS: Final = interval_table(
    "identifiers",
    {"account": TEXT, "kind": TEXT, "value": TEXT, "object_type": TEXT, "record_id": TEXT},
    indexes=(Index(RECORD),),
)
_SHOWN: Final[frozenset[e.Claimed]] = frozenset(("properties", "identifiers", "sync"))


class Identifiers:
    """Follows the claims."""

    name = "identifiers"
    tables = (IDENTIFIERS,)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Begin and end the claims that the page's events change."""
        changes: list[tuple[int, bool, ClaimChange]] = []
        for x in page.where(lambda event_class: not _SHOWN.isdisjoint(event_class.CLAIMS)):
            is_new = isinstance(x.event, e.RecordCreated)
            changes.extend(
                (x.position, is_new, change) for change in claim_changes(x.account, x.object_type, x.record_id, x.event)
            )
        if not changes:
            return
        claims = Intervals(IDENTIFIERS, rows)
        claims.load(IDENTIFIERS.key[:-1], {_key(change) for _, is_new, change in changes if not is_new})
        for position, _, change in changes:
            if change.held:
                claims.begin(_key(change), position)
            else:
                claims.end(_key(change), position)
        claims.write()


def _key(change: ClaimChange) -> tuple[str, ...]:
    return (*change.key, *change.holder)
