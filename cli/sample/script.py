"""Layer: cli. The script of the sample: who sends what, in order, each command with its id and its time."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, TypeAlias

SEED: Final = 1907
SMALL: Final = "nordics"  # A second account: Salesforce is installed there, and few merges are allowed.
BEGIN: Final = datetime(2025, 1, 6, 7, 30, tzinfo=UTC)
STEP_S_MAX: Final = 5000  # So that the script spans a year.

Body: TypeAlias = dict[str, object]
Ref: TypeAlias = dict[str, str]


def ref(object_type: str, record_id: str) -> Ref:
    """Name a record as commands do."""
    return {"object_type": object_type, "record_id": record_id}


class Script:
    """Commands in the order they are sent. `rng` is the one source of chance."""

    def __init__(self, seed: int) -> None:
        """Begin a script; the same seed gives the same one."""
        # Sample data wants chance that repeats, not secrets.
        self.rng = Random(seed)  # noqa: S311
        self.commands: list[Body] = []
        self._at = BEGIN

    def send(self, command: str, **fields: object) -> str:
        """Send the next command; returns its id, made here where none is given. Fields that are None are left out."""
        self._at += timedelta(seconds=self.rng.randint(1, STEP_S_MAX))
        command_id = str(fields.pop("command_id", None) or f"sample-{len(self.commands) + 1:05d}")
        body: Body = {"type": command, "command_id": command_id, "occurred_at": instant(self._at)}
        body.update({name: value for name, value in fields.items() if value is not None})
        self.commands.append(body)
        return command_id

    def send_again(self, command_id: str) -> None:
        """Send a command once more, word for word."""
        self.commands.append(next(body for body in self.commands if body["command_id"] == command_id))

    def some_time(self, first_year: int = 2019, last_year: int = 2024) -> str:
        """Pick a moment in these years."""
        begin = datetime(first_year, 1, 1, tzinfo=UTC)
        days = (last_year - first_year + 1) * 365
        return instant(begin + timedelta(days=self.rng.randrange(days), seconds=self.rng.randrange(86_400)))

    def happens(self, percent: int) -> bool:
        """Decide by chance."""
        return self.rng.randrange(100) < percent


def instant(at: datetime) -> str:
    """Write a time as the contract does."""
    return at.isoformat().replace("+00:00", "Z")
