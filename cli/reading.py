"""Layer: cli. Reads records: show, find, resolve, search, history, timeline, lineage."""

from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter

from cli.arguments import LIMIT, After, AsOf, Here, Limit, filter_groups, ids, moment, page_limit, pair
from cli.exits import Mistake, NotThere
from cli.opening import position_of, reading, there
from cli.output import Answer, drawn_by
from cli.paging import page_of
from projections import shapes
from projections.reading import Reader

RESOLVED_AT_ONCE: Final = 1_000

Type: TypeAlias = Annotated[str, Parameter(help="contacts, companies, deals, tickets, or another object type.")]
Id: TypeAlias = Annotated[str, Parameter(help="A record's id, old or current.")]


def show(
    object_type: Type,
    record_id: Id,
    /,
    *,
    as_of: AsOf = None,
    follow: Annotated[bool, Parameter(negative="--no-follow", help="Follow an old id to its record.")] = True,
    session: Here,
) -> Answer:
    """Show a record, whatever its id was."""
    asked = moment(as_of)
    with reading(session) as reader:
        found = reader.record(object_type, record_id, as_of=position_of(reader, asked), follow=follow)
    what = f"{object_type} {record_id}" + (f" as of {as_of}" if as_of else "")
    return Answer(there(found, what, session), drawn_by("pages:record_page"))


def find(  # noqa: PLR0913  one a way to find
    object_type: Type,
    /,
    *,
    email: Annotated[str | None, Parameter(help="An address, additional ones included.")] = None,
    domain: Annotated[str | None, Parameter(help="A domain, additional ones included.")] = None,
    usertoken: Annotated[str | None, Parameter(help="A form's cookie.")] = None,
    sync: Annotated[str | None, Parameter(help="Another system's record, such as salesforce:sf1.")] = None,
    property_: Annotated[str | None, Parameter("--property", help="A property's value, NAME=VALUE.")] = None,
    session: Here,
) -> Answer:
    """Find records by address, domain, token, sync or property."""
    given = [one for one in (email, domain, usertoken, sync, property_) if one is not None]
    if len(given) != 1:
        msg = "expected one of --email, --domain, --usertoken, --sync, --property"
        raise Mistake(msg)

    def look(reader: Reader) -> list[shapes.Record]:
        if email is not None:
            return reader.find_by_email(object_type, email)
        if domain is not None:
            return reader.find_by_domain(object_type, domain)
        if usertoken is not None:
            return reader.find_by_usertoken(object_type, usertoken)
        if sync is not None:
            return reader.find_by_sync(object_type, *pair(sync, "--sync", ":"))
        return reader.find_by_property(object_type, *pair(property_ or "", "--property", "="))

    with reading(session) as reader:
        found = look(reader)
    if not found:
        msg = f"no {object_type} found in account {session.account}"
        raise NotThere(msg)
    return Answer(found, drawn_by("tables:records"), rows=found)


def resolve(
    object_type: Type,
    /,
    *record_ids: Annotated[str, Parameter(help="Ids; - reads them from stdin.")],
    session: Here,
) -> Answer:
    """Tell which records ids lead to today."""
    asked = ids(record_ids)
    found: list[shapes.Resolved] = []
    with reading(session) as reader:
        for start in range(0, len(asked), RESOLVED_AT_ONCE):
            found += reader.resolve(object_type, asked[start : start + RESOLVED_AT_ONCE])
    return Answer(found, drawn_by("tables:resolved"), rows=found)


def search(  # noqa: PLR0913  one an option
    object_type: Type,
    /,
    *,
    filter_: Annotated[str | None, Parameter("--filter", help="Filter groups, as HubSpot's JSON has them.")] = None,
    merged: Annotated[bool, Parameter(help="Only records that others were merged into.")] = False,
    limit: Limit = LIMIT,
    after: After = None,
    session: Here,
) -> Answer:
    """Search the active records of a type."""
    groups, limit = filter_groups(filter_), page_limit(limit)
    with reading(session) as reader:
        found = reader.search(object_type, groups, merged=merged, limit=limit, after=after)
    total = found.total if isinstance(found.total, int) else len(found.results)
    return page_of(found, drawn_by("tables:records"), f"{total:,} records match")


def history(  # noqa: PLR0913  one an option
    object_type: Type,
    record_id: Id,
    /,
    *,
    property_: Annotated[str | None, Parameter("--property", help="Only this property.")] = None,
    limit: Limit = LIMIT,
    after: After = None,
    session: Here,
) -> Answer:
    """Show every value that a record and those merged into it ever had."""
    limit = page_limit(limit)
    with reading(session) as reader:
        found = reader.history(object_type, record_id, property_name=property_, limit=limit, after=after)
    listed = there(found, f"{object_type} {record_id}", session)
    return page_of(listed, drawn_by("tables:history"))


def timeline(
    object_type: Type, record_id: Id, /, *, limit: Limit = LIMIT, after: After = None, session: Here
) -> Answer:
    """Show the activities of a record and those merged into it, the newest first."""
    limit = page_limit(limit)
    with reading(session) as reader:
        found = reader.timeline(object_type, record_id, limit=limit, after=after)
    listed = there(found, f"{object_type} {record_id}", session)
    return page_of(listed, drawn_by("tables:timeline"))


def lineage(object_type: Type, record_id: Id, /, *, session: Here) -> Answer:
    """Show what a record was merged from."""
    with reading(session) as reader:
        found = reader.lineage(object_type, record_id)
    return Answer(there(found, f"{object_type} {record_id}", session), drawn_by("states:lineage_page"))
