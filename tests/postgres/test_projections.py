"""Layer: tests. The read models in PostgreSQL are those that SQLite would hold, and readers see one moment."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random
from threading import Barrier, Event

import pytest

from ledger.ledger import Ledger
from ledger.store.postgres.connection import Timeouts
from ledger.store.postgres.store import PostgresStore
from ledger.store.sqlite.store import SqliteStore
from projections.models.catalogue import PROJECTIONS, READ_MODEL
from projections.running.runner import Projector
from projections.running.status import digest
from projections.store.port import NotPrepared, NotProjected, ReadStore, Stale
from projections.store.postgres import PostgresReadStore
from projections.store.postgres_schema import prepare
from projections.store.sqlite import SqliteReadStore
from tests.builders import ANN, ANNE, create, merge, update
from tests.contracts.places import TickingClock, batch
from tests.contracts.test_serialisable import PREPARED, any_command
from tests.postgres.server import run_sql


def opened(url: str) -> closing[PostgresReadStore]:
    return closing(PostgresReadStore(url, READ_MODEL))


@pytest.fixture
def read_store(postgres_url: str) -> Iterator[PostgresReadStore]:
    with opened(postgres_url) as store:
        yield store


def digests(store: ReadStore) -> dict[str, str]:
    with store.snapshot() as snapshot:
        return {one.name: digest(snapshot, one) for one in PROJECTIONS}


def test_both_stores_hold_the_same(postgres_url: str, read_store: PostgresReadStore, tmp_path: Path) -> None:
    dice = Random(5)  # noqa: S311  dice
    sent = [*PREPARED, *(any_command(dice) for _ in range(400)), create(ANN, city="a\0b\1c\\d", email="a\0b@x.be")]
    clocks = TickingClock(), TickingClock()
    ours = Ledger(PostgresStore(postgres_url, clock=clocks[0]), clock=clocks[0])
    theirs = Ledger(SqliteStore(tmp_path / "ledger.db", create=True, clock=clocks[1]), clock=clocks[1])
    with closing(ours), closing(theirs), closing(SqliteReadStore(tmp_path / "ledger.db", READ_MODEL)) as other:
        for begin in range(0, len(sent), 50):
            assert ours.execute(batch(*sent[begin : begin + 50])) == theirs.execute(batch(*sent[begin : begin + 50]))
            Projector(ours, read_store, page_events=37).catch_up()
        Projector(theirs, other).catch_up()
        assert digests(read_store) == digests(other)
        before = digests(read_store)
        Projector(ours, read_store).rebuild()
        assert digests(read_store) == before


def test_a_reader_may_pause_longer_than_a_writer(postgres_url: str) -> None:
    hasty = Timeouts(idle_ms=200)
    with (
        closing(Ledger(PostgresStore(postgres_url))) as ledger,
        opened(postgres_url) as store,
    ):
        Projector(ledger, store).catch_up()
    with closing(PostgresReadStore(postgres_url, READ_MODEL, timeouts=hasty)) as store, store.snapshot() as snapshot:
        before = snapshot.mark()
        time.sleep(0.6)  # A pager that waits for a key.
        assert snapshot.mark() == before


def test_nothing_is_projected_until_it_is(read_store: PostgresReadStore) -> None:
    with pytest.raises(NotProjected), read_store.snapshot():
        pass
    assert read_store.live() is None
    assert read_store.building() is None


def test_a_reader_goes_on_reading_its_moment_while_another_generation_goes_live(
    ledger: Ledger, read_store: PostgresReadStore, postgres_url: str
) -> None:
    ledger.execute(batch(create(ANN, city="Gent")))
    projector = Projector(ledger, read_store)
    projector.catch_up()
    cities = "SELECT properties::json ->> 'city' FROM current_records"
    with read_store.snapshot() as before:
        ledger.execute(batch(update(ANN, city="Brugge")))
        projector.catch_up()
        projector.rebuild()
        with read_store.snapshot() as after:
            assert after.generation.number == before.generation.number + 1
            assert after.select(cities) == [("Brugge",)]
        assert before.select(cities) == [("Gent",)]
    projector.rebuild()  # Nobody reads the first any more, so it goes with the second.
    schemas = run_sql(postgres_url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'merge_ledger_read_%'")
    assert schemas == [("merge_ledger_read_3",)]


def test_whoever_reads_by_sql_finds_the_live_tables_in_one_schema(
    ledger: Ledger, read_store: PostgresReadStore, postgres_url: str
) -> None:
    ledger.execute(batch(create(ANN), create(ANNE), merge()))
    Projector(ledger, read_store).catch_up()
    Projector(ledger, read_store).rebuild()
    found = run_sql(postgres_url, "SELECT record_id, current_id FROM merge_ledger_read.merged_ids ORDER BY record_id")
    assert found == [("101", "103"), ("102", "103")]
    ((properties,),) = run_sql(
        postgres_url,
        "SELECT properties::json ->> 'createdate' IS NOT NULL FROM merge_ledger_read.current_records"
        " WHERE status = 'active'",
    )
    assert properties


def test_a_page_of_a_generation_that_was_dropped_is_stale(ledger: Ledger, read_store: PostgresReadStore) -> None:
    ledger.execute(batch(create(ANN)))
    projector = Projector(ledger, read_store)
    projector.catch_up()
    old = read_store.live()
    assert old is not None
    projector.rebuild()
    with pytest.raises(Stale), read_store.page(old):
        pass
    left = read_store.begin(read_store.numbers())
    read_store.begin(read_store.numbers())
    with pytest.raises(Stale), read_store.page(left):
        pass


def test_what_an_earlier_version_projected_is_dropped_and_projected_again(
    ledger: Ledger, read_store: PostgresReadStore, postgres_url: str
) -> None:
    ledger.execute(batch(create(ANN)))
    run_sql(
        postgres_url,
        "DROP SCHEMA merge_ledger_read CASCADE; CREATE SCHEMA merge_ledger_read; CREATE SCHEMA merge_ledger_read_7;"
        " CREATE TABLE merge_ledger_read.generations (number bigint, tables_version text, state text);"
        " INSERT INTO merge_ledger_read.generations VALUES (7, 'older', 'live')",
    )
    with pytest.raises(NotPrepared, match="run merge-ledger db migrate"):
        Projector(ledger, read_store).catch_up()
    for _ in range(2):
        prepare(postgres_url, READ_MODEL)
    assert Projector(ledger, read_store).catch_up() == ledger.head()
    schemas = run_sql(postgres_url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'merge_ledger_read_%'")
    assert schemas == [("merge_ledger_read_1",)]


def test_the_tables_of_another_version_are_not_made(ledger: Ledger, postgres_url: str) -> None:
    ledger.execute(batch(create(ANN)))
    later = READ_MODEL._replace(version="another version")
    with closing(PostgresReadStore(postgres_url, later)) as other, pytest.raises(NotPrepared, match="db migrate"):
        other.begin(other.numbers())


def test_runners_that_work_at_once_do_every_page_once(ledger: Ledger, postgres_url: str) -> None:
    dice = Random(6)  # noqa: S311  dice
    ledger.execute(batch(*PREPARED))
    done = Event()

    def follow(_: int) -> None:
        with (
            closing(Ledger(PostgresStore(postgres_url))) as own,
            opened(postgres_url) as store,
        ):
            while not done.is_set():
                Projector(own, store, page_events=23).catch_up()

    def rebuild_often(_: int) -> None:
        with (
            closing(Ledger(PostgresStore(postgres_url))) as own,
            opened(postgres_url) as store,
        ):
            for _ in range(3):
                Projector(own, store, page_events=61).rebuild()

    with ThreadPoolExecutor(5) as runners:
        running = [runners.submit(work, 0) for work in (follow, follow, follow, rebuild_often)]
        for _ in range(20):
            ledger.execute(batch(*(any_command(dice) for _ in range(10))))
        done.set()
        for one in running:
            one.result()
    with opened(postgres_url) as store:
        Projector(ledger, store).catch_up()
        followed = digests(store)
        Projector(ledger, store).rebuild()
        assert digests(store) == followed


def test_readers_see_no_empty_and_no_earlier_moment_while_generations_change(ledger: Ledger, postgres_url: str) -> None:
    ledger.execute(batch(*PREPARED))
    done = Event()

    def read(_: int) -> int:
        seen = 0
        with opened(postgres_url) as store:
            while not done.is_set():
                with store.snapshot() as snapshot:
                    position = snapshot.mark().position
                    ((told,),) = snapshot.select("SELECT max(position) FROM outcomes")
                    assert told == position >= seen
                    seen = position
        return seen

    with opened(postgres_url) as store, ThreadPoolExecutor(3) as readers:
        projector = Projector(ledger, store, page_events=50)
        projector.catch_up()
        reading = [readers.submit(read, number) for number in range(3)]
        dice = Random(7)  # noqa: S311  dice
        for _ in range(6):
            ledger.execute(batch(*(any_command(dice) for _ in range(10))))
            projector.catch_up()
            projector.rebuild()
        done.set()
        assert all(one.result() > 0 for one in reading)


def test_whoever_waits_is_told_that_there_is_more(ledger: Ledger, store: PostgresStore) -> None:
    assert store.wait(0.0)  # The first time it only begins to listen: look in any case.
    assert not store.wait(0.05)
    ledger.execute(batch(create(ANN)))
    assert store.wait(5.0)
    assert not store.wait(0.05)


def test_runners_that_begin_at_once_make_one_generation(ledger: Ledger, postgres_url: str) -> None:
    """None replaces what another has begun: they would go on doing so, and none would be completed."""
    ledger.execute(batch(*PREPARED))
    together = Barrier(4)

    def begin(_: int) -> int:
        with (
            closing(Ledger(PostgresStore(postgres_url))) as own,
            opened(postgres_url) as store,
        ):
            together.wait()
            return Projector(own, store, page_events=23).catch_up()

    with ThreadPoolExecutor(4) as runners:
        assert set(runners.map(begin, range(4))) == {ledger.head()}
    numbers = run_sql(postgres_url, "SELECT number, state FROM merge_ledger_read.generations")
    assert numbers == [(1, "live")]
