"""Layer: tests. What merged records show, and what stands around them, read from PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.domain.test_reads_around_records import *  # noqa: F403  what is read
from tests.domain.test_reads_of_records import *  # noqa: F403
from tests.postgres.readable import PostgresReadable
from tests.postgres.server import Databases
from tests.reading import Readable


@pytest.fixture
def readable(databases: Databases) -> Iterator[Readable]:
    with closing(PostgresReadable(databases)) as made:
        yield made
