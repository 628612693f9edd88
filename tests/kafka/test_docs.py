"""Layer: tests. docs/kafka.md, tried as it is written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.kafka.broker import free_ports

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).parents[2]
READING_S = 25


def test_what_the_page_says_to_try_works_line_by_line(tmp_path: Path) -> None:
    begin, end = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "kafka.md").read_text(), re.DOTALL)[:2]
    assert begin.splitlines()[-1].startswith("python -m kafka.consumer")
    reading = begin.replace("python -m kafka.consumer", f"timeout {READING_S} python -m kafka.consumer")
    script = f"set -m\n{reading}{end}wait\n".replace("19092", str(free_ports()))
    for name in ("deploy", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(  # noqa: S603  our own page
        ["bash", "-c", script],  # noqa: S607
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stdout.count('"status":"applied"') == 3, done.stderr
    assert done.stdout.count('"status":"merged_away"') == 2
    for name in ("consume", "publish", "project"):
        assert '"event":"process ended"' in (tmp_path / f"{name}.log").read_text()
