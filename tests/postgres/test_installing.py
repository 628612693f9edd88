"""Layer: tests. PostgreSQL is an extra: without it nothing of it is loaded, and with a URL that is said."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  ours


def test_a_ledger_in_a_file_loads_no_driver(tmp_path: Path) -> None:
    ran = run(
        "import sys; from cli.__main__ import main;"
        f" assert main(['--db', {str(tmp_path / 'ledger.db')!r}, 'db', 'init']) == 0;"
        f" main(['--db', {str(tmp_path / 'ledger.db')!r}, 'status']);"
        " assert not {'psycopg', 'psycopg_pool'} & set(sys.modules)"
    )
    assert ran.returncode == 0, ran.stderr


def test_a_url_without_the_driver_says_which_extra_is_missing() -> None:
    ran = run(
        "import sys; sys.modules['psycopg'] = None; from cli.__main__ import main;"
        " sys.exit(main(['--db', 'postgresql://host/db', 'status']))"
    )
    assert ran.returncode == 5
    assert "install merge-ledger with the extra [postgres]" in ran.stderr
