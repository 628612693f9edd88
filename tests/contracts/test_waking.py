"""Layer: tests. A publisher goes on when somebody appends, where the store can tell, and in any case by looking."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from consumers import topics
from consumers.publisher.publisher import Publisher
from ledger.ledger import Ledger
from ledger.store.port import Store
from ledger.store.postgres.store import PostgresStore
from tests.builders import ANA, ANN, ANNE, create
from tests.consumers.topic_in_memory import MemoryBroker
from tests.contracts.places import batch

LONG_S, SHORT_S = 60.0, 0.1
SOON_S = 10.0


@contextmanager
def publishing(ledger: Ledger, idle_s: float) -> Iterator[Callable[[], int]]:
    """Publish in a thread; gives what counts the results."""
    broker, stop = MemoryBroker(), threading.Event()
    publisher = Publisher(ledger, broker.sink, broker, "one", idle_s=idle_s)
    thread = threading.Thread(target=publisher.run, args=(lambda: not stop.is_set(),))
    thread.start()
    try:
        yield lambda: len(broker.topics[topics.RESULTS])
    finally:
        stop.set()
        ledger.execute(batch(create(ANA)))  # So that it looks at once.
        thread.join(SOON_S)
        assert not thread.is_alive()


def soon(what: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + SOON_S
    while not what():
        assert time.monotonic() < give_up_at, "it did not become so in time"
        time.sleep(0.01)


def test_a_publisher_goes_on_when_it_is_told_that_there_is_more_long_before_it_looks_again(postgres_url: str) -> None:
    with closing(PostgresStore(postgres_url)) as store:
        ledger = Ledger(store)
        with publishing(ledger, LONG_S) as results:
            for number, one in enumerate((ANN, ANNE), 1):
                ledger.execute(batch(create(one)))
                soon(lambda number=number: results() == number)  # type: ignore[misc]


def test_a_publisher_that_is_told_nothing_looks_for_itself(store: Store, ledger: Ledger) -> None:
    store.wait(0.0)  # It listens from now on.
    with publishing(ledger, SHORT_S) as results:
        ledger.execute(batch(create(ANN)))
        soon(lambda: results() == 1)
        if isinstance(store, PostgresStore):
            with store._listening:  # noqa: SLF001  as if what tells were lost on the way
                assert store._listener is not None  # noqa: SLF001
                store._listener.execute("UNLISTEN merge_ledger")  # noqa: SLF001
        ledger.execute(batch(create(ANNE)))
        soon(lambda: results() == 2)


def test_waiting_goes_on_when_what_tells_of_more_is_cut_off(store: Store, ledger: Ledger) -> None:
    store.wait(0.0)
    if isinstance(store, PostgresStore):
        listener = store._listener  # noqa: SLF001
        assert listener is not None
        with pytest.raises(psycopg.Error):
            listener.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    began = time.monotonic()
    store.wait(SHORT_S)
    store.wait(SHORT_S)
    ledger.execute(batch(create(ANN)))
    assert store.wait(SHORT_S)
    assert time.monotonic() - began < SOON_S
