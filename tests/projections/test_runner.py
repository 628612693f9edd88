"""Layer: tests. The runner: nothing twice, nothing skipped, whole commands, and a loud stop at what cannot be read."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from domain.language.events import OUTCOME_TYPES, Event
from domain.language.ids import RecordRef
from ledger.ledger import Ledger
from ledger.positions import read_commands
from ledger.store.port import LockedDatabase, NotALedger, StoredEvent, StoreUnusable
from ledger.store.sqlite.store import SqliteStore
from projections.models.catalogue import READ_MODEL, TABLES
from projections.running.runner import BACKOFF_S, Progress, ProjectionFailed, Projector
from projections.store.port import OutdatedProjections, ReadStore
from projections.store.sqlite import SqliteReadStore
from tests.builders import ACME, ANN, ANNE, ANNIE, create, merge, update
from tests.contracts.places import batch
from tests.projections.histories import EVERYTHING, digests
from tests.reading import Readable
from tests.specification import START


class LogWithout:
    """A ledger whose events of one type cannot be read."""

    def __init__(self, ledger: Ledger, event_type: str) -> None:
        self._ledger = ledger
        self.event_type = event_type

    def head(self) -> int:
        return self._ledger.head()

    def read(self, after: int, limit: int) -> list[StoredEvent]:
        return self._ledger.read(after, limit)

    def decode(self, stored: StoredEvent) -> Event:
        if stored.type == self.event_type:
            raise KeyError(stored.type)
        return self._ledger.decode(stored)


def rows_of(store: ReadStore) -> dict[str, list[tuple[object, ...]]]:
    with store.snapshot() as snapshot:
        return {table.name: list(snapshot.scan(table)) for table in TABLES}


@pytest.fixture
def another(tmp_path: Path) -> Iterator[SqliteReadStore]:
    """A read model of the same ledger, kept by another process."""
    with closing(SqliteReadStore(tmp_path / "ledger.db", READ_MODEL)) as store:
        yield store


# -- keeping up


def test_the_history_of_these_tests_touches_every_table(readable: Readable) -> None:
    readable.execute(*EVERYTHING)
    readable.projector.catch_up()
    assert [name for name, rows in rows_of(readable.store).items() if not rows] == []


def test_catching_up_projects_what_is_new_and_again_nothing(readable: Readable) -> None:
    readable.given(create(ANN, city="Gent"))
    assert readable.projector.catch_up() == readable.ledger.head()
    readable.given(update(ANN, city="Brugge"))
    assert readable.projector.catch_up() == readable.ledger.head()
    before = rows_of(readable.store)
    assert readable.projector.catch_up() == readable.ledger.head()
    assert rows_of(readable.store) == before
    assert readable.show(ANN).properties["city"] == "Brugge"


def test_an_empty_ledger_is_projected_to_nothing(readable: Readable) -> None:
    assert readable.projector.catch_up() == 0
    assert {one.lag_events for one in readable.projector.status()} == {0}


def test_what_was_appended_and_not_projected_when_a_process_ended_is_projected_by_the_next(
    readable: Readable, another: SqliteReadStore
) -> None:
    readable.given(create(ANN), create(ANNE))
    readable.projector.catch_up()
    readable.given(merge())
    readable.store.close()
    Projector(readable.ledger, another).catch_up()
    assert readable.show(ANN).id == "103"
    assert len(rows_of(another)["merges"]) == 1


@pytest.mark.parametrize("page_events", [1, 2, 7, 5_000])
def test_the_size_of_a_page_makes_no_difference(readable: Readable, another: SqliteReadStore, page_events: int) -> None:
    readable.execute(*EVERYTHING)
    readable.projector.catch_up()
    live = digests(readable.projector)
    projector = Projector(readable.ledger, another, page_events=page_events)
    projector.rebuild()
    assert digests(projector) == live


def test_a_page_ends_where_a_command_ends_however_small_it_is(readable: Readable) -> None:
    readable.execute(*EVERYTHING)
    position = 0
    while page := read_commands(readable.ledger, position, 2):
        assert page[-1].type in OUTCOME_TYPES
        assert page[0].position == position + 1
        position = page[-1].position
    assert position == readable.ledger.head()


def test_half_a_command_waits_for_its_other_half(readable: Readable) -> None:
    readable.execute(create(ANN), create(ANNE), merge())

    class Cut(LogWithout):
        def read(self, after: int, limit: int) -> list[StoredEvent]:
            return [one for one in super().read(after, limit) if one.position < readable.ledger.head()]

    assert Projector(Cut(readable.ledger, ""), readable.store).catch_up() == 4
    assert readable.projector.catch_up() == readable.ledger.head()


def test_progress_tells_how_far_how_fast_and_how_long(readable: Readable) -> None:
    readable.execute(*EVERYTHING)
    told: list[Progress] = []
    Projector(readable.ledger, readable.store, page_events=20).catch_up(told.append)
    assert [one.done for one in told] == sorted({one.done for one in told})
    assert (told[-1].done, told[-1].total) == (readable.ledger.head(), readable.ledger.head())
    assert told[0].total == readable.ledger.head()
    assert all(one.rate is not None and one.rate > 0 for one in told)
    assert told[-1].eta_s == 0


def test_two_runners_at_once_do_every_page_once(readable: Readable, another: SqliteReadStore, tmp_path: Path) -> None:
    readable.execute(*EVERYTHING)
    readable.execute(*(create(contact(number)) for number in range(200)))
    seen: list[list[int]] = [[], []]

    def run(number: int) -> None:
        with closing(SqliteReadStore(tmp_path / "ledger.db", READ_MODEL)) as store:
            progress = seen[number]
            Projector(readable.ledger, store, page_events=5).catch_up(lambda now: progress.append(now.done))

    readable.projector.catch_up()
    readable.execute(*(create(contact(number)) for number in range(200, 600)))
    threads = [Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = sorted(seen[0] + seen[1])
    assert done == sorted(set(done)), "no page was done by both"
    assert done[-1] == readable.ledger.head()
    live = digests(readable.projector)
    Projector(readable.ledger, another).rebuild()
    assert digests(readable.projector) == live


def contact(number: int) -> RecordRef:
    return ANNIE._replace(record_id=f"n{number}")


# -- telling


def test_the_lag_is_told_in_events_and_in_seconds(tmp_path: Path, another: SqliteReadStore) -> None:
    now = [START]
    store = SqliteStore(tmp_path / "ledger.db", create=True, clock=lambda: now[0])
    with closing(Ledger(store, clock=lambda: now[0])) as ledger:
        projector = Projector(ledger, another, clock=lambda: now[0])
        ledger.execute(batch(create(ANN)))
        projector.catch_up()
        now[0] += timedelta(minutes=1)
        assert {(one.lag_events, one.lag_seconds) for one in projector.status()} == {(0, 0.0)}
        ledger.execute(batch(update(ANN, city="Gent")))
        ledger.execute(batch(update(ANN, city="Brugge")))
        now[0] += timedelta(minutes=2)
        told = projector.status()
        assert {one.lag_events for one in told} == {4}
        (since,) = {one.lag_seconds for one in told}
        assert since == pytest.approx(120.0, abs=0.001), "since the first event that is not projected yet"
        assert {one.position for one in told} == {2}


def test_digests_tell_different_read_models_apart(readable: Readable) -> None:
    readable.given(create(ANN, city="Gent"))
    readable.projector.catch_up()
    before = digests(readable.projector)
    readable.given(update(ANN, city="Brugge"))
    readable.projector.catch_up()
    changed = {name for name, digest in digests(readable.projector).items() if digest != before[name]}
    assert changed == {"current_records", "history", "outcomes"}


def test_before_anything_is_projected_all_of_the_ledger_is_lag(readable: Readable) -> None:
    readable.given(create(ANN))
    assert {(one.generation, one.position, one.lag_events) for one in readable.projector.status()} == {(0, 0, 2)}


# -- what cannot be folded


def test_an_event_that_cannot_be_folded_stops_the_read_side_there_and_is_named(readable: Readable) -> None:
    readable.given(create(ANN), create(ACME), create(ANNE), merge(), update(ANN, city="Gent"))
    broken = Projector(LogWithout(readable.ledger, "record.merged-away.v1"), readable.store)
    with pytest.raises(ProjectionFailed, match=r"position 8, a record\.merged-away\.v1 of main/records/contacts/101"):
        broken.catch_up()
    building = readable.store.building()
    assert building is not None
    with readable.store.page(building) as rows:
        assert rows.mark().position == 6, "all commands before it stand"


def test_what_stands_is_readable_while_the_read_side_is_stopped_and_goes_on_when_it_can(readable: Readable) -> None:
    readable.given(create(ANN, city="Gent"), create(ANNE))
    readable.projector.catch_up()
    readable.given(update(ANN, city="Brugge"), merge(), create(ACME))
    broken = Projector(LogWithout(readable.ledger, "record.merged.v1"), readable.store)
    for _ in range(2):
        with pytest.raises(ProjectionFailed, match="position 7"):
            broken.catch_up()
        assert broken.status()[0].position == 6
        assert broken.status()[0].lag_events == 6
    assert readable.show(ANN).id == "103"


# -- running until asked to stop


def test_a_run_catches_up_again_and_again_and_reports_how_far_it_is(readable: Readable) -> None:
    readable.given(create(ANN))
    seen: list[tuple[int, int]] = []
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        readable.given(update(ANN, city="Brugge"))

    readable.projector.run(lambda: len(seen) < 2, lambda position, head: seen.append((position, head)), wait)
    assert [position for position, head in seen if position == head] == sorted({position for position, _ in seen})
    assert len(waited) == 2


def test_a_run_waits_while_the_store_is_locked_and_ends_when_waiting_does_not_help(readable: Readable) -> None:
    readable.given(create(ANN))
    failing: list[StoreUnusable] = [LockedDatabase("ledger.db"), NotALedger("ledger.db")]
    slept: list[float] = []
    seen: list[int] = []

    def wait(_seconds: float) -> None:
        raise failing.pop(0)

    with pytest.raises(NotALedger):
        readable.projector.run(lambda: True, lambda position, _: seen.append(position), wait, slept.append)
    assert slept == [BACKOFF_S]
    assert seen == [readable.ledger.head()] * 2


# -- read models that are not this version's, or not of this ledger


def test_a_read_model_of_another_version_is_not_read_and_made_again(readable: Readable, tmp_path: Path) -> None:
    readable.given(create(ANN))
    with closing(SqliteReadStore(tmp_path / "ledger.db", READ_MODEL._replace(version="older"))) as older:
        Projector(readable.ledger, older).catch_up()
    with pytest.raises(OutdatedProjections, match="another version's"):
        readable.projector.status()
    readable.projector.catch_up()
    assert readable.projector.status()[0].generation == 2


def test_a_read_model_of_another_ledger_is_made_again(readable: Readable, tmp_path: Path) -> None:
    readable.given(create(ANN), create(ANNE))
    readable.projector.catch_up()
    readable.close()
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    again = Readable(tmp_path)
    with closing(again.store), closing(again.ledger):
        again.now = again.now.replace(year=2027)
        again.given(create(ACME), create(ANNIE))
        again.projector.catch_up()
        with again.reading() as reader:
            assert reader.record(*ANN) is None
            assert reader.record(*ANNIE) is not None


def test_a_read_model_that_is_broken_is_made_again_by_a_rebuild(readable: Readable) -> None:
    readable.given(create(ANN))
    readable.projector.catch_up()
    readable.store.close()
    live = readable.store.live()
    assert live is not None
    Path(live.location).write_bytes(b"no database" * 1000)
    readable.projector.rebuild()
    assert readable.show(ANN).id == "101"


def test_a_read_model_whose_file_is_gone_is_made_again(readable: Readable) -> None:
    readable.given(create(ANN))
    readable.projector.catch_up()
    readable.store.close()
    live = readable.store.live()
    assert live is not None
    Path(live.location).unlink()
    assert readable.show(ANN).id == "101"


def test_rows_of_a_log_are_never_written_twice(readable: Readable) -> None:
    readable.given(create(ANN))
    readable.projector.catch_up()
    live = readable.store.live()
    assert live is not None
    with closing(sqlite3.connect(live.location)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO outcomes SELECT * FROM outcomes")
