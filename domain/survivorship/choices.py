"""Layer: domain. The user's choices for a merge: sides, or literals that must equal a side (H10, H11)."""

from collections.abc import Mapping

from domain.language.commands import Choice
from domain.language.refusals import InvalidProperty, PropertyNotChoosable, UnknownProperty, ValueNotFromEither
from domain.language.values import Dressed, Plain, is_empty
from domain.state.account import KNOWN_PROPERTIES, Account
from domain.state.claims import PRIMARY_IDENTIFIERS
from domain.state.computed import READ_ONLY
from domain.state.typed_values import read_plain
from domain.survivorship.pair import ChosenSide, Pair
from domain.survivorship.rulesets import CREATE_DATE, is_system_owned


def chosen_sides(account: Account, pair: Pair, choices: Mapping[str, Choice]) -> dict[str, ChosenSide]:
    """Read the user's choices as sides, or refuse them, naming every property at fault."""
    if not choices:
        return {}
    object_type = pair.object_type
    defined = {*KNOWN_PROPERTIES.get(object_type, {}), *account.definitions(object_type), *READ_ONLY, CREATE_DATE}
    ever_set = {name for side in pair.both for name in (*side.properties, *side.empty_properties)}
    if unknown := [name for name in choices if name not in defined and name not in ever_set]:
        raise UnknownProperty(unknown)
    read = {name: _read_choice(account, pair, name, choice) for name, choice in choices.items()}
    fixed = [
        name
        for name, side in read.items()
        if is_system_owned(object_type, name)
        or (name == PRIMARY_IDENTIFIERS.get(object_type) and side is not None and pair.side(side).value(name) is None)
    ]
    if fixed:
        raise PropertyNotChoosable(fixed)
    chosen = {name: side for name, side in read.items() if side is not None}
    if foreign := [name for name in read if name not in chosen]:
        raise ValueNotFromEither(foreign)
    return chosen


def _read_choice(account: Account, pair: Pair, name: str, choice: Choice) -> ChosenSide | None:
    if choice == "primary":
        return "primary"
    if choice == "secondary":
        return "secondary"
    sent: Plain = choice.value if isinstance(choice, Dressed) else choice
    try:
        read = read_plain(account, pair.object_type, name, choice)
    except InvalidProperty:
        return None
    for side in ("primary", "secondary"):
        value = pair.side(side).value(name)
        kept = None if value is None else value.v
        if _is_same(kept, read) or _is_same(kept, sent):  # Stored before the account wrote it so.
            return side
    return None


def _is_same(kept: Plain, literal: Plain) -> bool:
    if is_empty(literal):
        return kept is None
    return kept == literal and isinstance(kept, bool) == isinstance(literal, bool)
