"""Layer: cli. Settings: flag, then environment, then `./merge-ledger.toml`, then the user's file, then the default.

Each value keeps its origin, so that `status` can show it. An unknown name in a file is reported as
a mistake, because a misspelt setting must not be ignored.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from cli.session.exits import Mistake
from cli.session.kafka_settings import KAFKA, SECRETS, text
from cli.session.masking import MASK, masked_place
from cli.session.settings_files import FILE_NAME, read_file, read_file_here, user_file
from domain.language.ids import is_id
from ledger.naming import why_not_a_name

FORMATS: Final = ("json", "jsonl", "csv", "table")
ENVIRONMENT_PREFIX: Final = "MERGE_LEDGER_"

_SPOKEN_BOOLS = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


class Known(NamedTuple):
    """A setting that exists: how its text is read, what it is for, and its default."""

    read: Callable[[Any], Any]
    meaning: str
    default: Any = None


class Setting(NamedTuple):
    """A setting's value and where it came from."""

    name: str
    value: Any
    origin: str

    @property
    def shown(self) -> Any:  # noqa: ANN401  each setting has its own type
        """The value, without a password that it is or holds."""
        if self.name in SECRETS and self.value is not None:
            return MASK
        return masked_place(self.value) if isinstance(self.value, str) else self.value


@dataclass(frozen=True)
class Settings:
    """All settings, from flags, environment and files."""

    db: str
    account: str
    output: str | None
    catch_up: bool
    actor: str | None
    health: str | None
    kafka: Mapping[str, Any]
    origins: tuple[Setting, ...]
    ignored: str | None = None  # A file that was not read, and why.
    names_ledger: bool = True  # Whether the user named the ledger; the default and a file in this folder do not count.

    @property
    def names_kafka(self) -> bool:
        """Whether any setting of Kafka has been set."""
        return any(one.name in KAFKA and one.origin != "default" for one in self.origins)


def _ledger(value: object) -> str:
    """Read the name of a ledger: a path, or the URL of a PostgreSQL database."""
    named = text(value)
    why = why_not_a_name(named)
    if why is not None:
        raise ValueError(why)
    return named


def _id(value: object) -> str:
    if not isinstance(value, str) or not is_id(value):
        msg = "expected 1 to 64 of A-Z a-z 0-9 _ . -"
        raise ValueError(msg)
    return value


def _format(value: object) -> str:
    if value not in FORMATS:
        msg = f"expected one of {', '.join(FORMATS)}"
        raise ValueError(msg)
    return str(value)


def _bool(value: object) -> bool:
    if isinstance(value, str):
        value = _SPOKEN_BOOLS.get(value.lower())
    if not isinstance(value, bool):
        msg = "expected true or false"
        raise ValueError(msg)  # noqa: TRY004  one kind of error for all that cannot be read
    return value


KNOWN: Final[dict[str, Known]] = {
    "db": Known(_ledger, "the ledger: a SQLite file, or the URL of a PostgreSQL database", default="./ledger.db"),
    "account": Known(_id, "the account to read, and of commands that name none", default="main"),
    "output": Known(_format, "json, jsonl, csv or table; by default a table on a terminal, jsonl in a pipe"),
    "catch_up": Known(_bool, "whether a reading command first brings the projections up to date", default=True),
    "actor": Known(text, "who asks, in merges made by `merge`"),
    "health": Known(text, "host:port where a worker serves its health and metrics"),
    **{name: Known(*about) for name, about in KAFKA.items()},
}


class _Source(NamedTuple):
    """Where settings come from."""

    origin: str
    values: Mapping[str, Any]


def resolve(
    flags: Mapping[str, Any], *, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Settings:
    """Resolve every setting; `flags` has the command line's values, None for those not given."""
    environment = os.environ if environment is None else environment
    here = (Path() if folder is None else folder) / FILE_NAME
    found_here, ignored = read_file_here(here, KNOWN)
    user = user_file(environment)
    sources = [
        *_said(flags, environment),
        _Source(_shown(here), found_here),
        *([_Source(_shown(user), read_file(user, KNOWN))] if user else []),
    ]
    settled = [_settle(name, known, sources) for name, known in KNOWN.items()]
    values = {setting.name: setting.value for setting in settled}
    kafka = {name: values.pop(name) for name in KAFKA}
    return Settings(
        **values,
        kafka=kafka,
        origins=tuple(settled),
        ignored=ignored,
        names_ledger=all(one.origin not in {"default", _shown(here)} for one in settled if one.name == "db"),
    )


def _said(flags: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[_Source]:
    """Yield the values from flags, then from the environment."""
    for name in KNOWN:
        if flags.get(name) is not None:
            yield _Source(f"--{name.replace('_', '-')}", {name: flags[name]})
    for name in KNOWN:
        variable = ENVIRONMENT_PREFIX + name.upper()
        if environment.get(variable):
            yield _Source(variable, {name: environment[variable]})


def _shown(path: Path) -> str:
    """Write a path as text, whatever its bytes are."""
    return os.fsencode(path).decode(errors="replace")


def _settle(name: str, known: Known, sources: list[_Source]) -> Setting:
    for origin, values in sources:
        if name in values:
            try:
                return Setting(name, known.read(values[name]), origin)
            except ValueError as error:
                msg = f"{origin}: {name}: {error}"
                raise Mistake(msg) from None
    return Setting(name, known.default, "default")
