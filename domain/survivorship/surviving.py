"""Layer: domain. Survivorship: which side's value of each property the merged record keeps, and why.

Pure. Precedence: rules of the system, then the user's choice, then the type's or account's own
rule, then the primary's value, then the secondary's (H08 to H11).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from domain.language.events import Decided, Side
from domain.language.ids import RecordId
from domain.language.refusals import SumOutOfRange
from domain.language.values import Value
from domain.state.account import Account
from domain.state.record import Record
from domain.survivorship.pair import ChosenSide
from domain.survivorship.rules import PrimaryWins, Rule, SameSideAs
from domain.survivorship.rulesets import DEFAULT_RULE, rules_for


class Survived(NamedTuple):
    """Every property's decision, both sides' values by the record they were set on, and names empty on both sides."""

    decisions: list[Decided]
    values: dict[RecordId, dict[str, Value]]
    empty: tuple[str, ...]


def surviving_values(  # noqa: PLR0913, PLR0917  the whole of what decides, and nothing else
    account: Account,
    object_type: str,
    primary: Record,
    secondary: Record,
    choices: Mapping[str, ChosenSide],
    result_id: RecordId,
    at: datetime,
) -> Survived:
    """Decide every property that has a value on a side, or was chosen. Raises SumOutOfRange."""
    rules = rules_for(account, object_type)
    theirs, others = primary.properties, secondary.properties
    values = {**_by_origin(primary), **_by_origin(secondary)}
    origins, other_origins = primary.origins, secondary.origins
    own, other_own = primary.record_id, secondary.record_id
    names = [*theirs, *(name for name in others if name not in theirs)]
    if choices:
        names += [name for name in choices if name not in theirs and name not in others]
    decisions: list[Decided] = []
    beyond: list[str] = []
    one_of, other_of, rule_of = theirs.get, others.get, rules.get
    for name in names:  # Hot: every property of every merge, so the common rule is decided here without calls.
        one, other = one_of(name), other_of(name)
        source = None if one is None else origins.get(name, own) if origins else own
        other_source = None if other is None else other_origins.get(name, other_own) if other_origins else other_own
        if choices and name in choices:
            decisions.append(Decided(name, choices[name], "H10", "user_choice", source, other_source, True))  # noqa: FBT003  chosen
            continue
        rule = rule_of(name, DEFAULT_RULE)
        side: Side
        if isinstance(rule, SameSideAs):
            leader = _leading_side(rules, rule.other, account, choices, theirs, others)
            if leader is not None:
                decisions.append(Decided(name, leader, rule.rule, rule.name, source, other_source))
                continue
            rule = DEFAULT_RULE
        if rule.__class__ is PrimaryWins:
            if one is not None:
                decisions.append(Decided(name, "primary", rule.rule, "primary_wins", source, other_source))
            else:
                rule_id = "H09" if rule is DEFAULT_RULE else rule.rule
                decisions.append(Decided(name, "secondary", rule_id, "fills_empty", source, other_source))
            continue
        combined = None
        try:
            combined = rule.combine(one, other, account)
        except OverflowError:
            beyond.append(name)
        if combined is not None:
            side = combined.side
            values.setdefault(result_id, {})[name] = Value(combined.v, at)
        elif one is None or other is None:
            side = "secondary" if one is None else "primary"
        else:
            side = "secondary" if rule.prefers_secondary(one, other, account) else "primary"
        decisions.append(Decided(name, side, rule.rule, rule.name, source, other_source))
    if beyond:
        raise SumOutOfRange(beyond)
    return Survived(decisions, values, _empty_on_both(primary, secondary))


def _leading_side(  # noqa: PLR0913, PLR0917  what decides the property that leads
    rules: Mapping[str, Rule],
    name: str,
    account: Account,
    choices: Mapping[str, ChosenSide],
    theirs: Mapping[str, Value],
    others: Mapping[str, Value],
) -> ChosenSide | None:
    """Return the side that another property is kept from; None when neither has a value."""
    if name in choices:
        return choices[name]
    one, other = theirs.get(name), others.get(name)
    if one is None or other is None:
        return "primary" if one is not None else "secondary" if other is not None else None
    return "secondary" if rules.get(name, DEFAULT_RULE).prefers_secondary(one, other, account) else "primary"


def _by_origin(record: Record) -> dict[RecordId, dict[str, Value]]:
    """Return a record's values by the record that each was set on."""
    if not record.origins:
        return {record.record_id: record.properties} if record.properties else {}
    values: dict[RecordId, dict[str, Value]] = {}
    for name, value in record.properties.items():
        values.setdefault(record.origins.get(name, record.record_id), {})[name] = value
    return values


def _empty_on_both(primary: Record, secondary: Record) -> tuple[str, ...]:
    """Names that were set once on a side and have no value on either: known, so that they can be chosen."""
    if not primary.empty_properties and not secondary.empty_properties:
        return ()
    once = dict.fromkeys((*primary.empty_properties, *secondary.empty_properties))
    return tuple(name for name in once if name not in primary.properties and name not in secondary.properties)
