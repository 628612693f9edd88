"""Layer: domain. Reading one sent value by the type of its property."""

from domain.language.refusals import InvalidProperty
from domain.language.values import Dressed, Plain, Sent, read_typed
from domain.state.account import Account
from domain.state.addresses import normalised
from domain.state.lifecycle import as_written, is_stage


def read_plain(account: Account, object_type: str, name: str, sent: Sent) -> Plain:
    """Read one sent value by its property's type; addresses, domains and stages as they are stored.

    Raises InvalidProperty.
    """
    v = sent.value if isinstance(sent, Dressed) else sent
    kind = account.property_type(object_type, name)
    try:
        v = normalised(object_type, name, v if kind is None else read_typed(kind, v))
    except ValueError as error:
        said = str(error)
        raise InvalidProperty(name, said if said.startswith("expected") else f"expected {kind}") from None
    return as_written(account, v) or v if is_stage(object_type, name) else v
