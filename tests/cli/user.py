"""A user at the command line: sends commands as lines, reads answers as JSON, keeps an eye on exit codes."""

import itertools
import json
from typing import Any

from tests.cli.running import Cli, lines

Shown = dict[str, Any]


class User:
    """Sends commands and reads answers. Contacts, account main, unless said."""

    def __init__(self, cli: Cli) -> None:
        self.run = cli
        self._numbers = itertools.count(1)

    def json(self, *words: str, code: int = 0) -> Any:  # noqa: ANN401  whatever JSON can hold
        ran = self.run(*words, "-o", "json")
        assert ran.code == code, (ran.code, ran.err, ran.out)
        return ran.json

    # -- writing

    def apply(self, *commands: Shown, code: int | None = None) -> list[Shown]:
        """Send commands as a file; ids are given to those that have none. All are applied, or it ends with `code`."""
        sent = [{"command_id": f"c-{next(self._numbers)}", **one} for one in commands]
        ran = self.run("apply", "-", "-o", "jsonl", stdin=lines(*sent))
        outcomes: list[Shown] = ran.lines
        assert len(outcomes) == len(commands), ran.err
        if code is None:
            assert {one["status"] for one in outcomes} <= {"applied"}, outcomes
        else:
            assert ran.code == code, (ran.code, ran.err)
        return outcomes

    def contact(self, record_id: str, **properties: object) -> None:
        self.record("contacts", record_id, **properties)

    def company(self, record_id: str, **properties: object) -> None:
        self.record("companies", record_id, **properties)

    def record(self, object_type: str, record_id: str, **properties: object) -> None:
        named = {"object_type": object_type, "record_id": record_id, "properties": properties}
        self.apply({"type": "create_record", **named})

    def do(self, command: str, record_id: str, object_type: str = "contacts", **fields: object) -> Shown:
        return self.apply({"type": command, "object_type": object_type, "record_id": record_id, **fields})[0]

    def refused(self, command: str, **fields: object) -> Shown:
        outcome = self.apply({"type": command, **fields}, code=3)[0]
        assert outcome["status"] == "refused"
        return outcome

    def configure(self, **settings: object) -> None:
        self.apply({"type": "configure_account", **settings})

    def merge(self, primary: str, secondary: str, *options: str, object_type: str = "contacts") -> Shown:
        shown: Shown = self.json("merge", object_type, primary, secondary, "--yes", *options)
        return shown

    def merge_refused(self, primary: str, secondary: str, *options: str, object_type: str = "contacts") -> Shown:
        """Refused by preview and merge with one code, and nothing changed but that there is an outcome."""
        before = self._records(object_type)
        previewed = self.json("preview", object_type, primary, secondary, *options, code=3)
        outcome: Shown = self.json("merge", object_type, primary, secondary, "--yes", *options, code=3)
        assert previewed["code"] == outcome["code"]
        assert self._records(object_type) == before
        return outcome

    # -- reading

    def show(self, record_id: str, *options: str, object_type: str = "contacts") -> Shown:
        shown: Shown = self.json("show", object_type, record_id, *options)
        return shown

    def ids(self, *words: str) -> list[str]:
        answer = self.json(*words)
        return [one["id"] for one in (answer["results"] if isinstance(answer, dict) else answer)]

    def properties(self, record_id: str, object_type: str = "contacts") -> Shown:
        shown: Shown = self.show(record_id, object_type=object_type)["properties"]
        return shown

    def _records(self, object_type: str) -> list[Shown]:
        ran = self.run("search", object_type, "-o", "json")
        found: list[Shown] = json.loads(ran.out)["results"] if ran.out else []
        return [{name: v for name, v in one.items() if name != "position"} for one in found]


def decision(merge: Shown, name: str) -> Shown:
    """Take one property's decision from a merge as shown."""
    found: Shown = next(one for one in merge["decisions"] if one["property"] == name)
    return found
