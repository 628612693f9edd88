"""Layer: tests. The laws of the ledger and its read side, on PostgreSQL."""

from collections.abc import Iterator

import pytest

from tests.laws import test_laws_of_the_ledger as laws
from tests.laws.test_laws_of_the_ledger import *  # noqa: F403  the laws
from tests.postgres.readable import in_databases
from tests.postgres.server import Databases


@pytest.fixture(autouse=True, scope="module")
def on_postgres(databases: Databases) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(laws, "Readable", in_databases(databases))
        yield
