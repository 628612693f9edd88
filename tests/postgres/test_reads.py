"""Layer: tests. What merged records show, and what stands around them, read from PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from ledger.store.postgres.store import PostgresStore
from tests.domain.test_reads_around_records import *  # noqa: F403  what is read
from tests.domain.test_reads_of_records import *  # noqa: F403
from tests.postgres.readable import PostgresReadable
from tests.postgres.server import Databases
from tests.reading import Readable


@pytest.fixture
def readable(databases: Databases) -> Iterator[Readable]:
    with closing(PostgresReadable(databases)) as made:
        yield made


def test_the_clock_of_the_server_is_told(store: PostgresStore) -> None:
    before = datetime.now(UTC)
    assert before <= store.now() <= datetime.now(UTC)  # One machine, one clock.
