"""Layer: tests. The eventsourcing library works on this log: its own recorder test case, repository and log."""

import tempfile
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import EventStore, IntegrityError, StoredEvent

from domain.state.record import Record
from ledger.indexes.changes import Changes, rebuild_indexes
from ledger.ledger import Ledger
from ledger.library import Appended, EventMapper, LedgerRecorder, fold, notification_log, repository
from ledger.store.codec import UnknownEventType, encode
from ledger.store.port import Store
from tests.builders import ANN, ANNA, ANNE, create, merge, update
from tests.contracts.places import PLACES, Place, TickingClock, batch
from tests.ledger.examples import EXAMPLES

with warnings.catch_warnings():  # On import it forgets what warnings are to be.
    from eventsourcing.tests import persistence as shipped

ANNS_STREAM = "main/records/contacts/101"


class OnOurStore(shipped.ApplicationRecorderTestCase[LedgerRecorder]):
    """The library's own test case; its topics are no events of ours, so nothing is indexed."""

    kind: str
    __test__ = False

    def new_originator_id(self) -> str:
        return str(uuid4())

    def create_recorder(self) -> LedgerRecorder:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        store = self.enterContext(closing(PLACES[self.kind](Path(folder)).open(TickingClock())))
        return LedgerRecorder(store, changes=lambda _: Changes())


for _kind in PLACES:
    _name = f"TestLibraryRecorderOn{_kind.title()}"
    globals()[_name] = type(_name, (OnOurStore,), {"kind": _kind, "__test__": True})


def test_an_aggregate_is_read_through_the_librarys_repository(ledger: Ledger) -> None:
    ledger.execute(batch(create(ANN, city="Gent"), update(ANN, city="Brugge")))
    found = repository(ledger.store).get(ANNS_STREAM, projector_func=fold)
    assert isinstance(found.state, Record)
    assert (found.id, found.version, found.state.properties["city"].v) == (ANNS_STREAM, 2, "Brugge")
    before = repository(ledger.store).get(ANNS_STREAM, version=1, projector_func=fold)
    assert before.state.properties["city"].v == "Gent"
    with pytest.raises(AggregateNotFoundError):
        repository(ledger.store).get("main/records/contacts/199", projector_func=fold)


def test_an_aggregate_is_read_as_it_was_at_a_position(ledger: Ledger) -> None:
    ledger.execute(batch(create(ANN, city="Gent"), update(ANN, city="Brugge")))
    assert repository(ledger.store, up_to=1).get(ANNS_STREAM, projector_func=fold).version == 1


def test_the_log_is_read_through_the_librarys_notification_log(ledger: Ledger) -> None:
    ledger.execute(batch(create(ANN), create(ANNE), merge()))
    log = notification_log(ledger.store, section_size=5)
    section = log["1,5"]
    assert section.id == "1,5"
    assert section.next_id == "6,10"
    read = [*section.items, *log["6,10"].items]
    assert [(one.id, one.originator_id, one.topic, one.state) for one in read] == [
        (one.position, one.stream, one.type, one.data) for one in ledger.read(0, 100)
    ]


def test_what_the_library_appends_is_indexed_as_our_own(place: Place, store: Store, ledger: Ledger) -> None:
    events: EventStore[str] = EventStore(EventMapper(), LedgerRecorder(store))
    created = [EXAMPLES["record.created.v1"]]
    events.put([Appended(ANNS_STREAM, version, event) for version, event in enumerate(created, 1)])
    kept = place.indexes()
    assert kept["claims"]
    rebuild_indexes(store)
    assert place.indexes() == kept
    assert ledger.state(ANNS_STREAM).properties["tags"].v == ["personal"]


def test_the_library_appends_no_event_that_is_not_ours(store: Store, ledger: Ledger) -> None:
    foreign = StoredEvent(ANNS_STREAM, 1, "os:system", b"{}")
    with pytest.raises(UnknownEventType):
        LedgerRecorder(store).insert_events([foreign])
    assert ledger.head() == 0


def test_saving_what_is_stored_already_is_said_aloud(store: Store, ledger: Ledger) -> None:
    # The library drains an aggregate's pending events, so saving it again after a conflict writes nothing, in silence.
    # Here nothing is pending anywhere: the same events again are a conflict, as often as they are sent.
    stored = StoredEvent(ANNS_STREAM, 1, "record.archived.v1", encode(EXAMPLES["record.archived.v1"]))
    recorder = LedgerRecorder(store)
    assert recorder.insert_events([stored]) == [1]
    for _ in range(3):
        with pytest.raises(IntegrityError):
            recorder.insert_events([stored])
    assert ledger.head() == 1


def test_the_librarys_tracking_is_refused_for_it_accepts_any_greater_position(store: Store) -> None:
    with pytest.raises(TypeError, match="compare-and-set"):
        LedgerRecorder(store).insert_events([], tracking=None)


def test_the_library_offers_no_subscription_here(store: Store) -> None:
    with pytest.raises(NotImplementedError, match=r"Ledger\.read"):
        LedgerRecorder(store).subscribe()


@pytest.mark.parametrize("topics", [(), ("record.merged.v1",), ("record.merged.v1", "command.applied.v1")])
def test_notifications_are_chosen_by_type_and_found_on_any_page(
    ledger: Ledger, topics: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.execute(batch(create(ANN), create(ANNE), merge(), update(ANNA, city="Gent")))
    expected = [one.position for one in ledger.read(0, 100) if not topics or one.type in topics]
    monkeypatch.setattr("ledger.library.PAGE_EVENTS", 2)
    recorder: Any = LedgerRecorder(ledger.store)
    assert [one.id for one in recorder.select_notifications(None, 100, topics=topics)] == expected
    assert [one.id for one in recorder.select_notifications(None, 1, topics=topics)] == expected[:1]
