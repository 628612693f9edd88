"""Layer: domain. Claims: which record an address, domain, token, sync id or unique value leads to (H21).

A claim keeps the id of the record it was made for; readers resolve that id through the lineage, so
a merge changes no claim but those it frees. Claims follow from events alone.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from domain.language import events as e
from domain.language.ids import AccountId, RecordId, RecordRef
from domain.language.values import Plain, Value, as_text
from domain.state.record import personal, text_of

EMAIL, DOMAIN, USERTOKEN, SUPPRESSION, WORKFLOW = "email", "domain", "usertoken", "suppression", "workflow"
# Duplicate companies share their domain; one address may be suppressed on several records.
SHARED_KINDS: Final = frozenset({DOMAIN, SUPPRESSION})
# The events that may change a claim.
CLAIMING: Final = frozenset(cls for cls in e.EVENT_CLASSES if cls.CLAIMS)
PROPERTY: Final = "property:"  # Begins the kind of an additional value of a unique property.
# The property that holds the primary identifier of a type.
PRIMARY_IDENTIFIERS: Final = {"contacts": EMAIL, "companies": DOMAIN}


class ClaimKey(NamedTuple):
    """What is claimed, inside an account. `value` is normalised."""

    account: AccountId
    kind: str
    value: str

    @property
    def is_shared(self) -> bool:
        """Whether several records may claim it at once."""
        return self.kind in SHARED_KINDS


class ClaimChange(NamedTuple):
    """A record begins (`held`) or ends its claim."""

    key: ClaimKey
    holder: RecordRef
    held: bool


def sync_kind(system: str) -> str:
    """Name the kind of claim on a record of another system."""
    return f"sync:{system}"


def unique_kind(object_type: str, name: str) -> str:
    """Name the kind of claim on a unique property's value."""
    return f"unique:{object_type}:{name}"


def identifier_claim(account: AccountId, object_type: str, kind: str, v: str) -> ClaimKey:
    """Name the claim that an additional identifier makes."""
    name = kind.removeprefix(PROPERTY)
    return ClaimKey(account, kind, v) if name == kind else property_claim(account, object_type, name, v)


def property_claim(account: AccountId, object_type: str, name: str, v: Plain) -> ClaimKey:
    """Name the claim that a property's value makes, as trimmed text; the property is an identifier or unique."""
    kind = name if PRIMARY_IDENTIFIERS.get(object_type) == name else unique_kind(object_type, name)
    return ClaimKey(account, kind, claimed_text(v))


def claimed_text(v: Plain) -> str:
    """Write a property's value as it is claimed."""
    return as_text(v).strip()


def claim_changes(account: AccountId, object_type: str, record_id: RecordId, event: e.Event) -> Iterator[ClaimChange]:
    """Yield what an event of a record's stream changes about claims."""
    me = RecordRef(object_type, record_id)
    match event:
        case e.RecordCreated():
            yield from _made_by_values(account, me, event)
        case e.RecordUpdated():
            yield from _released_by_values(account, me, event)
            yield from _made_by_values(account, me, event)
        case e.IdentifierAdded() | e.IdentifierRemoved():
            yield from _changed_by_identifier(account, me, event)
        case e.SyncLinked() | e.SyncUnlinked():
            if (v := text_of(event.values, record_id, e.SYNC + event.system)) is not None:
                holder = event.holder if isinstance(event, e.SyncUnlinked) else record_id
                key = ClaimKey(account, sync_kind(event.system), v)
                yield ClaimChange(key, RecordRef(object_type, holder), held=isinstance(event, e.SyncLinked))
        case e.Suppressed():
            if (v := text_of(event.values, record_id, e.ADDRESS)) is not None:
                yield ClaimChange(ClaimKey(account, SUPPRESSION, v), me, held=True)
        case e.RecordsMerged():
            yield from _changed_by_merge(account, me, event)
        case e.WorkflowDefined():
            pass  # Its claim is made on the stream of its type's workflows.
        case _ if event.CLAIMS:  # Nobody would see its claims.
            msg = f"{event.EVENT_TYPE} declares CLAIMS, and claim_changes has no case for it"
            raise TypeError(msg)


def _made_by_values(
    account: AccountId, me: RecordRef, event: e.RecordCreated | e.RecordUpdated
) -> Iterator[ClaimChange]:
    for name in event.claimed:
        if (new := personal(event.values, me.record_id, name)) is not None:
            yield ClaimChange(property_claim(account, me.object_type, name, new.v), me, held=True)


def _released_by_values(account: AccountId, me: RecordRef, event: e.RecordUpdated) -> Iterator[ClaimChange]:
    for name, holders in event.released.items():
        if (old := personal(event.values, me.record_id, e.RELEASED + name)) is not None:
            key = property_claim(account, me.object_type, name, old.v)
            yield from (ClaimChange(key, RecordRef(me.object_type, holder), held=False) for holder in holders)


def _changed_by_identifier(
    account: AccountId, me: RecordRef, event: e.IdentifierAdded | e.IdentifierRemoved
) -> Iterator[ClaimChange]:
    if (v := text_of(event.values, me.record_id, e.IDENTIFIER)) is None:
        return
    key = identifier_claim(account, me.object_type, event.kind, v)
    if isinstance(event, e.IdentifierAdded):
        yield ClaimChange(key, me, held=True)
    else:
        yield from (ClaimChange(key, RecordRef(me.object_type, holder), held=False) for holder in event.holders)


def claimed_by(event: e.RecordsMerged) -> dict[str, list[str]]:
    """List the unique values that a merge claims for the merged record, as they are claimed."""
    found: dict[str, list[str]] = {}
    for name, sources in event.claimed.items():
        values = [event.values.get(source, {}).get(name) for source in sources]
        found[name] = [claimed_text(value.v) for value in values if isinstance(value, Value)]
    return found


def _changed_by_merge(account: AccountId, me: RecordRef, event: e.RecordsMerged) -> Iterator[ClaimChange]:
    """Unique values that led nowhere lead to the merged record; sync links that end are free again."""
    for name, values in claimed_by(event).items():
        for v in values:
            yield ClaimChange(property_claim(account, me.object_type, name, v), me, held=True)
    for system, holders in event.sync_released.items():
        for holder in holders:
            value = event.values.get(holder, {}).get(e.SYNC + system)
            if isinstance(value, Value):
                key = ClaimKey(account, sync_kind(system), str(value.v))
                yield ClaimChange(key, RecordRef(me.object_type, holder), held=False)
