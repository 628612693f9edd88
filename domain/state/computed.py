"""Layer: domain. Computed properties: the ledger works them out, filters look at them, and nobody sets them.

They follow from a record's id, its lineage and the identifiers that lead to it, so no event sets them.
"""

from collections.abc import Callable, Iterable
from typing import Final

from domain.language.filters import Lookup
from domain.language.values import Plain, as_text
from domain.state.claims import DOMAIN, EMAIL, PRIMARY_IDENTIFIERS

OBJECT_ID, MERGED_IDS = "hs_object_id", "hs_merged_object_ids"
# The additional identifiers, by property, with the kind of claim that leads to the record.
ADDITIONAL: Final = {"hs_additional_emails": EMAIL, "hs_additional_domains": DOMAIN}
COMPUTED: Final = (OBJECT_ID, MERGED_IDS, *ADDITIONAL)
READ_ONLY: Final = frozenset(COMPUTED)  # Set by the ledger alone, merged ids among them (H49).
_NAMES: Final = {kind: name for name, kind in ADDITIONAL.items()}
# The property with a type's additional identifiers; a custom type has none.
ADDITIONAL_OF: Final = {object_type: _NAMES[kind] for object_type, kind in PRIMARY_IDENTIFIERS.items()}


def lookup(
    object_type: str,
    record_id: str,
    value: Callable[[str], Plain],
    merged_ids: Callable[[], Iterable[str]],
    held: Callable[[str], Iterable[str]],
) -> Lookup:
    """Return how a filter looks at a record, its computed properties included.

    `value` looks up what is set on the record. `merged_ids` loads the ids below it, and `held` the values of a
    kind of claim that lead to it; each is called when a filter looks at what follows from it.
    """

    def look(name: str) -> Plain:
        if name not in READ_ONLY:
            return value(name)
        if name == OBJECT_ID:
            return record_id
        if name == MERGED_IDS:
            return [*merged_ids()]
        primary = value(PRIMARY_IDENTIFIERS.get(object_type, ""))
        return sorted({*held(ADDITIONAL[name])} - ({as_text(primary)} if primary is not None else set()))

    return look
