"""Layer: domain. Settings, object types, segments and workflows: what an account defines."""

from msgspec import UNSET
from msgspec.structs import asdict

from domain.decisions.context import Deciding
from domain.language import events as e
from domain.language import streams
from domain.language.commands import Command, ConfigureAccount, DefineObjectType, PropertyDefinition
from domain.language.refusals import InvalidProperty, RuleIsFixed
from domain.language.values import PropertyType
from domain.language.warned import unique_from_now_on
from domain.state.account import KNOWN_PROPERTIES
from domain.state.claims import PRIMARY_IDENTIFIERS
from domain.survivorship.rulesets import ACCOUNT_RULES, CREATE_DATE, is_system_owned

_SETTINGS = frozenset(ConfigureAccount.__struct_fields__) - frozenset(Command.__struct_fields__)


def configure_account(deciding: Deciding, command: ConfigureAccount) -> None:
    """Change the settings that the command names."""
    named = {name: v for name, v in asdict(command).items() if name in _SETTINGS and v is not UNSET}
    if command.subscriptions is not UNSET:
        named["subscriptions"] = {hub: v for hub, v in asdict(command.subscriptions).items() if v is not UNSET}
    for name in ("lifecycle_stages", "activated_object_types"):
        if name in named:
            named[name] = tuple(named[name])
    if named:
        deciding.emit(streams.settings(deciding.account_id), e.AccountConfigured(**named, **deciding.fields()))


def define_object_type(deciding: Deciding, command: DefineObjectType) -> None:
    """Define a custom type, or add properties to any type; properties that the ledger owns are refused."""
    object_type = command.object_type
    known = KNOWN_PROPERTIES.get(object_type, {})
    if owned := [
        name
        for name in command.properties
        if is_system_owned(object_type, name) or name == CREATE_DATE or name == PRIMARY_IDENTIFIERS.get(object_type)
    ]:
        raise RuleIsFixed(owned)
    before = deciding.account.definitions(object_type)
    for name, definition in command.properties.items():
        if (why := _why_not(known.get(name), before.get(name), definition)) is not None:
            raise InvalidProperty(name, why)
    if deciding.account.knows_type(object_type):  # Its records may have values already.
        for name, definition in command.properties.items():
            if definition.unique and name not in before:
                deciding.warn(unique_from_now_on(name))
    deciding.emit(
        streams.settings(deciding.account_id),
        e.ObjectTypeDefined(
            object_type=object_type, label=command.label, properties=command.properties, **deciding.fields()
        ),
    )


def _why_not(known: PropertyType | None, before: PropertyDefinition | None, new: PropertyDefinition) -> str | None:
    """Return what is wrong with a property's definition; None if nothing is."""
    kind = known or new.type
    if known is not None and new.type not in ("string", known):
        return f"is of type {known} and stays so"
    if before is not None and before.unique != new.unique:  # Its stored values are claimed already, or are not.
        return f"is {'unique' if before.unique else 'not unique'} and stays so"
    rule = None if new.rule is None else ACCOUNT_RULES[new.rule]
    if rule is not None and rule.accepts not in (None, kind):
        return f"rule {rule.name} needs type {rule.accepts}"
    if rule is not None and new.unique and rule.combines:
        return f"a unique property keeps one side's value, which rule {rule.name} does not"
    return None
