"""Layer: tests. A ledger that was dropped is not begun anew while its read model is there."""

from collections.abc import Callable

import pytest

from ledger.opening import migrate_ledger, open_ledger
from ledger.store.damage import LostLedger
from projections.opening import read_store
from projections.running.runner import Projector
from tests.builders import ANN, create
from tests.contracts.places import batch
from tests.postgres.server import run_sql


def test_db_init_refuses_where_the_log_is_gone_and_the_read_model_is_there(new_database: Callable[..., str]) -> None:
    url = new_database()
    ledger = open_ledger(url, create=False)
    ledger.execute(batch(create(ANN)))
    store = read_store(url)
    Projector(ledger, store).catch_up()
    store.close()
    ledger.close()
    run_sql(url, "DROP SCHEMA merge_ledger CASCADE")
    with pytest.raises(LostLedger, match="gone, though the schema merge_ledger_read beside it"):
        migrate_ledger(url, create=True)
    run_sql(url, "DROP SCHEMA merge_ledger_read CASCADE")
    assert migrate_ledger(url, create=True)[0] == 0
