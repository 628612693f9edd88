from pathlib import Path

import pytest

from tests.cli.running import Cli
from tests.cli.user import User


@pytest.fixture
def cli(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "MERGE_LEDGER_DB", "MERGE_LEDGER_ACCOUNT", "MERGE_LEDGER_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    return Cli(tmp_path, capsysbinary, monkeypatch)


@pytest.fixture
def user(cli: Cli) -> User:
    return User(cli)
