"""Layer: domain. Addresses and domains: how they are written before they are stored and compared."""

from domain.claims import PRIMARY_IDENTIFIERS
from domain.values import Plain, is_empty


def normalised(object_type: str, name: str, v: Plain) -> Plain:
    """Write a property's value as it is stored. Raises ValueError, which names no value."""
    if PRIMARY_IDENTIFIERS.get(object_type) != name or not isinstance(v, str) or is_empty(v):
        return v
    return normal_email(v) if name == "email" else normal_domain(v)


def normal_email(text: str) -> str:
    """Trim and lower-case an address; one `@` with text on both sides is enough."""
    text = text.strip().lower()
    local, at, host = text.partition("@")
    if not (local and at and host) or "@" in host:
        msg = "expected an address with one @ and text on both sides"
        raise ValueError(msg)
    return text


def normal_domain(text: str) -> str:
    """Case-fold a domain and drop its trailing dot (H33)."""
    text = text.strip().casefold().rstrip(".")
    if not text:
        msg = "expected a domain"
        raise ValueError(msg)
    return text


def normal_address(text: str) -> str:
    """Write a suppressed address as addresses are stored; what is no email address stays as it is, trimmed."""
    text = text.strip()
    return text.lower() if "@" in text else text
