from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.ledger import Ledger
from ledger.store import Store
from tests.contracts.places import PLACES, Place, TickingClock


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
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
