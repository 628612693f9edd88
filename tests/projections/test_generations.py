"""Layer: tests. Generations: a rebuild beside what is read, live in one step; a crash leaves no less than before."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from itertools import count
from pathlib import Path
from shutil import copytree
from threading import Barrier
from typing import Any, ClassVar, NamedTuple

import pytest

from ledger.opening import open_ledger
from ledger.store.port import StoredEvent
from projections.models.catalogue import READ_MODEL
from projections.reading import open_reader
from projections.running.runner import Progress, Projector
from projections.store.port import Generation, ReadStore, Stale, UnusableProjections
from projections.store.sqlite import SqliteReadStore
from tests.builders import ACME, ANN, ANNE, create, merge, update
from tests.projections.histories import EVERYTHING, digests
from tests.reading import Readable


class Crashed(BaseException):
    """The process ended here, as far as the code can tell."""


class Crash:
    """Ends the process at a step: raises when it has come through so many."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.steps: list[str] = []

    def __call__(self, step: str) -> None:
        self.steps.append(step)
        self.left -= 1
        if self.left == 0:
            raise Crashed


def live(store: ReadStore) -> Generation:
    found = store.live()
    assert found is not None
    return found


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.glob("ledger.db.projections*.db")}


class Watched(sqlite3.Connection):
    """A connection that is on a list while it is open."""

    left_open: ClassVar[set[sqlite3.Connection]] = set()

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  as the driver has it
        super().__init__(*arguments, **options)
        self.left_open.add(self)

    def close(self) -> None:
        super().close()
        self.left_open.remove(self)


# -- a rebuild


def test_a_rebuild_gives_what_was_there_and_so_does_the_next(readable: Readable) -> None:
    for command in EVERYTHING:
        readable.execute(command)
        readable.projector.catch_up()
    before = digests(readable.projector)
    for generation in (2, 3):
        assert readable.projector.rebuild() == readable.ledger.head()
        assert digests(readable.projector) == before
        assert live(readable.store).number == generation


def test_what_was_live_is_deleted_after_a_rebuild(readable: Readable, tmp_path: Path) -> None:
    readable.given(create(ANN))
    readable.projector.catch_up()
    assert files(tmp_path) == {"ledger.db.projections.db", "ledger.db.projections-1.db"}
    readable.projector.rebuild()
    assert files(tmp_path) == {"ledger.db.projections.db", "ledger.db.projections-2.db"}


def test_readers_read_what_is_live_while_it_is_built_again_and_writers_write(readable: Readable) -> None:
    readable.execute(*EVERYTHING)
    readable.projector.catch_up()
    shown = readable.show(ANN)
    seen = []

    def look(_: Progress) -> None:
        with open_reader(readable.store, readable.ledger, "main") as reader:
            seen.append(reader.record(*ANN))
        if len(seen) == 1:
            readable.given(update(ANN, city="Namur"))

    Projector(readable.ledger, readable.store, page_events=20).rebuild(look)
    assert len(seen) > 3
    assert all(one == shown for one in seen)
    assert readable.store.building() is None
    with open_reader(readable.store, readable.ledger, "main") as reader:
        assert reader.position == readable.ledger.head(), "what was written meanwhile is in it"


def test_a_reader_goes_on_reading_its_moment_when_another_generation_goes_live(readable: Readable) -> None:
    readable.given(create(ANN, city="Gent"))
    readable.projector.catch_up()
    with open_reader(readable.store, readable.ledger, "main") as before:
        readable.given(create(ANNE), merge())
        readable.projector.catch_up()
        readable.projector.rebuild()
        assert before.position == 2
        shown = before.record(*ANN)
        assert shown is not None
        assert shown.id == "101"
    assert readable.show(ANN).id == "103"


def test_a_read_model_that_is_ahead_when_the_rebuild_ends_is_caught_up_with_first(
    readable: Readable, tmp_path: Path
) -> None:
    """Readers never see an earlier moment than they saw."""
    readable.given(create(ANN))
    readable.projector.catch_up()

    class Late(SqliteReadStore):
        def go_live(self, generation: Generation) -> None:
            super().go_live(generation)
            moments.append(readable.projector.status()[0].position)

    moments: list[int] = []
    with closing(Late(tmp_path / "ledger.db", READ_MODEL)) as store:
        projector = Projector(readable.ledger, store)
        store.begin(store.numbers())
        readable.given(create(ANNE), merge())
        readable.projector.catch_up()
        projector.rebuild()
    assert moments == [readable.ledger.head()]


def test_a_runner_that_held_the_old_generation_goes_on_with_the_new(readable: Readable, tmp_path: Path) -> None:
    readable.given(create(ANN))
    readable.projector.catch_up()
    old = live(readable.store)
    with closing(SqliteReadStore(tmp_path / "ledger.db", READ_MODEL)) as other:
        Projector(readable.ledger, other).rebuild()
    with pytest.raises(Stale), readable.store.page(old):
        pass
    readable.given(create(ANNE), merge())
    assert readable.show(ANNE).id == "103"
    assert live(readable.store).number == old.number + 1


def test_a_rebuild_that_was_left_goes_on_where_it_stopped(readable: Readable) -> None:
    readable.execute(*EVERYTHING)
    readable.projector.catch_up()
    before = digests(readable.projector)

    def leave(now: Progress) -> None:
        if now.done >= 60:
            raise Crashed

    with pytest.raises(Crashed):
        Projector(readable.ledger, readable.store, page_events=20).rebuild(leave)
    left = readable.store.building()
    assert left is not None
    told: list[Progress] = []
    Projector(readable.ledger, readable.store, page_events=20).rebuild(told.append)
    assert told[0].done > 60
    assert live(readable.store).number == left.number
    assert digests(readable.projector) == before


def test_a_rebuild_that_another_version_left_is_begun_anew(readable: Readable, tmp_path: Path) -> None:
    readable.given(create(ANN))
    readable.projector.catch_up()
    later = READ_MODEL._replace(version="another version")
    with closing(SqliteReadStore(tmp_path / "ledger.db", later)) as other:
        left = other.begin(other.numbers())
    readable.projector.rebuild()
    assert live(readable.store).number == left.number + 1


def test_a_rebuild_waits_for_a_page_of_the_live_one_and_gives_up_rather_than_take_readers_back(
    readable: Readable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readable.given(create(ANN))
    readable.projector.catch_up()
    was = live(readable.store)
    readable.store.close()
    monkeypatch.setattr("projections.store.sqlite_files.BUSY_S", 0.2)
    with closing(SqliteReadStore(tmp_path / "ledger.db", READ_MODEL)) as other, other.page(was):
        with pytest.raises(UnusableProjections, match="locked"):
            readable.projector.rebuild()
        assert live(readable.store) == was
        assert readable.store.building() is not None
    readable.projector.rebuild()
    assert live(readable.store).number == was.number + 1
    assert readable.store.building() is None


def test_runners_that_begin_at_once_make_one_generation(readable: Readable, tmp_path: Path) -> None:
    """None replaces what another has begun: they would go on doing so, and none would be completed."""
    readable.execute(*EVERYTHING)
    together = Barrier(4)

    def begin(_: int) -> int:
        path = tmp_path / "ledger.db"
        with open_ledger(str(path), create=False) as own, closing(SqliteReadStore(path, READ_MODEL)) as store:
            together.wait()
            return Projector(own, store, page_events=20).catch_up()

    with ThreadPoolExecutor(4) as runners:
        assert set(runners.map(begin, range(4))) == {readable.ledger.head()}
    assert live(readable.store).number == 1


# -- crashes


class Ledgers(NamedTuple):
    """A folder with a ledger whose read model is behind, and what its projections must be in the end."""

    folder: Path
    digests: dict[str, str | None]


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Ledgers:
    folder = tmp_path_factory.mktemp("behind")
    readable = Readable(folder)
    readable.execute(*EVERYTHING[:20])
    readable.projector.catch_up()
    readable.execute(*EVERYTHING[20:])
    readable.store.close()
    whole = tmp_path_factory.mktemp("whole")
    readable.close()
    copytree(folder, whole, dirs_exist_ok=True)
    again = Readable(whole)
    again.projector.catch_up()
    found = digests(again.projector)
    again.close()
    return Ledgers(folder, found)


def crashes(behind: Ledgers, tmp_path: Path, *, rebuild: bool) -> Iterator[tuple[list[str], Readable]]:
    """Do the work again and again, each time with a crash one step later, until it comes through."""
    for at in count(1):
        folder = tmp_path / str(at)
        copytree(behind.folder, folder)
        crash = Crash(at)
        doomed = Readable(folder)
        with closing(SqliteReadStore(folder / "ledger.db", READ_MODEL, step=crash)) as store:
            projector = Projector(doomed.ledger, store, page_events=90)
            with suppress(Crashed):
                projector.rebuild() if rebuild else projector.catch_up()
        yield crash.steps, doomed
        doomed.close()
        if crash.left > 0:
            return


@pytest.mark.parametrize("rebuild", [False, True], ids=["run", "rebuild"])
def test_a_crash_at_any_step_leaves_a_moment_to_read_and_nothing_twice(
    behind: Ledgers, tmp_path: Path, *, rebuild: bool
) -> None:
    came_to: set[str] = set()
    for steps, left in crashes(behind, tmp_path, rebuild=rebuild):
        came_to.update(steps)
        with open_reader(left.store, left.ledger, "main") as reader:
            assert reader.position in {one.position for one in _ends(left)}
            assert reader.record(*ACME) is not None
        left.projector.rebuild() if rebuild else left.projector.catch_up()
        assert digests(left.projector) == behind.digests
        assert left.store.building() is None
    assert {"page begun", "rows written", "position moved", "committing"} <= came_to
    if rebuild:
        assert {"generation named", "tables made", "generation begun", "gone live", "files deleted"} < came_to


def _ends(readable: Readable) -> list[StoredEvent]:
    return [one for one in readable.ledger.read(0, 10_000) if one.type.startswith("command.")]


def test_a_file_left_by_a_crash_before_its_generation_was_known_is_in_nobodys_way(
    readable: Readable, tmp_path: Path
) -> None:
    readable.given(create(ANN))
    readable.projector.catch_up()
    with closing(sqlite3.connect(tmp_path / "ledger.db.projections-2.db")) as left:
        left.execute("CREATE TABLE something (x)")
    readable.projector.rebuild()
    assert live(readable.store).number == 2
    assert readable.show(ANN).id == "101"


# -- connections


def test_a_file_that_is_no_database_is_closed_again(readable: Readable, monkeypatch: pytest.MonkeyPatch) -> None:
    readable.given(create(ANN))
    readable.projector.catch_up()
    readable.store.close()
    generation = live(readable.store)
    Path(generation.location).write_bytes(b"no database" * 1000)
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Watched))
    with pytest.raises(UnusableProjections), readable.store.page(generation):
        pass
    assert not Watched.left_open
