"""Layer: cli. The message for a failure that no command expects: of the store, or a bug in this program."""

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cli.session import exits
from cli.session.masking import masked
from cli.session.session import escaped
from ledger.store.port import StoreUnusable


def explain(error: Exception, tokens: Sequence[str]) -> tuple[int, str]:
    """Return the exit code and the line to print; a bug's details go to a file that only its owner can read."""
    if isinstance(error, StoreUnusable):
        return exits.STORE_UNUSABLE, masked(str(error))
    if isinstance(error, ModuleNotFoundError) and error.name == "kafka":
        return exits.STORE_UNUSABLE, "Kafka needs kafka-python; install merge-ledger with the extra [kafka]"
    kind = type(error).__name__
    try:
        where = _write_report(error, tokens)
    except OSError:
        sys.stderr.write(escaped(masked("".join(traceback.format_exception(error)))))
        return exits.BUG, f"unexpected {kind}, a bug of ours; its details are above"
    return exits.BUG, f"unexpected {kind}, a bug of ours; its details are in {where}"


def _write_report(error: Exception, tokens: Sequence[str]) -> Path:
    """Write what a developer needs: never the values of options, which can be personal."""
    names = [token.partition("=")[0] if token.startswith("-") else "…" for token in tokens[1:]]
    now = datetime.now(UTC)
    told = [
        f"merge-ledger {' '.join([*tokens[:1], *names])}\n",
        f"{now.isoformat()}  Python {sys.version}\n\n",
        *traceback.format_exception(error),
    ]
    name = f"crash-{now:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    for find_folder in (_state_folder, _temporary_folder):
        try:
            folder = find_folder()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = folder / name
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(masked("".join(told)))
        except OSError:
            continue
        return path
    raise OSError


def _state_folder() -> Path:
    """Return the user's folder for such files. Raises OSError for a user without one; relative paths count as none."""
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        try:
            state = Path.home() / ".local" / "state"
        except RuntimeError as error:  # The system knows no such user.
            raise FileNotFoundError from error
    if not state.is_absolute():
        raise FileNotFoundError
    return state / "merge-ledger"


def _temporary_folder() -> Path:
    """Return the folder for temporary files; never the current one, where Python turns when it finds no other."""
    folder = Path(tempfile.gettempdir())
    if folder.samefile(Path()):
        raise FileNotFoundError
    return folder
