"""Layer: domain. The user's choices for a merge: sides, or literals that must equal a side (H10, H11)."""

from domain.decisions.context import Deciding
from domain.decisions.properties import read_plain
from domain.language.commands import Choice, MergeRecords
from domain.language.refusals import InvalidProperty, PropertyNotChoosable, UnknownProperty, ValueNotFromEither
from domain.language.values import Dressed, Plain, is_empty
from domain.merge.effects import Sides
from domain.state.account import KNOWN_PROPERTIES, READ_ONLY
from domain.state.claims import PRIMARY_IDENTIFIERS
from domain.state.record import Record
from domain.survivorship.rulesets import CREATE_DATE, is_system_owned
from domain.survivorship.surviving import ChosenSide


def chosen_sides(deciding: Deciding, command: MergeRecords, sides: Sides) -> dict[str, ChosenSide]:
    """Read the user's choices as sides, or refuse them, naming every property at fault."""
    if not command.choices:
        return {}
    object_type, account = sides.object_type, deciding.account
    defined = {*KNOWN_PROPERTIES.get(object_type, {}), *account.definitions(object_type), *READ_ONLY, CREATE_DATE}
    ever_set = {name for side in sides.both for name in (*side.properties, *side.empty_properties)}
    if unknown := [name for name in command.choices if name not in defined and name not in ever_set]:
        raise UnknownProperty(unknown)
    read = {name: _read_choice(deciding, sides, name, choice) for name, choice in command.choices.items()}
    fixed = [
        name
        for name, side in read.items()
        if is_system_owned(object_type, name)
        or (
            name == PRIMARY_IDENTIFIERS.get(object_type) and side is not None and _side(sides, side).value(name) is None
        )
    ]
    if fixed:
        raise PropertyNotChoosable(fixed)
    chosen = {name: side for name, side in read.items() if side is not None}
    if foreign := [name for name in read if name not in chosen]:
        raise ValueNotFromEither(foreign)
    return chosen


def _side(sides: Sides, side: ChosenSide) -> Record:
    return sides.primary if side == "primary" else sides.secondary


def _read_choice(deciding: Deciding, sides: Sides, name: str, choice: Choice) -> ChosenSide | None:
    if choice == "primary":
        return "primary"
    if choice == "secondary":
        return "secondary"
    sent: Plain = choice.value if isinstance(choice, Dressed) else choice
    try:
        read = read_plain(deciding.account, sides.object_type, name, choice)
    except InvalidProperty:
        return None
    for side in ("primary", "secondary"):
        value = _side(sides, side).value(name)
        kept = None if value is None else value.v
        if _is_same(kept, read) or _is_same(kept, sent):  # Stored before the account wrote it so.
            return side
    return None


def _is_same(kept: Plain, literal: Plain) -> bool:
    if is_empty(literal):
        return kept is None
    return kept == literal and isinstance(kept, bool) == isinstance(literal, bool)
