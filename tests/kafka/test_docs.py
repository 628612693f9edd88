"""Layer: tests. The README's section on Kafka, typed as it is written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.kafka.broker import free_ports

pytestmark = pytest.mark.kafka
ROOT = Path(__file__).parents[2]


def test_what_the_readme_says_to_try_works_line_by_line(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text().split("## With Kafka")[1].split("\n## ")[0]
    begin, end = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    port = free_ports()
    starts = begin.replace("broker.py start", f"broker.py start --port {port}")
    typed = f"set -em\n{starts}{end}".replace("19092", str(port)).replace("timeout_ms=10000", "timeout_ms=4000")
    for name in ("deploy", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(  # noqa: S603  our own page
        ["bash", "-c", typed],  # noqa: S607
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"status":"applied"') == 3, done.stderr
    assert done.stdout.count('"status":"merged_away"') == 4  # In the topic, and as `resolve` tells it.
    assert '"name":"compaction","ok":true' in done.stdout
    for name in ("consume", "publish", "project"):
        assert '"event":"process ended"' in (tmp_path / f"{name}.log").read_text()
