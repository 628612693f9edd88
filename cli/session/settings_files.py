"""Layer: cli. Reads the two settings files: the one in the current folder, and the user's own.

A folder may have been made by others, or have come in an archive. So its file is read only where nobody
else can write, and sets nothing that could send data or a secret anywhere: see `HERE`.
"""

import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from cli.session.exits import Mistake
from cli.session.trust import doubt

FILE_NAME: Final = "merge-ledger.toml"
HERE: Final = ("db", "account", "output", "catch_up")  # What the file in the current folder can set.
_BYTES_MAX: Final = 1024 * 1024


def user_file(environment: Mapping[str, str]) -> Path | None:
    """Return where the user's own file is; None for a user without a home. Relative paths count as absent."""
    config = Path(environment.get("XDG_CONFIG_HOME", ""))
    if not config.is_absolute():
        try:
            config = Path(environment.get("HOME") or Path.home()) / ".config"
        except RuntimeError:  # The system knows no such user.
            return None
    return config / "merge-ledger" / FILE_NAME if config.is_absolute() else None


def read_file_here(path: Path, known: Collection[str]) -> tuple[dict[str, Any], str | None]:
    """Read the file in the current folder; returns its settings, and why it was ignored where it was."""
    why = doubt(path)
    if why is not None:
        return {}, f"settings file {path} is ignored: {why}" if _may_be_there(path) else None
    found = read_file(path, known)
    for name in found:
        if name not in HERE:
            msg = (
                f"settings file {path}: {name} cannot be set in the current folder; "
                f"set MERGE_LEDGER_{name.upper()}, or write it into your own file in ~/.config/merge-ledger"
            )
            raise Mistake(msg)
    db = found.get("db")
    if isinstance(db, str) and (Path(db).name != db or db == ".."):
        msg = f"settings file {path}: db: expected a file of the current folder, a name without /"
        raise Mistake(msg)
    return found, None


def _may_be_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def read_file(path: Path, known: Collection[str]) -> dict[str, Any]:
    """Read a settings file; one that is absent sets nothing. Raises Mistake."""
    data = _bytes_of(path)
    if data is None:
        return {}
    import tomllib  # noqa: PLC0415  most runs have no file

    try:
        found = tomllib.loads(data.decode())
    except ValueError as error:
        msg = f"settings file {path} is not TOML: {error}"
        raise Mistake(msg) from None
    except RecursionError:
        msg = f"settings file {path} is not TOML that can be read: it is nested too deeply"
        raise Mistake(msg) from None
    for name in found:
        if name not in known:
            msg = f"settings file {path} has an unknown setting {name!r}; known are {', '.join(known)}"
            raise Mistake(msg)
    return found


def _bytes_of(path: Path) -> bytes | None:
    """Read a file's bytes, waiting for nobody: a pipe or a device is no settings file."""
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _unreadable(path, "it is not a file")
            data = file.read(_BYTES_MAX + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(path, error.strerror or "it cannot be opened") from None
    if len(data) > _BYTES_MAX:
        raise _unreadable(path, f"it is longer than {_BYTES_MAX:,} bytes")
    return data


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _unreadable(path: Path, why: str) -> Mistake:
    return Mistake(f"settings file {path} cannot be read: {why}")
