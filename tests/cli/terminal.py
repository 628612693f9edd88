"""Tests: a user at the command line, in this process: commands in as lines, JSON out, exit codes kept."""

import io
import itertools
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.__main__ import main

Shown = dict[str, Any]


class Ran:
    """What one run printed, and how it ended."""

    def __init__(self, code: int, out: bytes, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def document(self) -> Any:
        return msgspec.json.decode(self.out)

    @property
    def lines(self) -> list[Shown]:
        return [msgspec.json.decode(line) for line in self.out.splitlines()]


class Terminal:
    """Runs `merge-ledger` on one database. Contacts, account main, unless said."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, db: str | None = None) -> None:
        self.folder = folder
        self.db = db or str(folder / "ledger.db")
        self._monkeypatch = monkeypatch
        self._numbers = itertools.count(1)

    def run(self, *words: str, stdin: bytes = b"") -> Ran:
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        err = io.StringIO()
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
            code = main(["--db", self.db, *words])
        out.flush()
        written = out.buffer
        assert isinstance(written, io.BytesIO)
        return Ran(code, written.getvalue(), err.getvalue())

    def json(self, *words: str, code: int = 0) -> Any:
        ran = self.run(*words, "-o", "json")
        assert ran.code == code, (ran.code, ran.err, ran.out)
        return ran.document

    # -- writing

    def apply(self, *commands: Shown, code: int | None = None) -> list[Shown]:
        """Send commands as a file; ids are given to those that have none."""
        lines = [msgspec.json.encode({"command_id": f"c-{next(self._numbers)}", **one}) for one in commands]
        ran = self.run("apply", "-", "-o", "jsonl", stdin=b"\n".join(lines) + b"\n")
        outcomes = ran.lines
        assert len(outcomes) == len(commands), ran.err
        if code is None:
            assert {one["status"] for one in outcomes} <= {"applied"}, outcomes
        else:
            assert ran.code == code, (ran.code, ran.err)
        return outcomes

    def contact(self, record_id: str, **properties: Any) -> None:
        self.record("contacts", record_id, **properties)

    def company(self, record_id: str, **properties: Any) -> None:
        self.record("companies", record_id, **properties)

    def record(self, object_type: str, record_id: str, **properties: Any) -> None:
        self.apply({"type": "create_record", "object_type": object_type, "record_id": record_id, "properties": properties})

    def do(self, command: str, record_id: str, object_type: str = "contacts", **fields: Any) -> Shown:
        return self.apply({"type": command, "object_type": object_type, "record_id": record_id, **fields})[0]

    def refused(self, command: str, **fields: Any) -> Shown:
        outcome = self.apply({"type": command, **fields}, code=3)[0]
        assert outcome["status"] == "refused"
        return outcome

    def configure(self, **settings: Any) -> None:
        self.apply({"type": "configure_account", **settings})

    def merge(self, primary: str, secondary: str, *options: str, object_type: str = "contacts") -> Shown:
        shown: Shown = self.json("merge", object_type, primary, secondary, "--yes", *options)
        return shown

    def merge_refused(self, primary: str, secondary: str, *options: str, object_type: str = "contacts") -> Shown:
        """Refused by merge and preview alike, with the same code, and nothing changed but the outcome."""
        before = self.run("search", object_type, "-o", "json").out
        previewed = self.json("preview", object_type, primary, secondary, *options, code=3)
        outcome: Shown = self.json("merge", object_type, primary, secondary, "--yes", *options, code=3)
        assert previewed["code"] == outcome["code"]
        after = self.run("search", object_type, "-o", "json").out
        assert _without_position(before) == _without_position(after)
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


def _without_position(out: bytes) -> Any:
    answer = msgspec.json.decode(out) if out else None
    if isinstance(answer, dict):
        for one in answer.get("results", ()):
            one.pop("position", None)
    return answer


def decision(merge: Shown, name: str) -> Shown:
    """Take one property's decision from a merge as shown."""
    found: Shown = next(one for one in merge["decisions"] if one["property"] == name)
    return found
