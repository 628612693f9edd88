"""Layer: tests. Projections and claims see an event by the traits of its class; a missing case fails, never passes."""

from collections.abc import Iterable
from typing import Any

import pytest

from domain.language import events as e
from domain.language.values import PersonalValues
from domain.state.claims import claim_changes
from ledger.store.codec import encode
from ledger.store.port import StoredEvent
from projections.folding.page import Page
from projections.models.history import PROPERTY_CHANGES, History
from projections.models.identifiers import Identifiers
from projections.models.segment_definitions import Definitions, definition_of, touched_by
from projections.models.segment_membership import SegmentMembership
from projections.store.tables import Table
from tests.builders import where
from tests.ledger.examples import AT, COMMON, EXAMPLES, personal


class ValuesImported(e.Event, frozen=True, kw_only=True, gc=False):
    """An event that sets values, unknown to the registry."""

    EVENT_TYPE = "record.values-imported.v1"
    SETS_VALUES = True


class TokenAdopted(e.Event, frozen=True, kw_only=True, gc=False):
    """An event that claims, without a case in `claim_changes`."""

    EVENT_TYPE = "record.token-adopted.v1"
    CLAIMS = ("identifiers",)


class MovedToSegment(e.Event, frozen=True, kw_only=True, gc=False):
    """An event that moves members, without a case in the projection."""

    EVENT_TYPE = "record.moved-to-segment.v1"
    MOVES_MEMBERS = True


class NoRows:
    """Rows of an empty read model, which notes what is written."""

    def __init__(self) -> None:
        """Begin with nothing written."""
        self.written: list[tuple[str, tuple[Any, ...]]] = []

    def write(self, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        self.written.extend((table.name, row) for row in rows)

    def select(self, *_: object, **__: object) -> list[tuple[Any, ...]]:
        return []

    by_keys = select


def page_of(event: e.Event) -> Page:
    return Page([(StoredEvent(7, "main/records/contacts/101", 2, event.EVENT_TYPE, encode(event), AT), event)])


def apply(projection: Any, event: e.Event) -> list[tuple[str, tuple[Any, ...]]]:  # noqa: ANN401  any projection
    rows = NoRows()
    projection.apply(page_of(event), rows)
    return rows.written


def test_history_and_segments_see_a_new_event_that_sets_values() -> None:
    event = ValuesImported(**COMMON, values=personal("101", "city"))
    assert [(table, row[:4]) for table, row in apply(History(), event)] == [
        (PROPERTY_CHANGES.name, (7, "main", "contacts", "101"))
    ]
    definition = definition_of("s1", where(city="Gent"))
    assert touched_by(page_of(event).entries[0], Definitions([definition])) == [definition]


def test_an_event_that_claims_needs_a_case_for_its_claims() -> None:
    with pytest.raises(TypeError, match=r"token-adopted\.v1 declares CLAIMS"):
        apply(Identifiers(), TokenAdopted(**COMMON, values=personal("101", e.IDENTIFIER)))


def test_an_event_that_moves_members_needs_a_case_in_segment_membership() -> None:
    with pytest.raises(TypeError, match=r"moved-to-segment\.v1 declares MOVES_MEMBERS"):
        apply(SegmentMembership(), MovedToSegment(**COMMON))


@pytest.mark.parametrize("event", EXAMPLES.values(), ids=EXAMPLES)
def test_an_event_with_values_of_properties_declares_it(event: e.Event) -> None:
    def sets_values(values: PersonalValues) -> bool:
        return any(not name.startswith("@") for of_record in values.values() for name in of_record)

    assert sets_values(event.values) == event.SETS_VALUES


@pytest.mark.parametrize("event", EXAMPLES.values(), ids=EXAMPLES)
def test_an_event_that_claims_declares_it(event: e.Event) -> None:
    claims = [*claim_changes("main", "contacts", "101", event)] if event.CLAIMS != ("workflows",) else []
    assert bool(claims) == (bool(event.CLAIMS) and event.CLAIMS != ("workflows",))
