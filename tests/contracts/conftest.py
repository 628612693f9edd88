from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.ledger import Ledger
from ledger.store.port import Store
from tests.contracts.places import PLACES, Place, TickingClock
from tests.postgres.place import PostgresPlace


@pytest.fixture(params=[*PLACES, "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "postgres":
        return PostgresPlace(request.getfixturevalue("new_database"))
    return PLACES[request.param](tmp_path)


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture
def store(place: Place, clock: TickingClock) -> Iterator[Store]:
    with closing(place.open(clock)) as opened:
        yield opened


@pytest.fixture
def ledger(store: Store, clock: TickingClock) -> Ledger:
    return Ledger(store, clock=clock)
