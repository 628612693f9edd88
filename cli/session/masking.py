"""Layer: cli. Text without the secrets that URLs and connection strings in it hold.

Shown is what is known to be no secret. Any other parameter may be one, and is masked; where it is not
clear what belongs to a password, too much is masked.
"""

import re
from typing import Final
from urllib.parse import unquote

MASK: Final = "***"
# Parameters of libpq that say where a server is and how it is spoken to. `options` holds anything, and is not one.
_NO_SECRETS: Final = frozenset(
    {
        "host", "hostaddr", "port", "dbname", "user", "passfile", "service", "servicefile",
        "application_name", "fallback_application_name", "client_encoding", "connect_timeout", "tcp_user_timeout",
        "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "sslmode", "sslnegotiation", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "sslcertmode",
        "ssl_min_protocol_version", "ssl_max_protocol_version", "requirepeer", "channel_binding", "require_auth",
        "gssencmode", "gssdelegation", "krbsrvname", "target_session_attrs", "load_balance_hosts",
    }
)  # fmt: skip
# Each begins to match once per word or scheme, so that a long word without a secret costs no more than it is long.
_URL: Final = re.compile(r"\b([A-Za-z][A-Za-z0-9+.\-]{0,30}://)(\S*?)(?=[\"'`;,.:)\]>]*(?:\s|$))")
_SECRET: Final = re.compile(
    r"(?<![\w%\-])(?P<name>[\w%\-]*(?:passw|pwd|secret|token|scram|credential|api_?key)[\w%\-]*)(?P<is>\s*=\s*)(?!\*\*\*)"
    r"(?P<value>'(?:[^'\\]|\\.)*'?|\"[^\"]*\"?|[^\s&]+)",
    re.IGNORECASE,
)
_PAIR: Final = re.compile(r"(?<![\w%\-])(?P<name>[\w%\-]+)(?P<is>\s*=\s*)(?P<value>'(?:[^'\\]|\\.)*'?|\S+)")


def masked(text: str) -> str:
    """Mask the secrets of every URL in a text, and of every `password=…` and its like."""
    return _SECRET.sub(rf"\g<name>\g<is>{MASK}", _URL.sub(lambda found: found[1] + _masked_url(found[2]), text))


def masked_place(value: str) -> str:
    """Mask the secrets of one whole value: a URL, or `name=value` pairs as libpq reads them, or a path."""
    scheme, is_url, rest = value.partition("://")
    if is_url:
        return f"{scheme}://{_masked_url(rest)}"
    names = {found["name"].lower() for found in _PAIR.finditer(value)}
    if names & _NO_SECRETS or _SECRET.search(value):
        return _PAIR.sub(lambda found: found["name"] + found["is"] + _shown(found["name"], found["value"]), value)
    return value


def _masked_url(rest: str) -> str:
    """Mask what follows `scheme://`: the password before the host, and parameters."""
    place, is_asked, query = rest.partition("?")
    pairs = query.split("&") if is_asked else []
    if "@" in query and any("=" not in pair for pair in pairs):  # The question mark is part of a password.
        place, is_asked, pairs = rest, "", []
    who, is_somebody, where = place.rpartition("@")
    user, has_password, _ = who.partition(":")
    shown = f"{user}:{MASK}@{where}" if has_password else f"{who}{is_somebody}{where}"
    return shown + is_asked + "&".join(_masked_pair(pair) for pair in pairs)


def _masked_pair(pair: str) -> str:
    name, is_given, value = pair.partition("=")
    return name + is_given + _shown(name, value) if is_given else MASK


def _shown(name: str, value: str) -> str:
    return value if unquote(name).strip().lower() in _NO_SECRETS else MASK
