"""Layer: domain. Addresses and domains: how they are written before they are stored and compared.

Whoever reads an address or domain, from a command, a filter or the command line, reads it here, so
that two spellings of one are one.
"""

import re
import unicodedata
from typing import Final

from domain.language.values import Plain, is_empty
from domain.state.claims import PRIMARY_IDENTIFIERS

# What stands invisibly at the ends of copied text: byte order mark, zero-width characters, direction marks.
_INVISIBLE: Final = (
    "\ufeff\u200b\u200c\u200d\u2060\u180e\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_DOTS: Final = re.compile("[\u3002\uff0e\uff61]")  # Of East Asian keyboards; in a domain they are the dot.
_ENCODED: Final = "xn--"
_LABEL_MAX: Final = 63


def normalised(object_type: str, name: str, v: Plain) -> Plain:
    """Write a property's value as it is stored. Raises ValueError, which names no value."""
    if PRIMARY_IDENTIFIERS.get(object_type) != name or not isinstance(v, str) or is_empty(v):
        return v
    return normal_email(v) if name == "email" else normal_domain(v)


def normal_email(text: str) -> str:
    """Write an address as it is stored; one `@` with text on both sides is enough. Raises ValueError."""
    local, at, host = _lower(_bare(text)).partition("@")
    try:
        host = normal_domain(host) if local and at and "@" not in host else ""
    except ValueError:
        host = ""
    if not host or "@" in host:  # A full-width one becomes one.
        msg = "expected an address with one @ and text on both sides"
        raise ValueError(msg)
    return f"{local}@{host}"


def normal_domain(text: str) -> str:
    """Write a domain as it is stored: lower case, Unicode, without its trailing dot (H33). Raises ValueError."""
    text = _bare(_letters(text), at_the_end="." + _INVISIBLE)
    if not text:
        msg = "expected a domain"
        raise ValueError(msg)
    return ".".join(_decoded(label) for label in text.split(".")) if _ENCODED in text else text


def normal_address(text: str) -> str:
    """Write a suppressed address as addresses are stored; what is no email address stays as it is, trimmed."""
    try:
        return normal_email(text)
    except ValueError:
        bare = _bare(text)
        return _lower(bare) if "@" in bare else bare


def _bare(text: str, at_the_end: str = _INVISIBLE) -> str:
    """Drop blanks and invisible characters at both ends, and more at the end."""
    before = None
    while before != text:
        before, text = text, text.strip().lstrip(_INVISIBLE).rstrip(at_the_end)
    return text


def _letters(domain: str) -> str:
    """Write a domain's letters and dots in one way: compatibility forms replaced (NFKC), in lower case."""
    if domain.isascii():
        return domain.lower()
    folded = _lower(unicodedata.normalize("NFKC", _DOTS.sub(".", domain)))
    return unicodedata.normalize("NFKC", folded)


def _lower(text: str) -> str:
    """Lower-case text and compose its accents; each letter by itself, so that a Greek sigma stays one letter."""
    if text.isascii():
        return text.lower()
    lowered = "".join(character.lower() for character in unicodedata.normalize("NFC", text))
    return unicodedata.normalize("NFC", lowered)


def _decoded(label: str) -> str:
    """Decode an encoded label of a domain (`xn--…`); one that says nothing, or not in lower case, stays as it is.

    Decoding (RFC 3492) needs no tables and is one to one. The mapping of IDNA 2003, which is that of
    `encodings.idna`, would make one domain of two that are not the same (`straße` and `strasse`).
    """
    if not label.startswith(_ENCODED) or len(label) > _LABEL_MAX:
        return label
    encoded = label.removeprefix(_ENCODED)
    try:
        decoded = encoded.encode("ascii").decode("punycode")
        is_faithful = decoded.encode("punycode").decode("ascii") == encoded
    except (UnicodeError, ValueError, OverflowError):
        return label
    is_written_so = not decoded.isascii() and decoded.isprintable() and _letters(decoded) == decoded
    return decoded if is_faithful and is_written_so and not set(decoded) & set(".@ ") else label
