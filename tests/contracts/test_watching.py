"""Layer: tests. What is missing from the log, or was changed, stops whoever reads it, on every store."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from consumers.publisher.pages import Folder
from domain.language import events as e
from ledger.batch.loading import DamagedStream
from ledger.ledger import Ledger
from ledger.looking import look_through
from ledger.positions import read_commands
from ledger.store.codec import encode
from ledger.store.damage import UnguardedLog
from ledger.store.port import StoredEvent
from ledger.store.watching import DamagedLog, whole_commands
from projections.models.catalogue import READ_MODEL
from projections.running.runner import Projector
from projections.store.sqlite import SqliteReadStore
from tests.builders import ANA, ANN, ANNA, ANNE, create, merge, update
from tests.contracts.places import Place, SqlitePlace, TickingClock, batch

SQLITE_TRIGGERS = (
    "events_are_appended",
    "events_follow_their_stream",
    "events_do_not_change",
    "events_are_not_deleted",
)
MERGED = 5  # The position of the merge: two records, each with its outcome, come before it.


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """A ledger with a merge, and commands before and after it."""
    ledger.execute(batch(create(ANN), create(ANNE), merge(), update(ANNA, city="Gent"), create(ANA)))
    assert ledger.read(MERGED - 1, 1)[0].type == e.RecordsMerged.EVENT_TYPE
    return ledger


def spoil(place: Place, *statements: str) -> None:
    """Change the log past its triggers, which are there again afterwards."""
    if isinstance(place, SqlitePlace):
        made = [str(sql) for (sql,) in place.sql("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")]
        for name in SQLITE_TRIGGERS:
            place.sql(f"DROP TRIGGER {name}")
        for statement in (*statements, *made):
            place.sql(statement)
    else:
        place.sql("ALTER TABLE merge_ledger.events DISABLE TRIGGER USER")
        for statement in statements:
            place.sql(
                statement.replace(" events", " merge_ledger.events").replace(
                    "UPDATE events", "UPDATE merge_ledger.events"
                )
            )
        place.sql("ALTER TABLE merge_ledger.events ENABLE ALWAYS TRIGGER events_do_not_change")


def project(ledger: Ledger, folder: Path) -> None:
    with closing(SqliteReadStore(folder / "read.db", READ_MODEL)) as store:
        Projector(ledger, store).catch_up()


def publish(ledger: Ledger) -> None:
    Folder(ledger).fold(read_commands(ledger, 0, 1_000))


# -- the log


@pytest.mark.parametrize(
    ("statements", "position"),
    [
        pytest.param(["DELETE FROM events WHERE position = 3"], 3, id="a gap"),
        pytest.param(["DELETE FROM events WHERE position = 1"], 1, id="a gap at the beginning"),
        pytest.param(["DELETE FROM events WHERE position BETWEEN 5 AND 8"], 5, id="a merge"),
        pytest.param(["UPDATE events SET version = version + 1 WHERE position = 9"], 9, id="a version"),
        pytest.param(
            [
                "DELETE FROM events WHERE position = 5",
                *(f"UPDATE events SET position = {at - 1} WHERE position = {at}" for at in range(6, 13)),  # noqa: S608  ours
            ],
            7,
            id="a merge, and positions moved up",
        ),
    ],
)
def test_what_is_missing_stops_every_reader_at_the_first_bad_position(
    place: Place, filled: Ledger, tmp_path: Path, statements: list[str], position: int
) -> None:
    assert look_through(filled, 60.0).finding is None
    spoil(place, *statements)
    readers: list[Callable[[], object]] = [lambda: project(filled, tmp_path), lambda: publish(filled)]
    for read in readers:
        with pytest.raises(DamagedLog, match=f"damaged at position {position}:") as raised:
            read()
        assert "\n" not in str(raised.value)
    finding = look_through(filled, 60.0).finding
    assert isinstance(finding, DamagedLog)
    assert finding.position == position


def test_a_version_that_is_missing_stops_whoever_reads_or_writes_the_stream(place: Place, filled: Ledger) -> None:
    stream = f"main/records/contacts/{ANNA.record_id}"
    spoil(place, f"UPDATE events SET version = 7 WHERE stream = '{stream}' AND version = 2")  # noqa: S608  ours
    with pytest.raises(DamagedLog, match="version 2 of its stream is missing before it"):
        filled.stream(stream)
    with closing(place.open(TickingClock())) as store, pytest.raises(DamagedStream):
        Ledger(store).execute(batch(update(ANNA, city="Brugge")))


def decoded(filled: Ledger) -> list[tuple[StoredEvent, e.Event]]:
    return [(stored, filled.decode(stored)) for stored in filled.read(0, 100)]


@pytest.mark.parametrize("field", ["into", "side", "merge_id"])
def test_a_side_that_does_not_agree_with_its_merge_is_found(place: Place, filled: Ledger, field: str) -> None:
    stored = filled.read(MERGED, 1)[0]
    event = filled.decode(stored)
    assert isinstance(event, e.MergedAway)
    before = f'"{field}":"{getattr(event, field)}"'
    other = {"into": "999", "side": "secondary" if event.side == "primary" else "primary", "merge_id": "m-other"}[field]
    assert before in encode(event).decode()
    changed = encode(event).decode().replace(before, f'"{field}":"{other}"')
    value = f"CAST('{changed}' AS BLOB)" if isinstance(place, SqlitePlace) else f"'{changed}'"
    spoil(place, f"UPDATE events SET state = {value} WHERE position = {stored.position}")  # noqa: S608  ours
    with pytest.raises(DamagedLog, match="do not agree"):
        whole_commands(decoded(filled))


def test_an_event_that_is_left_out_anywhere_is_found_by_what_outcomes_count(filled: Ledger) -> None:
    whole = decoded(filled)
    whole_commands(whole)
    for at in range(len(whole) - 1):
        if not isinstance(whole[at][1], e.CommandApplied) or at:
            with pytest.raises(DamagedLog):
                whole_commands([*whole[:at], *whole[at + 1 :]])


# -- what guards it


def ways_to_unguard(place: Place) -> list[tuple[list[str], str]]:
    """List ways to let the log be changed, each with what is said about it."""
    if isinstance(place, SqlitePlace):
        weak = "CREATE TRIGGER events_do_not_change BEFORE UPDATE ON events BEGIN SELECT 1; END"
        more = "CREATE TRIGGER mine AFTER INSERT ON claims BEGIN DELETE FROM lineages; END"
        return [
            *(([f"DROP TRIGGER {name}"], f"{name} is missing") for name in SQLITE_TRIGGERS),
            (["DROP TRIGGER events_do_not_change", weak], "events_do_not_change was changed"),
            ([more], "mine is none of ours"),
        ]
    table, runs = "merge_ledger.events", "EXECUTE FUNCTION merge_ledger.refuse_change()"
    weak = "CREATE OR REPLACE FUNCTION merge_ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
    return [
        ([f"DROP TRIGGER events_do_not_change ON {table}"], "events_do_not_change is missing"),
        ([f"ALTER TABLE {table} DISABLE TRIGGER events_do_not_change"], "events_do_not_change was changed"),
        ([f"ALTER TABLE {table} ENABLE TRIGGER events_do_not_change"], "events_do_not_change was changed"),
        ([f"{weak} 'BEGIN RETURN NULL; END'"], "events_do_not_change was changed"),
        ([f"CREATE TRIGGER mine AFTER INSERT ON {table} FOR EACH STATEMENT {runs}"], "mine is none of ours"),
        ([f"CREATE RULE mine AS ON INSERT TO {table} DO INSTEAD NOTHING"], "mine is none of ours"),
    ]


@pytest.mark.parametrize("nth", range(6))
def test_a_ledger_whose_log_is_not_guarded_is_not_opened_and_can_be_looked_at(
    place: Place, filled: Ledger, nth: int
) -> None:
    statements, said = ways_to_unguard(place)[nth]
    for statement in statements:
        place.sql(statement)
    with pytest.raises(UnguardedLog, match=said):
        place.open(TickingClock())
    with closing(place.inspect()) as store:
        assert [type(finding) for finding in store.findings] == [UnguardedLog]
        assert look_through(Ledger(store), 60.0) == (filled.head(), None)
