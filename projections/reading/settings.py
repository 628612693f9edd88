"""Layer: projections. An account's effective settings, each with where it comes from."""

from typing import Any, Final

from domain.language import events as e
from domain.language import streams
from domain.state import account as accounts
from domain.state.account import HUBS, Account
from projections.reading import shapes
from projections.reading.as_of import Moment

_NAMES: Final = tuple(name for name in Account.__struct_fields__ if name != "object_types")


def known_types(moment: Moment) -> list[str]:
    """List the account's object types, its own among them."""
    events = (
        moment.ledger.decode(stored) for stored in moment.ledger.stream(streams.settings(moment.account), moment.at)
    )
    defined = {event.object_type for event in events if isinstance(event, e.ObjectTypeDefined)}
    return sorted({*accounts.STANDARD_TYPES, *accounts.OPTIONAL_TYPES, *defined})


def effective(moment: Moment) -> Account:
    """Fold an account's settings at a moment."""
    account: Account | None = None
    for stored in moment.ledger.stream(streams.settings(moment.account), moment.at):
        account = accounts.evolve(account, moment.ledger.decode(stored))
    return account if account is not None else accounts.DEFAULT_SETTINGS


def read_account(moment: Moment) -> shapes.AccountShown:
    """Show an account's settings at a moment: few events, folded from the ledger."""
    account: Account | None = None
    set_by: dict[str, tuple[str, int]] = {}
    for stored in moment.ledger.stream(streams.settings(moment.account), moment.at):
        event = moment.ledger.decode(stored)
        account = accounts.evolve(account, event)
        here = event.command_id, stored.position
        match event:
            case e.AccountConfigured():
                set_by.update({name: here for name in _NAMES if getattr(event, name) is not None})
            case e.ObjectTypeDefined():
                set_by["object_types"] = here
            case _:
                pass
    found = account if account is not None else accounts.DEFAULT_SETTINGS
    settings: dict[str, Any] = {name: getattr(found, name) for name in (*_NAMES, "object_types")}
    settings["subscriptions"] = {hub: found.plan(hub) for hub in HUBS}
    return shapes.AccountShown(
        account=moment.account,
        position=moment.at,
        settings={name: _setting(value, set_by.get(name)) for name, value in settings.items()},
    )


def _setting(value: object, set_by: tuple[str, int] | None) -> shapes.Setting:
    if set_by is None:
        return shapes.Setting(value=value, origin="default")
    command_id, position = set_by
    return shapes.Setting(value=value, origin="command", command_id=command_id, position=position)
