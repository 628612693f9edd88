"""Layer: domain. Survivorship: which side's value of each property the merged record keeps, and why.

Pure. Precedence: rules of the system, then the user's choice, then the type's or account's own
rule, then the primary's value, then the secondary's (H08 to H11).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final, NamedTuple

from domain.language.events import Decided, Side
from domain.language.ids import RecordId
from domain.language.refusals import SumOutOfRange
from domain.language.values import Plain, Value, as_text, exact_sum, read_instant, read_typed
from domain.state.account import Account
from domain.state.lifecycle import rank
from domain.state.record import Record
from domain.survivorship.pair import ChosenSide
from domain.survivorship.rulesets import (
    DEFAULT_RULE,
    FurthestInFunnel,
    Highest,
    LatestOfBoth,
    Lowest,
    MostMarketable,
    MostRecent,
    Oldest,
    OldestInstant,
    OldestUnlessManual,
    PrimaryWins,
    Rule,
    SameSideAs,
    Sum,
    Union,
    rules_for,
)


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
    for name in names:  # Every property of every merge comes by here: no calls for the common rules.
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
        kept = rule.__class__
        if kept is PrimaryWins:
            if one is not None:
                decisions.append(Decided(name, "primary", rule.rule, "primary_wins", source, other_source))
            else:
                said = "H09" if rule is DEFAULT_RULE else rule.rule
                decisions.append(Decided(name, "secondary", said, "fills_empty", source, other_source))
            continue
        if kept is Sum and (total := _total(name, one, other, beyond)) is not None:
            side = "computed"
            values.setdefault(result_id, {})[name] = Value(total, at)
        elif one is None or other is None:
            side = "secondary" if one is None else "primary"
        elif kept is Union or (kept is LatestOfBoth and account.legal_basis == "multiple"):
            side = "both"
            values.setdefault(result_id, {})[name] = Value(_union(one, other), at)
        else:
            side = "secondary" if PREFERS_SECONDARY[kept](one, other, account) else "primary"
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
    """Which side another property is kept from; None where both sides have none."""
    if name in choices:
        return choices[name]
    one, other = theirs.get(name), others.get(name)
    if one is None or other is None:
        return "primary" if one is not None else "secondary" if other is not None else None
    prefers_secondary = PREFERS_SECONDARY.get(type(rules.get(name, DEFAULT_RULE)))
    return "secondary" if prefers_secondary is not None and prefers_secondary(one, other, account) else "primary"


def _by_origin(record: Record) -> dict[RecordId, dict[str, Value]]:
    """Gather a record's values by the record that each was set on."""
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


def _first_unless_manual(one: Value, other: Value) -> bool:
    if (one.source == "manual") != (other.source == "manual"):
        return other.source == "manual"
    return one.source != "manual" and other.at < one.at


def _total(name: str, one: Value | None, other: Value | None, beyond: list[str]) -> int | float | None:
    """Add up both sides, an empty one as 0. None where one, set before its property had a type, is no number.

    None too where no number holds the sum: `name` is then added to `beyond`.
    """
    try:
        numbers = [read_typed("number", value.v) for value in (one, other) if value is not None]
        return exact_sum(number for number in numbers if isinstance(number, int | float))
    except OverflowError:
        beyond.append(name)
    except ValueError:
        pass
    return None


def _instant(value: Value) -> datetime:
    return read_instant(str(value.v))


def _comparable(v: Plain) -> tuple[int, float, str]:
    """Numbers before instants before text; each by its own order. Text of digits is a number, as filters have it."""
    if isinstance(v, int | float):
        return 0, v, ""
    with suppress(ValueError):
        if isinstance(number := read_typed("number", v), int | float):
            return 0, number, ""
    try:
        return 1, read_instant(str(v)).timestamp(), ""
    except ValueError:
        return 2, 0, str(v)


def _union(one: Value, other: Value) -> list[str]:
    return list(dict.fromkeys((*_elements(one.v), *_elements(other.v))))


def _elements(v: Plain) -> list[str]:
    if v is None or isinstance(v, list):
        return v or []
    return [part.strip() for part in v.split(";") if part.strip()] if isinstance(v, str) else [as_text(v)]


# When each rule keeps the secondary's value, where both sides have one; a tie is the primary's.
PREFERS_SECONDARY: Final[Mapping[type[Rule], Callable[[Value, Value, Account], bool]]] = {
    OldestInstant: lambda one, other, _: _instant(other) < _instant(one),
    FurthestInFunnel: lambda one, other, account: rank(account, other.v) > rank(account, one.v),
    MostMarketable: lambda one, other, _: other.v is True and one.v is not True,
    OldestUnlessManual: lambda one, other, _: _first_unless_manual(one, other),
    LatestOfBoth: lambda one, other, _: other.at > one.at,
    MostRecent: lambda one, other, _: other.at > one.at,
    Oldest: lambda one, other, _: other.at < one.at,
    Highest: lambda one, other, _: _comparable(other.v) > _comparable(one.v),
    Lowest: lambda one, other, _: _comparable(other.v) < _comparable(one.v),
    Sum: lambda _one, _other, _account: False,  # Where one of them is no number.
}
