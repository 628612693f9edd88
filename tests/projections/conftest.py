from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reading import Readable


@pytest.fixture
def readable(tmp_path: Path) -> Iterator[Readable]:
    world = Readable(tmp_path)
    yield world
    world.close()
