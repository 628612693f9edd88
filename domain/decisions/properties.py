"""Layer: domain. Reads the values that a command sets, and claims the values that identify their record."""

from collections.abc import Iterable, Iterator, Mapping

from domain.decisions.context import Deciding, claim_needs
from domain.language import events as e
from domain.language import streams
from domain.language.ids import RecordId, RecordRef
from domain.language.refusals import IdentifierInUse, InvalidProperty, ReadOnlyProperty
from domain.language.values import Dressed, Sent, Source, Value, is_empty, utc
from domain.language.warned import not_unique, unknown_stage
from domain.state.account import Account
from domain.state.claims import EMAIL, PRIMARY_IDENTIFIERS, SUPPRESSION, ClaimKey, claimed_text, property_claim
from domain.state.computed import READ_ONLY
from domain.state.lifecycle import LIFECYCLE_STAGE, as_written, is_stage
from domain.state.needs import Need
from domain.state.typed_values import read_plain
from domain.state.view import View
from domain.survivorship.pair import Pair
from domain.survivorship.rulesets import CREATE_DATE

# -- reading what was sent --------------------------------------------------------------------------------------------


def read_properties(
    deciding: Deciding, object_type: str, sent: Mapping[str, Sent], source: Source = "integration"
) -> dict[str, Value]:
    """Read sent properties. Raises ReadOnlyProperty, which names all of them, or InvalidProperty."""
    if refused := [name for name in sent if name in READ_ONLY]:
        raise ReadOnlyProperty(refused)
    values: dict[str, Value] = {}
    for name, each in sent.items():
        at, origin = deciding.at, source
        if isinstance(each, Dressed):
            at, origin = (at if each.at is None else utc(each.at)), each.source
        values[name] = Value(read_plain(deciding.account, object_type, name, each), at, origin)
    return values


def warn_of_unknown_stage(deciding: Deciding, ref: RecordRef, values: Mapping[str, Value]) -> None:
    """Warn of a stage that the account does not have: it is stored, and ranks below all others."""
    stage = values.get(LIFECYCLE_STAGE) if is_stage(ref.object_type, LIFECYCLE_STAGE) else None
    if stage is not None and not is_empty(stage.v) and as_written(deciding.account, stage.v) is None:
        deciding.warn(unknown_stage(LIFECYCLE_STAGE, ref.record_id))


def refuse_create_date(sent: Iterable[str]) -> None:
    """Only `create_record` sets the create date."""
    if CREATE_DATE in sent:
        raise ReadOnlyProperty([CREATE_DATE])


# -- claims -----------------------------------------------------------------------------------------------------------


def claimable(account: Account, object_type: str) -> tuple[str, ...]:
    """List the properties whose values identify their record: the primary identifier and unique ones."""
    primary = PRIMARY_IDENTIFIERS.get(object_type)
    unique = account.unique_properties(object_type)
    return (primary, *unique) if primary else unique


def identifier_needs(view: View, account_id: str, object_type: str, sent: Mapping[str, Sent]) -> Iterator[Need]:
    """The records that have the values to be claimed, and the suppressions for an address."""
    yield streams.settings(account_id)
    account = view.peek_account(account_id)
    if account is None:
        return
    for name in claimable(account, object_type):
        if name in sent:
            try:
                v = read_plain(account, object_type, name, sent[name])
            except InvalidProperty:
                continue
            if not is_empty(v):
                yield from value_needs(view, account_id, object_type, name, claimed_text(v))


def value_needs(view: View, account_id: str, object_type: str, name: str, v: str) -> Iterator[Need]:
    """The records that claim one value and, for an address, its suppressions."""
    key = property_claim(account_id, object_type, name, v)
    yield from claim_needs(view, key)
    if key.kind == EMAIL:
        yield from claim_needs(view, ClaimKey(account_id, SUPPRESSION, v))


def refuse_if_claimed(deciding: Deciding, ref: RecordRef, name: str, value: Value) -> bool:
    """Refuse a value that another record has. Returns whether this record has it already."""
    key = property_claim(deciding.account_id, ref.object_type, name, value.v)
    holders = deciding.view.holders(key)
    if not holders:
        return False
    mine = deciding.own_holders(ref, key)
    if len(mine) < len(holders) and not key.is_shared:
        other = next(holder for holder in holders if holder.record_id not in mine)
        raise IdentifierInUse(name, deciding.today(other).record_id, is_archived=deciding.is_archived(other))
    return bool(mine)


def claimed_by_merge(deciding: Deciding, pair: Pair, decisions: Iterable[e.Decided]) -> dict[str, tuple[RecordId, ...]]:
    """Claim both sides' unique values that nobody claims: those that were set before their property was unique.

    A claimed value stays claimed, the loser's too, like an additional address. Warns if another record has
    the kept value.
    """
    unique = deciding.account.unique_properties(pair.object_type)
    claimed: dict[str, tuple[RecordId, ...]] = {}
    for decided in decisions if unique else ():
        name = decided.property
        unclaimed: dict[ClaimKey, RecordId] = {}  # One, where both sides have the same value.
        for side_name, side in zip(("primary", "secondary"), pair.both, strict=True):
            value = side.value(name) if name in unique else None
            if value is None:
                continue
            key = property_claim(deciding.account_id, pair.object_type, name, value.v)
            if not deciding.view.holders(key):
                unclaimed.setdefault(key, side.origin(name))
            elif decided.side == side_name:
                _warn_if_anothers(deciding, pair, name, key)
        if unclaimed:
            claimed[name] = tuple(unclaimed.values())
    return claimed


def _warn_if_anothers(deciding: Deciding, pair: Pair, name: str, key: ClaimKey) -> None:
    for holder in deciding.view.holders(key):
        if not any(deciding.is_today(*holder, side.record_id) for side in pair.both):
            deciding.warn(not_unique(name, deciding.view.current_id(deciding.account_id, holder)))
