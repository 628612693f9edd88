"""Layer: ledger. Reads how a ledger is named: the path of a SQLite file, or the URL of a PostgreSQL database.

What looks like neither is refused before anything is opened. Used as a path it would become a file
in the current folder, whose name may hold a password. Imports nothing heavy, for settings are read by `--help` too.
"""

import re
from enum import Enum
from typing import Final


class Kind(Enum):
    """A kind of database that can hold a ledger."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


# How a URL of each kind begins; what begins with none of them is the path of a SQLite file.
_SCHEMES: Final = {"postgresql://": Kind.POSTGRES, "postgres://": Kind.POSTGRES}

# The parameters of libpq with which a connection string may begin; a path of such a name is written `./host=a`.
_PARAMETERS: Final = frozenset(
    {
        "host", "hostaddr", "port", "dbname", "database", "user", "username", "server", "data source", "uid",
        "passfile", "service", "servicefile", "options", "application_name", "connect_timeout", "client_encoding",
        "sslmode", "sslcert", "sslkey", "sslrootcert", "target_session_attrs", "replication", "gssencmode",
    }
)  # fmt: skip
_PAIR: Final = re.compile(r"\s*(?P<name>[A-Za-z_ ]+?)\s*=")
_SECRET: Final = re.compile(r"(?:passw\w*|pwd|secret)\s*=", re.IGNORECASE)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:/|(?:file|jdbc|sqlite\w*|postgres\w*):", re.IGNORECASE)
_QUOTES: Final = "'\" \t\r\n"

_URL_EXPECTED: Final = "name a PostgreSQL database by postgresql://USER@HOST/DATABASE"


def kind_of(db: str) -> Kind:
    """Return the kind of database that this names."""
    return next((kind for scheme, kind in _SCHEMES.items() if db.startswith(scheme)), Kind.SQLITE)


def is_file(db: str) -> bool:
    """Whether this names a file, and not a database on a server."""
    return kind_of(db) is Kind.SQLITE


def why_not_a_name(db: str) -> str | None:
    """Say why this names no ledger, without repeating any of it; None where it is a path or a URL that is known."""
    if not is_file(db):
        return None
    bare = db.strip(_QUOTES)
    if not is_file(bare):
        return "a URL with quotes or blanks around it; leave them out"
    if _SCHEME.match(bare) or "://" in bare:
        return f"a URL of a kind that is not known; {_URL_EXPECTED}, and a SQLite file by its path alone"
    if bare.lower() == ":memory:":
        return "a database in memory, which would be lost when the command ends; name a file"
    first = _PAIR.match(bare)
    if (first and first["name"].lower() in _PARAMETERS) or _SECRET.search(bare):
        return f"a connection string of name=value pairs, which is not read; {_URL_EXPECTED}"
    return None
