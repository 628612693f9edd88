"""Layer: cli. Reads records: show, find, resolve, search, history, timeline, lineage."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter

from cli.drawing import late
from cli.drawing.output import Answer
from cli.drawing.paging import Shown, write_pages, write_rows
from cli.session.arguments import LIMIT, After, AsOf, Here, Ids, Limit, filter_groups, moment, page_asked, pair
from cli.session.exits import DONE, FOUND, Mistake, NotThere
from cli.session.opening import position_of, reading, there
from cli.session.session import Session
from domain.language.refusals import InvalidFilter
from projections.reading import Reader, shapes

RESOLVED_AT_ONCE: Final = 1_000

Type: TypeAlias = Annotated[str, Parameter(help="contacts, companies, deals, tickets, or another object type.")]
Id: TypeAlias = Annotated[str, Parameter(help="A record's id, old or current.")]


@contextmanager
def _filter_readable(option: str) -> Iterator[None]:
    """Raise Mistake, naming the option, for a filter that is not valid."""
    try:
        yield
    except InvalidFilter as refusal:
        msg = f"{option}: {refusal.code}: {refusal.message}"
        raise Mistake(msg) from None


def show(
    object_type: Type,
    record_id: Id,
    /,
    *,
    as_of: AsOf = None,
    follow: Annotated[bool, Parameter(negative="--no-follow", help="Follow an old id to its record.")] = True,
    session: Here,
) -> Answer:
    """Show a record by any id it has had."""
    asked = moment(as_of)
    with reading(session, object_type) as reader:
        found = reader.record(object_type, record_id, as_of=position_of(reader, asked), follow=follow)
    what = f"{object_type} {record_id}" + (f" as of {as_of}" if as_of else "")
    return Answer(there(found, what, session), late.record_page)


def find(  # noqa: PLR0913  one per way to find
    object_type: Type,
    /,
    *,
    email: Annotated[str | None, Parameter(help="An address, additional ones included.")] = None,
    domain: Annotated[str | None, Parameter(help="A domain, additional ones included.")] = None,
    usertoken: Annotated[str | None, Parameter(help="A form's cookie.")] = None,
    sync: Annotated[str | None, Parameter(help="A record of another system, such as salesforce:sf1.")] = None,
    property_: Annotated[str | None, Parameter("--property", help="A property's value, NAME=VALUE.")] = None,
    session: Here,
) -> int:
    """Find records by address, domain, token, sync or property."""
    given = [one for one in (email, domain, usertoken, sync, property_) if one is not None]
    if len(given) != 1:
        msg = "expected one of --email, --domain, --usertoken, --sync, --property"
        raise Mistake(msg)

    def look(reader: Reader) -> Iterator[list[shapes.Record]]:
        if property_ is not None:
            return reader.find_by_property(object_type, *pair(property_, "--property", "="))
        if email is not None:
            found = reader.find_by_email(object_type, email)
        elif domain is not None:
            found = reader.find_by_domain(object_type, domain)
        elif usertoken is not None:
            found = reader.find_by_usertoken(object_type, usertoken)
        else:
            found = reader.find_by_sync(object_type, *pair(sync or "", "--sync", ":"))
        return iter([found] if found else [])

    with reading(session, object_type) as reader, _filter_readable("--property"):
        found = _some(look(reader), object_type, session)
        names = _names_of_properties(look(reader)) if session.format == "csv" else ()
        shown = Shown(shapes.Record, late.records, {"properties": names})
        return write_rows(found, shown, session)


def _some(batches: Iterator[list[shapes.Record]], object_type: str, session: Session) -> Iterator[list[shapes.Record]]:
    """Return the batches unchanged, or raise NotThere before anything is written if there are none."""
    first = next(batches, None)
    if first is None:
        msg = f"no {object_type} found in account {session.account}"
        raise NotThere(msg)
    return chain([first], batches)


def _names_of_properties(batches: Iterable[list[shapes.Record]]) -> list[str]:
    """List the names of the properties that these records have; a CSV file needs them before its first row."""
    return sorted({name for batch in batches for record in batch for name in record.properties})


def resolve(
    object_type: Type,
    /,
    *record_ids: Annotated[str, Parameter(help="Ids; - reads them from stdin.")],
    session: Here,
) -> int:
    """Report the current record of each id."""
    asked = Ids(record_ids, session)
    with reading(session, object_type) as reader:
        found = (reader.resolve(object_type, batch) for batch in _batches(asked))
        write_rows(found, Shown(shapes.Resolved, late.resolved), session)
    return FOUND if asked.left_out else DONE


def _batches(asked: Iterable[str]) -> Iterator[list[str]]:
    ids = iter(asked)
    while batch := list(islice(ids, RESOLVED_AT_ONCE)):
        yield batch


def search(  # noqa: PLR0913  one per option
    object_type: Type,
    /,
    *,
    filter_: Annotated[str | None, Parameter("--filter", help="Filter groups, in HubSpot's JSON.")] = None,
    merged: Annotated[bool, Parameter(help="Only records that result from a merge.")] = False,
    limit: Limit = LIMIT,
    after: After = None,
    session: Here,
) -> int:
    """Search the active records of a type."""
    groups, page = filter_groups(filter_), page_asked(limit, after)
    with reading(session, object_type) as reader, _filter_readable("--filter"):
        names = reader.property_names(object_type, groups, merged=merged) if session.format == "csv" else ()
        return write_pages(
            lambda page: reader.search(object_type, groups, page, merged=merged),
            page,
            Shown(shapes.Record, late.records, {"properties": names}),
            session,
        )


def history(  # noqa: PLR0913  one per option
    object_type: Type,
    record_id: Id,
    /,
    *,
    property_: Annotated[str | None, Parameter("--property", help="Only this property.")] = None,
    limit: Limit = LIMIT,
    after: After = None,
    session: Here,
) -> int:
    """Show every value that a record and those merged into it ever had."""
    page = page_asked(limit, after)
    with reading(session, object_type) as reader:
        return write_pages(
            lambda page: there(
                reader.history(object_type, record_id, page, property_name=property_),
                f"{object_type} {record_id}",
                session,
            ),
            page,
            Shown(shapes.HistoryEntry, late.history),
            session,
        )


def timeline(object_type: Type, record_id: Id, /, *, limit: Limit = LIMIT, after: After = None, session: Here) -> int:
    """Show the activities of a record and those merged into it, the newest first."""
    page = page_asked(limit, after)
    with reading(session, object_type) as reader:
        return write_pages(
            lambda page: there(reader.timeline(object_type, record_id, page), f"{object_type} {record_id}", session),
            page,
            Shown(shapes.Activity, late.timeline),
            session,
        )


def lineage(object_type: Type, record_id: Id, /, *, session: Here) -> Answer:
    """Show what a record was merged from."""
    with reading(session, object_type) as reader:
        found = reader.lineage(object_type, record_id)
    return Answer(there(found, f"{object_type} {record_id}", session), late.lineage_page)
