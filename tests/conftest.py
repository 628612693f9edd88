"""Tests: the demo, carried out once for all tests that look at what it leaves."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.__main__ import main


class Demonstrated(NamedTuple):
    """The folder that a demo was run in, and what it printed. Whoever changes its ledger works on a copy."""

    folder: Path
    out: str


@pytest.fixture(scope="session")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Demonstrated:
    folder = tmp_path_factory.mktemp("demonstrated")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out:
        patch.chdir(folder)
        assert main(["demo"]) == 0
    return Demonstrated(folder, out.getvalue())
