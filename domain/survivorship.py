"""Layer: domain. Survivorship: which side's value of each property the merged record keeps, and why.

Pure. Precedence: rules of the system, then the user's choice, then the type's or account's own
rule, then the primary's value, then the secondary's (H08 to H11).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

from domain.account import Account
from domain.events import Decided, Side
from domain.ids import RecordId
from domain.record import Record
from domain.rulesets import (
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
from domain.values import Plain, Value, read_instant

ChosenSide: TypeAlias = Literal["primary", "secondary"]


class Survived(NamedTuple):
    """Every property's decision, both sides' values by the record they were set on, and names empty on both sides."""

    decisions: list[Decided]
    values: dict[RecordId, dict[str, Value]]
    empty: tuple[str, ...]


class _Outcome(NamedTuple):
    side: Side
    rule: str
    name: str
    computed: Plain = None


class _Sides(NamedTuple):
    account: Account
    rules: Mapping[str, Rule]
    choices: Mapping[str, ChosenSide]
    primary: Record
    secondary: Record


def surviving_values(  # noqa: PLR0913, PLR0917  the whole of what decides, and nothing else
    account: Account,
    object_type: str,
    primary: Record,
    secondary: Record,
    choices: Mapping[str, ChosenSide],
    result_id: RecordId,
    at: datetime,
) -> Survived:
    """Decide every property that has a value on a side, or was chosen."""
    rules = rules_for(account, object_type)
    sides = _Sides(account, rules, choices, primary, secondary)
    decisions: list[Decided] = []
    theirs, others = primary.properties, secondary.properties
    values = {**_by_origin(primary), **_by_origin(secondary)}
    origins, other_origins = primary.origins, secondary.origins
    own, other_own = primary.record_id, secondary.record_id
    names = [*theirs, *(name for name in others if name not in theirs)]
    if choices:
        names += [name for name in choices if name not in theirs and name not in others]
    for name in names:
        one, other = theirs.get(name), others.get(name)
        source = None if one is None else origins.get(name, own)
        other_source = None if other is None else other_origins.get(name, other_own)
        if name in choices:
            decisions.append(Decided(name, choices[name], "H10", "user_choice", source, other_source, chosen=True))
            continue
        rule = rules.get(name, DEFAULT_RULE)
        if not isinstance(rule, PrimaryWins):
            out = _decide(rule, one, other, sides)
            decisions.append(Decided(name, out.side, out.rule, out.name, source, other_source))
            if out.side in {"computed", "both"}:
                values.setdefault(result_id, {})[name] = Value(out.computed, at)
        elif one is not None:
            decisions.append(Decided(name, "primary", rule.rule, "primary_wins", source, other_source))
        else:
            said = "H09" if rule is DEFAULT_RULE else rule.rule
            decisions.append(Decided(name, "secondary", said, "fills_empty", source, other_source))
    return Survived(decisions, values, _empty_on_both(primary, secondary))


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


def _decide(rule: Rule, one: Value | None, other: Value | None, sides: _Sides) -> _Outcome:  # noqa: C901, PLR0911, PLR0912  one case a rule
    def side(which: ChosenSide) -> _Outcome:
        return _Outcome(which, rule.rule, rule.name)

    match rule:
        case Sum():
            return _Outcome("computed", rule.rule, rule.name, _number(one) + _number(other))
        case SameSideAs() if (leader := _leading_side(rule.other, sides)) is not None:
            return side(leader)
        case MostMarketable() if not sides.account.marketing_contacts:
            return _Outcome("primary", "H08", "primary_wins") if one else _Outcome("secondary", "H09", "fills_empty")
        case _:
            pass
    if one is None or other is None:
        return side("secondary" if one is None else "primary")
    match rule:
        case OldestInstant():
            return side("secondary" if _instant(other) < _instant(one) else "primary")
        case FurthestInFunnel():
            stages = sides.account.lifecycle_stages
            return side("secondary" if _rank(stages, other.v) > _rank(stages, one.v) else "primary")
        case MostMarketable():
            return side("secondary" if other.v is True and one.v is not True else "primary")
        case OldestUnlessManual():
            return side(_oldest_unless_manual(one, other))
        case LatestOfBoth() if sides.account.legal_basis == "multiple":
            return _Outcome("both", rule.rule, rule.name, _union(one, other))
        case Union():
            return _Outcome("both", rule.rule, rule.name, _union(one, other))
        case LatestOfBoth() | MostRecent():
            return side("secondary" if other.at > one.at else "primary")
        case Oldest():
            return side("secondary" if other.at < one.at else "primary")
        case Highest():
            return side("secondary" if _comparable(other.v) > _comparable(one.v) else "primary")
        case Lowest():
            return side("secondary" if _comparable(other.v) < _comparable(one.v) else "primary")
    return side("primary")


def _leading_side(name: str, sides: _Sides) -> ChosenSide | None:
    """Which side another property is kept from; None where that does not tell a side."""
    if name in sides.choices:
        return sides.choices[name]
    one, other = sides.primary.value(name), sides.secondary.value(name)
    if one is None and other is None:
        return None
    led = _decide(sides.rules.get(name, DEFAULT_RULE), one, other, sides).side
    return led if led in ("primary", "secondary") else None


def _oldest_unless_manual(one: Value, other: Value) -> ChosenSide:
    if (one.source == "manual") != (other.source == "manual"):
        return "primary" if one.source == "manual" else "secondary"
    if one.source == "manual":
        return "primary"
    return "secondary" if other.at < one.at else "primary"


def _number(value: Value | None) -> int | float:
    if value is not None and isinstance(value.v, int | float):
        return value.v
    return 0


def _instant(value: Value) -> datetime:
    return read_instant(str(value.v))


def _rank(stages: tuple[str, ...], stage: Plain) -> int:
    return stages.index(stage) if isinstance(stage, str) and stage in stages else -1


def _comparable(v: Plain) -> tuple[int, float, str]:
    """Numbers before instants before text; each by its own order."""
    if isinstance(v, int | float):
        return 0, v, ""
    try:
        return 1, read_instant(str(v)).timestamp(), ""
    except ValueError:
        return 2, 0, str(v)


def _union(one: Value, other: Value) -> list[str]:
    return list(dict.fromkeys((*_elements(one.v), *_elements(other.v))))


def _elements(v: Plain) -> list[str]:
    if isinstance(v, list):
        return v
    return [part.strip() for part in str(v).split(";") if part.strip()]
