"""Layer: tests. The files of a read model: named after the ledger, never by a row; and those of others are let be."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ledger.opening import open_ledger
from ledger.store.sqlite.files import generation_file, read_side_file
from projections.models.catalogue import READ_MODEL
from projections.opening import read_store
from projections.reading import open_reader, shapes
from projections.running.runner import Projector
from projections.store.owner import OtherLedger
from projections.store.port import UnusableProjections
from projections.store.sqlite import SqliteReadStore
from tests.builders import ANN, ANNE, create, update
from tests.contracts.places import batch
from tests.reading import Readable


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file that is none of the read model's."""
    file = tmp_path / "victim.db"
    sql(file, "CREATE TABLE precious (x)")
    before = file.read_bytes()
    yield file
    assert file.read_bytes() == before


@contextmanager
def projected(path: Path, city: str | None = None) -> Iterator[Projector]:
    """Open a ledger with a record of this city, and project it."""
    with open_ledger(str(path), create=True) as ledger, closing(SqliteReadStore(path, READ_MODEL)) as store:
        if city is not None:
            ledger.execute(batch(create(ANN, city=city)))
        projector = Projector(ledger, store)
        projector.catch_up()
        yield projector


def city(path: Path, *, catch_up: bool = False) -> str | None:
    """Read the record's city as `show --no-catch-up` does."""
    with open_ledger(str(path), create=False) as ledger, closing(read_store(str(path))) as store:
        if catch_up:
            Projector(ledger, store).catch_up()
        with open_reader(store, ledger, "main") as reader:
            record = reader.record(*ANN)
    return str(record.properties["city"]) if isinstance(record, shapes.Record) else None


# -- names are computed


@pytest.mark.parametrize("state", ["live", "building", "old"])
@pytest.mark.parametrize("name", ["victim.db", "../{folder}/victim.db", "{folder}/../victim.db", "/{path}"])
def test_a_row_that_names_another_file_deletes_nothing_and_a_rebuild_mends_it(
    readable: Readable, tmp_path: Path, victim: Path, state: str, name: str
) -> None:
    readable.given(create(ANN))
    readable.projector.catch_up()
    named = name.format(folder=tmp_path.name, path=victim)
    control = read_side_file(tmp_path / "ledger.db")
    if state == "live":
        sql(control, f"UPDATE generations SET file = '{named}'")  # noqa: S608  ours
        with pytest.raises(UnusableProjections, match=r"names another file than its own; .* projections rebuild"):
            readable.projector.catch_up()
    else:
        sql(control, f"INSERT INTO generations (tables_version, file, state) VALUES ('v', '{named}', '{state}')")  # noqa: S608
    readable.projector.rebuild()
    readable.projector.rebuild()
    assert readable.show(ANN).id == "101"
    assert victim.exists()


def test_a_generation_whose_number_is_a_path_is_refused(readable: Readable, tmp_path: Path, victim: Path) -> None:
    readable.given(create(ANN))
    readable.projector.catch_up()
    control = read_side_file(tmp_path / "ledger.db")
    sql(
        control,
        "CREATE TABLE other (number TEXT, tables_version TEXT, file TEXT, state TEXT)",
        f"INSERT INTO other VALUES ('/../{victim.name}', 'v', '{victim.name}', 'old')",  # noqa: S608  ours
        "DROP TABLE generations",
        "ALTER TABLE other RENAME TO generations",
    )
    with pytest.raises(UnusableProjections, match="number of a generation is no number"):
        readable.store.drop_old()
    assert victim.exists()


@pytest.mark.parametrize("what", ["control", "generation"])
def test_a_ledger_whose_name_is_that_of_a_read_models_file_is_neither_written_nor_deleted(
    tmp_path: Path, what: str
) -> None:
    path = tmp_path / "crm"
    other = read_side_file(path) if what == "control" else generation_file(path, 1)
    with open_ledger(str(other), create=True) as ledger:
        ledger.execute(batch(create(ANNE)))
    with pytest.raises(UnusableProjections, match=f"{other.name} beside it is something else"), projected(path, "Gent"):
        pass
    with open_ledger(str(other), create=False) as ledger:
        assert ledger.head() == 2


def test_a_folder_where_a_file_should_be_is_one_line(readable: Readable, tmp_path: Path) -> None:
    generation_file(tmp_path / "ledger.db", 1).mkdir()
    readable.given(create(ANN))
    with pytest.raises(UnusableProjections, match="cannot be used"):
        readable.projector.catch_up()


@pytest.mark.parametrize("name", ["a?b=c.db", "50%.db", "# of contacts.db", "été.db", "with space.db"])
def test_a_read_model_may_have_any_name(tmp_path: Path, name: str) -> None:
    with projected(tmp_path / name, "Gent"):
        assert city(tmp_path / name) == "Gent"


# -- every ledger has its own


def test_ledgers_whose_names_differ_by_their_ending_have_read_models_of_their_own(tmp_path: Path) -> None:
    names = {"crm": "Gent", "crm.db": "Brugge", "crm.db.db": "Namur", "crm.projections": "Liège"}
    for name, where in names.items():
        with projected(tmp_path / name, where):
            pass
    assert {name: city(tmp_path / name) for name in names} == names
    assert {name: city(tmp_path / name, catch_up=True) for name in names} == names


@pytest.mark.parametrize("grown", [0, 3], ids=["as long", "longer"])
def test_a_ledger_in_the_place_of_another_is_not_answered_for_by_the_others_read_model(
    tmp_path: Path, grown: int
) -> None:
    path, other = tmp_path / "crm.db", tmp_path / "elsewhere" / "crm.db"
    other.parent.mkdir()
    with projected(path, "Gent"):
        pass
    with projected(other, "Brugge") as projector:
        assert isinstance(projector, Projector)
    with open_ledger(str(other), create=False) as ledger:
        for _ in range(grown):
            ledger.execute(batch(update(ANN, city="Namur")))
    shutil.move(other, path)
    with pytest.raises(OtherLedger, match="made from another ledger; run `merge-ledger projections run`"):
        city(path)
    with (
        open_ledger(str(path), create=False) as ledger,
        closing(read_store(str(path))) as store,
        pytest.raises(OtherLedger),
    ):
        Projector(ledger, store).status()
    assert city(path, catch_up=True) == ("Namur" if grown else "Brugge")


def test_an_older_copy_in_the_place_of_its_ledger_is_not_answered_for_by_what_came_later(tmp_path: Path) -> None:
    path, copy = tmp_path / "crm.db", tmp_path / "copy.db"
    with projected(path, "Gent"):
        pass
    shutil.copy(path, copy)
    with projected(path) as projector, open_ledger(str(path), create=False) as ledger:
        ledger.execute(batch(update(ANN, city="Brugge")))
        projector.catch_up()
    shutil.move(copy, path)
    with pytest.raises(OtherLedger):
        city(path)
    assert city(path, catch_up=True) == "Gent"


def test_a_renamed_ledger_takes_its_read_model_along_or_makes_a_new_one(tmp_path: Path) -> None:
    path, renamed = tmp_path / "crm.db", tmp_path / "renamed.db"
    with projected(path, "Gent"):
        pass
    shutil.move(path, renamed)
    assert city(renamed, catch_up=True) == "Gent"


def test_links_and_relative_paths_lead_to_one_read_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "crm.db"
    with projected(path, "Gent"):
        pass
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.db").symlink_to(path)
    (tmp_path / "inside").mkdir()
    for name in ("crm.db", "./crm.db", "inside/../crm.db", "link.db"):
        assert city(Path(name)) == "Gent"
    assert {file.name for file in tmp_path.glob("*projections*.db")} == {
        "crm.db.projections.db",
        "crm.db.projections-1.db",
    }


def test_a_hard_link_has_a_read_model_of_its_own(tmp_path: Path) -> None:
    path, link = tmp_path / "crm.db", tmp_path / "link.db"
    with projected(path, "Gent"):
        pass
    link.hardlink_to(path)
    assert city(link, catch_up=True) == "Gent"
    assert city(path) == "Gent"
