"""Layer: cli. Tells the sample from its first chapter to its last."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from cli.sample import companies, dealings, heroes, merging, people, refused, setting
from cli.sample.script import SEED, Body, Script
from ledger.store.sqlite.files import PRIVATE, make_private

_ENCODER: Final = msgspec.json.Encoder()


def sample_commands(seed: int = SEED) -> list[Body]:
    """Tell the whole sample: every command, in the order it is sent."""
    script = Script(seed)
    setting.configure(script)
    known = companies.begin(script)
    contacts = people.arrive(script, known)
    heroes.live(script)
    work = dealings.happen(script, contacts, known)
    merging.merge(script, contacts, known, work)
    refused.be_refused(script)
    return script.commands


def sample_lines(seed: int = SEED) -> Iterator[bytes]:
    """Write the sample as JSON lines."""
    for command in sample_commands(seed):
        yield _ENCODER.encode(command) + b"\n"


def write_sample(path: Path, seed: int = SEED) -> int:
    """Write the sample to a file; returns how many commands it has. A link that others put there is not followed."""
    lines = list(sample_lines(seed))
    make_private(path)
    with open(path, "wb", opener=_open_no_link) as file:
        file.writelines(lines)
    return len(lines)


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, PRIVATE)
