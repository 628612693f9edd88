"""Runs the command line in process, the way a shell would, and says what is sent to it."""

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main


@dataclass(frozen=True)
class Ran:
    """What a run printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401  whatever JSON can hold
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Cli:
    """The command line, in a folder of its own."""

    folder: Path
    capture: pytest.CaptureFixture[bytes]
    patch: pytest.MonkeyPatch

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Ran:
        self.patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        self.capture.readouterr()
        code = main(arguments)
        out, err = self.capture.readouterr()
        return Ran(code, out.decode(), err.decode())

    def given(self, *commands: dict[str, Any]) -> list[dict[str, Any]]:
        """Apply commands, each with a command id where it has none; all are applied."""
        sent = [{"command_id": f"given-{number}", **command} for number, command in enumerate(commands)]
        ran = self("apply", "-", "-o", "json", stdin=lines(*sent))
        assert ran.code == 0, ran.out
        found: list[dict[str, Any]] = ran.json
        return found


def lines(*commands: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(command).encode() + b"\n" for command in commands)


def contact(record_id: str, **properties: object) -> dict[str, Any]:
    return {
        "type": "create_record",
        "command_id": f"create-{record_id}",
        "object_type": "contacts",
        "record_id": record_id,
        "properties": properties,
    }
