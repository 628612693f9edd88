from collections.abc import Iterator
from contextlib import closing

import pytest

from ledger.ledger import Ledger
from ledger.store.postgres.store import PostgresStore


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(postgres_url)) as opened:
        yield opened


@pytest.fixture
def ledger(store: PostgresStore) -> Ledger:
    return Ledger(store)
