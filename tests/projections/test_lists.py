"""Layer: tests. Lists and their pages, outcomes, events, settings, and finding records."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from domain.language.events import RecordsMerged
from domain.language.filters import FilterGroup
from domain.language.ids import RecordRef
from projections.reading import Reader, shapes
from projections.reading.lists import OutcomesAsked
from projections.reading.paging import BadCursor, PageAsked
from tests.builders import (
    ACME,
    ACME_BV,
    ANA,
    ANN,
    ANNA,
    ANNE,
    ANNIE,
    HANNAH,
    NOBODY,
    archive,
    at,
    configure,
    create,
    define,
    link_sync,
    log_activity,
    merge,
    static_segment,
    submit_form,
    update,
    where,
    workflow,
)
from tests.projections.histories import EVERYTHING
from tests.reading import Readable

Read = Callable[[Reader, PageAsked], shapes.Listing[Any] | None]

LISTS: dict[str, Read] = {
    "search": lambda reader, page: reader.search("contacts", page=page),
    "history": lambda reader, page: reader.history(*ANN, page),
    "timeline": lambda reader, page: reader.timeline(*ANN, page),
    "merges": lambda reader, page: reader.merges(page=page),
    "segments": lambda reader, page: reader.segments(page),
    "workflows": lambda reader, page: reader.workflows(page),
    "outcomes": lambda reader, page: reader.outcomes(page=page),
    "events": lambda reader, page: reader.events(page=page),
    "events of a record": lambda reader, page: reader.events(("contacts", "102"), page=page),
}


def pages(read: Read, reader: Reader, limit: int) -> list[list[bytes]]:
    """Read a list from page to page."""
    after, found = None, []
    while True:
        listing = read(reader, PageAsked(limit, after))
        assert listing is not None
        found.append([msgspec.json.encode(one) for one in listing.results])
        if isinstance(listing.paging, msgspec.UnsetType):
            return found
        after = listing.paging.next.after


# -- pages


@pytest.mark.parametrize("name", LISTS)
def test_pages_hold_what_one_large_page_holds_in_the_same_order(readable: Readable, name: str) -> None:
    readable.execute(*EVERYTHING, workflow("another"), merge(ANNA, ANA, into=HANNAH))
    with readable.reading() as reader:
        (whole,) = pages(LISTS[name], reader, 1_000)
        assert len(whole) > 1
        for limit in (1, 2, len(whole) - 1, len(whole)):
            several = pages(LISTS[name], reader, limit)
            assert [one for page in several for one in page] == whole
            assert all(len(page) == limit for page in several[:-1])
            assert several[-1], "the last page is not empty"


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("after", ["nothing", "", "WyJhIiwxLDIsMyw0XQ", "W10", "é", "eyJhIjoxfQ"])
def test_what_is_no_cursor_is_refused(readable: Readable, name: str, after: str) -> None:
    readable.execute(*EVERYTHING)
    with readable.reading() as reader, pytest.raises(BadCursor, match="no cursor of this list"):
        LISTS[name](reader, PageAsked(10, after))


def test_a_list_is_written_as_the_contract_says(readable: Readable) -> None:
    readable.given(create(ANN), create(ANNE))
    with readable.reading() as reader:
        first = msgspec.to_builtins(reader.outcomes(page=PageAsked(1)))
        assert first["results"] == [
            {"command_id": first["results"][0]["command_id"], "status": "applied", "record_id": "101", "position": 1}
        ]
        assert set(first) == {"results", "paging"}
        assert set(msgspec.to_builtins(reader.outcomes(page=PageAsked(2)))) == {"results"}
        assert msgspec.to_builtins(reader.search("contacts", page=PageAsked(1)))["total"] == 2
        assert msgspec.to_builtins(reader.search("deals")) == {"results": [], "total": 0}


# -- outcomes and events


def test_outcomes_are_listed_by_status_code_and_time(readable: Readable) -> None:
    readable.given(create(ANN))
    refused = readable.execute(create(ANN))[0]
    unmet = readable.execute(update(NOBODY, city="Gent"))[0]
    with readable.reading() as reader:
        assert reader.outcomes(OutcomesAsked(status="refused")).results == [refused, unmet]
        assert reader.outcomes(OutcomesAsked(code="NOT_FOUND")).results == [unmet]
        assert reader.outcomes(OutcomesAsked(status="applied", code="NOT_FOUND")).results == []
        assert len(reader.outcomes(OutcomesAsked(status="applied")).results) == 1
        assert len(reader.outcomes(OutcomesAsked(since=at("2020-01-01"))).results) == 3
        assert reader.outcomes(OutcomesAsked(since=at("2120-01-01"))).results == []


def test_a_command_id_sent_with_another_body_shows_both_answers(readable: Readable) -> None:
    command = create(ANN, city="Gent")
    first = readable.told(command)
    other = readable.execute(msgspec.structs.replace(command, properties={"city": "Luik"}))[0]
    with readable.reading() as reader:
        assert reader.outcome(command.command_id) == [first, other]
        assert reader.outcome("never sent") == []


def test_events_are_listed_as_they_are_stored(readable: Readable) -> None:
    readable.given(create(ANN, city="Gent"), create(ANNE), merge())
    with readable.reading() as reader:
        every = reader.events().results
        assert [one.position for one in every] == list(range(1, readable.ledger.head() + 1))
        assert every[0].stream == "main/records/contacts/101"
        assert every[0].type == "record.created.v1"
        assert msgspec.json.decode(every[0].data)["values"]["101"]["city"]["v"] == "Gent"
        merged = reader.events(event_type=RecordsMerged.EVENT_TYPE).results
        assert [one.stream for one in merged] == ["main/records/contacts/103"]


def test_the_events_of_a_record_are_those_of_its_lineage(readable: Readable) -> None:
    readable.given(create(ANN), create(ANNE), create(ANA), merge(), update(ANN, city="Gent"))
    with readable.reading() as reader:
        listed = reader.events(("contacts", "102")).results
        assert [one.stream.rsplit("/", 1)[1] for one in listed] == ["101", "102", "103", "101", "102", "103"]
        of_type = reader.events(("contacts", "102"), "record.updated.v1").results
        assert [one.stream for one in of_type] == ["main/records/contacts/103"]


def test_events_of_other_accounts_and_later_ones_are_not_listed(readable: Readable) -> None:
    readable.given(create(ANN), create(ANN, account="other"))
    with readable.reading() as reader:
        readable.given(update(ANN, city="Gent"))
        assert {one.stream.split("/")[0] for one in reader.events().results} == {"main"}
        assert reader.events().results[-1].position <= reader.position


# -- accounts


def test_an_account_begins_with_its_first_command(readable: Readable) -> None:
    readable.given(create(ANN, account="north"))
    readable.execute(update(ANN, account="south", city="Gent"))  # Refused, and a command all the same.
    for account, known in (("north", True), ("south", True), ("main", False)):
        with readable.reading(account) as reader:
            assert reader.knows_account() is known
            assert reader.account == account


def test_accounts_see_nothing_of_each_other(readable: Readable) -> None:
    readable.given(create(ANN, email="ann@x.be", account="north"), create(ANN, email="ann@x.be", account="south"))
    readable.given(create(ANNE, account="north"), merge(account="north"))
    with readable.reading("south") as reader:
        assert reader.resolve("contacts", ["101", "102", "103"])[0].path == ["101"]
        assert [one.status for one in reader.resolve("contacts", ["102", "103"])] == ["unknown", "unknown"]
        assert [one.id for one in reader.find_by_email("contacts", "ann@x.be")] == ["101"]
        assert reader.merges().results == []
        assert [one.id for one in reader.search("contacts").results] == ["101"]


def test_settings_say_where_each_comes_from(readable: Readable) -> None:
    limit = readable.told(configure(merge_limit=5, subscriptions={"sales": "free"}))
    readable.told(configure(static_segments="union"))
    later = readable.told(define("cars", vin={"unique": True}))
    with readable.reading() as reader:
        shown = reader.settings().settings
        assert msgspec.to_builtins(shown["merge_limit"]) == {
            "value": 5, "origin": "command", "command_id": limit.command_id, "position": limit.position,
        }  # fmt: skip
        assert msgspec.to_builtins(shown["legal_basis"]) == {"value": "multiple", "origin": "default"}
        assert shown["subscriptions"].value == {"sales": "free", "service": "professional", "marketing": "professional"}
        assert shown["object_types"].position == later.position
        before = reader.settings(as_of=limit.position).settings
        assert before["static_segments"].origin == "default"
        assert before["merge_limit"].value == 5
        assert reader.settings(as_of=0).settings["merge_limit"].value == 250


# -- finding


def test_records_are_found_by_what_leads_to_them_through_any_merge(readable: Readable) -> None:
    readable.given(
        create(ANN, email="ann@x.be"),
        create(ANNE, email="anne@x.be"),
        link_sync(ANN, "sf1"),
        submit_form(usertoken="u1", email="anne@x.be"),
        create(ACME, domain="acme.be"),
        create(ACME_BV, domain="acme.be"),
        merge(),
    )
    with readable.reading() as reader:
        for found in (
            reader.find_by_email("contacts", " Anne@X.be "),
            reader.find_by_email("contacts", "ann@x.be"),
            reader.find_by_usertoken("contacts", "u1"),
            reader.find_by_sync("contacts", "salesforce", "sf1"),
        ):
            assert [one.id for one in found] == ["103"]
        assert [one.id for one in reader.find_by_domain("companies", "ACME.be.")] == ["201", "202"]
        for nothing in (
            reader.find_by_email("contacts", "nobody@x.be"),
            reader.find_by_email("companies", "ann@x.be"),
            reader.find_by_domain("companies", "."),
            reader.find_by_sync("contacts", "other", "sf1"),
        ):
            assert nothing == []


def test_a_unique_property_is_looked_up_and_any_other_searched(readable: Readable) -> None:
    readable.given(define("contacts", badge={"unique": True}))
    readable.given(create(ANN, badge="7", city="Gent"), create(ANNE, badge="8", city="Gent"), create(ANA, city="Luik"))
    readable.given(archive(ANA))
    with readable.reading() as reader:
        assert [one.id for (one,) in reader.find_by_property("contacts", "badge", " 8 ")] == ["102"]
        assert [[one.id for one in found] for found in reader.find_by_property("contacts", "city", "gent")] == [
            ["101", "102"]
        ]
        assert list(reader.find_by_property("contacts", "city", "Luik")) == []


def test_a_search_sees_read_only_properties(readable: Readable) -> None:
    readable.given(create(ANN, email="ann@x.be"), create(ANNE, email="anne@x.be"), create(ANNIE), merge())
    wanted: dict[str, list[FilterGroup]] = {
        "103": where(hs_additional_emails="anne@x.be"),
        "105": where(hs_object_id="105"),
    }
    with readable.reading() as reader:
        for record_id, groups in wanted.items():
            found = reader.search("contacts", groups)
            assert ([one.id for one in found.results], found.total) == ([record_id], 1)


def test_many_ids_are_resolved_at_once_in_their_order(readable: Readable) -> None:
    readable.given(create(ANN), create(ANNE), create(ANA), create(ANNIE), archive(ANNIE))
    readable.given(merge(), merge(ANNA, ANA))
    with readable.reading() as reader:
        resolved = reader.resolve("contacts", ["102", "199", "105", "106", "102"])
    assert [(one.requested_id, one.status, one.current_id, one.current_status, one.path) for one in resolved] == [
        ("102", "merged_away", "106", "active", ["102", "103", "106"]),
        ("199", "unknown", None, None, []),
        ("105", "archived", "105", "archived", ["105"]),
        ("106", "active", "106", "active", ["106"]),
        ("102", "merged_away", "106", "active", ["102", "103", "106"]),
    ]


def test_many_records_are_shown_at_once(readable: Readable) -> None:
    readable.execute(*EVERYTHING)
    with readable.reading() as reader:
        shown = reader.records("contacts", ["102", "105", "199", "101"])
        assert [(one.requested_id, one.id) for one in shown] == [("102", "103"), ("105", "105"), ("101", "103")]
        assert shown == [reader.record("contacts", one) for one in ("102", "105", "101")]


def test_the_number_of_queries_does_not_grow_with_the_records(
    readable: Readable, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [RecordRef("contacts", f"n{number}") for number in range(40)]
    readable.execute(*EVERYTHING, *(create(one) for one in many), *(log_activity(f"a{one[1]}", one) for one in many))
    with readable.reading() as reader:
        asked: list[str] = []
        rows: Any = reader._now.rows  # noqa: SLF001  to count

        def counted(name: str) -> Callable[..., Any]:
            plain = getattr(rows, name)

            def ask(*args: object, **params: object) -> object:
                asked.append(name)
                return plain(*args, **params)

            return ask

        for name in ("select", "by_keys", "newest_of_records"):
            monkeypatch.setattr(rows, name, counted(name))
        reader.records("contacts", ["102"])
        one = len(asked)
        reader.records("contacts", ["102", *(record.record_id for record in many)])
        assert len(asked) - one <= one


def test_segments_and_workflows_that_do_not_exist_are_none(readable: Readable) -> None:
    readable.given(static_segment("list"))
    with readable.reading() as reader:
        assert reader.segment("none") is None
        assert reader.workflow("none") is None
        assert reader.merge("m-none") is None
        assert reader.record(*NOBODY) is None
        assert reader.record(*NOBODY, follow=False) is None
        assert reader.history(*NOBODY) is None
        assert reader.timeline(*NOBODY) is None
        assert reader.lineage(*NOBODY) is None
