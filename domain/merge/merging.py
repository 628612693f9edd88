"""Layer: domain. The merge: two records become a third (H01 to H06), decided once and for ever.

`RecordsMerged` on the new record's stream has every decision; `MergedAway` on both others makes
them terminal. An event on every participant is what makes racing merges safe. A preview is the
same decision, not appended, with a token that the merge can be held to.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from domain.decisions import hierarchy
from domain.decisions.context import Deciding, claim_needs, current_needs, follow_needs, lineage_needs
from domain.decisions.properties import claimed_by_merge, warn_of_unknown_stage
from domain.decisions.workflows import enrolled_by_merge, trigger_needs
from domain.language import events as e
from domain.language import streams
from domain.language.commands import MergeRecords
from domain.language.ids import RecordId, RecordRef, merge_id_for
from domain.language.refusals import (
    AlreadyExists,
    DecisionConflict,
    PreviewTokenInvalid,
    SameRecord,
    TypeMismatch,
    VersionConflict,
)
from domain.language.values import PersonalValues, Value
from domain.language.warned import Warned
from domain.merge import effects
from domain.merge.preconditions import PRECONDITIONS, ProposedMerge
from domain.state.claims import property_claim
from domain.state.needs import Need
from domain.state.record import evolve
from domain.state.view import View
from domain.survivorship.choices import chosen_sides
from domain.survivorship.pair import Pair
from domain.survivorship.surviving import surviving_values

_ENCODER = msgspec.json.Encoder(order="sorted")


class Preview(Struct, frozen=True):
    """A merge as it would be, with the token that holds the merge to it. Ids and times in it are not final."""

    merged: e.RecordsMerged
    result: RecordRef
    token: str
    warnings: tuple[Warned, ...] = ()


class _Token(NamedTuple):
    pair: str
    primary_version: int
    secondary_version: int
    digest: str

    def __str__(self) -> str:
        return f"{self.pair}-{self.primary_version}-{self.secondary_version}-{self.digest}"


def merge_needs(command: MergeRecords, view: View) -> Iterator[Need]:
    """Both records, their Primary companies, where links and marks between them lead, and what triggers look at."""
    account_id, object_type = command.account, command.object_type
    sides = RecordRef(object_type, command.primary_id), RecordRef(object_type, command.secondary_id)
    for side in sides:
        yield from follow_needs(view, account_id, side)
        record = view.peek_record(account_id, side)
        if record is None:
            continue
        if record.primary_company is not None:
            yield from current_needs(view, account_id, RecordRef("companies", record.primary_company))
        if record.peers or record.not_duplicates:
            yield from lineage_needs(account_id, object_type, (*record.peers, *record.not_duplicates))
        account = view.peek_account(account_id)
        for name in account.unique_properties(object_type) if account is not None else ():
            if (value := record.value(name)) is not None:
                yield from claim_needs(view, property_claim(account_id, object_type, name, value.v))
    primary, secondary = (view.peek_record(account_id, side) for side in sides)
    if primary is not None and secondary is not None:
        yield from hierarchy.merge_needs(view, account_id, sides[1], (primary, secondary))
    if command.result_id is not None:
        yield streams.record(account_id, object_type, command.result_id)
    yield from trigger_needs(view, account_id, *sides)


def merge(deciding: Deciding, command: MergeRecords) -> None:
    """Decide the merge and all it does."""
    primary = RecordRef(command.object_type, command.primary_id)
    secondary = RecordRef(command.object_type, command.secondary_id)
    result, merged = _decided(deciding, command)
    deciding.about, deciding.merge_id = result, merged.merge_id
    deciding.emit_on(result, merged)
    into, merge_id = result.record_id, merged.merge_id
    deciding.emit_on(primary, e.MergedAway(into=into, side="primary", merge_id=merge_id, **deciding.meta))
    deciding.emit_on(secondary, e.MergedAway(into=into, side="secondary", merge_id=merge_id, **deciding.meta))
    hierarchy.end_dropped(deciding, secondary, merged.hierarchy_dropped)


def preview(deciding: Deciding, command: MergeRecords) -> Preview:
    """Decide the merge without making it. Raises the refusal that the merge would get."""
    result, merged = _decided(deciding, command)
    return Preview(merged, result, str(_token(deciding, merged, result)), tuple(deciding.warnings))


def _decided(deciding: Deciding, command: MergeRecords) -> tuple[RecordRef, e.RecordsMerged]:
    object_type = command.object_type
    deciding.known_type(object_type, active=True)
    if command.secondary_object_type not in (None, object_type):
        raise TypeMismatch(object_type, command.secondary_object_type or "", f"record {command.secondary_id}")
    if command.primary_id == command.secondary_id:
        raise SameRecord(object_type, command.primary_id)
    refs = RecordRef(object_type, command.primary_id), RecordRef(object_type, command.secondary_id)
    pair = Pair(object_type, deciding.standing(*refs), deciding.standing(*refs[::-1]))
    result = deciding.new_ref(object_type, command.result_id)
    if command.result_id is not None and deciding.view.exists(deciding.stream(result)):
        raise AlreadyExists("record", command.result_id)
    account = deciding.account
    proposed = ProposedMerge(
        command, account, pair, _is_marked(deciding, pair), hierarchy.active_relatives(deciding, pair)
    )
    for refuse_if_blocked in PRECONDITIONS:
        refuse_if_blocked(proposed)
    choices = chosen_sides(account, pair, command.choices)
    for ref, side in zip(refs, pair.both, strict=True):
        warn_of_unknown_stage(deciding, ref, side.properties)

    survived = surviving_values(account, object_type, *pair.both, choices, result.record_id, deciding.at)
    links = effects.links(deciding, pair)
    carried_on = hierarchy.carried(deciding, pair)
    segments = effects.segments(deciding, pair)
    planned = effects.planned(deciding, pair)
    carried, addresses = effects.suppressions(pair)
    merged = e.RecordsMerged(
        merge_id=merge_id_for(command.account, command.command_id),
        primary_id=command.primary_id,
        primary_version=deciding.view.version(deciding.stream(refs[0])),
        secondary_id=command.secondary_id,
        secondary_version=deciding.view.version(deciding.stream(refs[1])),
        rule_set=account.rule_set,
        decisions=survived.decisions,
        empty_properties=survived.empty,
        values=_gathered(
            survived.values, addresses, effects.sync_ids(deciding, pair), deciding.values(result.record_id)
        ),
        merge_counts=e.MergeCounts(pair.primary.merge_count, pair.secondary.merge_count, account.merge_limit),
        primary_company=links.primary_company,
        demoted=links.demoted,
        dropped_self=links.dropped_self,
        peers=links.peers,
        hierarchy=carried_on.kept,
        hierarchy_dropped=carried_on.dropped,
        segments_removed=segments.removed,
        segments_carried=segments.carried,
        unenrolled=planned.unenrolled,
        sync_kept=planned.sync_kept,
        sync_unlinked=planned.sync_unlinked,
        sync_released=planned.sync_released,
        has_playbooks=planned.has_playbooks,
        dropped_drafts=planned.dropped_drafts,
        calls_disconnected=effects.calls_disconnected(pair),
        suppressions=carried,
        not_duplicates=effects.not_in_the_pair(
            deciding, pair, tuple(dict.fromkeys((*pair.primary.not_duplicates, *pair.secondary.not_duplicates)))
        ),
        forms=tuple(dict.fromkeys((*pair.primary.forms, *pair.secondary.forms))),
        claimed=claimed_by_merge(deciding, pair, survived.decisions),
        skipped=planned.skipped,
        **deciding.meta,
    )
    merged = _with_enrollments(deciding, pair, result, merged)
    if command.preview_token is not None:
        _hold_to(deciding, command.preview_token, merged, result)
    return result, merged


def _gathered(*maps: PersonalValues | dict[RecordId, dict[str, Value]]) -> PersonalValues:
    gathered: PersonalValues = {}
    for values in maps:
        for source, named in values.items():
            gathered[source] = {**gathered[source], **named} if source in gathered else {**named}
    return gathered


def _with_enrollments(deciding: Deciding, pair: Pair, result: RecordRef, merged: e.RecordsMerged) -> e.RecordsMerged:
    """Enroll the merged record where a trigger became true and merges may enroll, if the plan has workflows."""
    if not deciding.account.has_paid("sales", "service", "marketing"):
        return merged
    refs = [RecordRef(pair.object_type, side.record_id) for side in pair.both]
    enrolled = enrolled_by_merge(deciding, refs[0], refs[1], lambda: evolve(None, merged, result.record_id))
    return msgspec.structs.replace(merged, enrolled=enrolled) if enrolled else merged


def _is_marked(deciding: Deciding, pair: Pair) -> bool:
    """Whether either side, or a record folded into it, is marked as no duplicate of the other."""
    one, other = pair.both
    return any(
        deciding.is_today(pair.object_type, marked, against.record_id)
        for side, against in ((one, other), (other, one))
        for marked in side.not_duplicates
    )


# -- the preview's token ----------------------------------------------------------------------------------------------


def _token(deciding: Deciding, merged: e.RecordsMerged, result: RecordRef) -> _Token:
    pair = blake2b(
        f"{deciding.account_id}/{result.object_type}/{merged.primary_id}/{merged.secondary_id}".encode(), digest_size=4
    ).hexdigest()
    return _Token(pair, merged.primary_version, merged.secondary_version, _digest(merged, result))


def _digest(merged: e.RecordsMerged, result: RecordRef) -> str:
    """Digest the whole decision without its ids and times; computed values are under the merged record's id."""
    body = asdict(merged)
    for name in ("merge_id", "command_id", "occurred_at", "actor"):
        del body[name]
    values = dict(merged.values)
    own = values.pop(result.record_id, {})
    body["values"] = {
        source: {name: v for name, v in named.items() if not name.startswith("@")} for source, named in values.items()
    }
    body["computed"] = {
        name: one.v if isinstance(one, Value) else one for name, one in own.items() if not name.startswith("@")
    }
    return blake2b(_ENCODER.encode(body), digest_size=12).hexdigest()


def _hold_to(deciding: Deciding, sent: str, merged: e.RecordsMerged, result: RecordRef) -> None:
    """Refuse a merge that is no longer what its preview showed."""
    token = _token(deciding, merged, result)
    parts = sent.split("-")
    if len(parts) != len(token) or parts[0] != token.pair or not (parts[1].isdecimal() and parts[2].isdecimal()):
        raise PreviewTokenInvalid
    expected = int(parts[1]), int(parts[2])
    actual = token.primary_version, token.secondary_version
    for record_id, seen, now in zip((merged.primary_id, merged.secondary_id), expected, actual, strict=True):
        if seen != now:
            raise VersionConflict(result.object_type, record_id, seen, now)
    if parts[3] != token.digest:
        raise DecisionConflict(result.object_type, merged.primary_id)
