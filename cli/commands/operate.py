"""Layer: cli. For operators: the projections, and the state of the installation on one page."""

from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from cli.commands.status import database_clock, kafka_checks
from cli.drawing import late
from cli.drawing.output import Answer
from cli.session.arguments import Here
from cli.session.exits import DONE, FOUND, STORE_UNUSABLE
from cli.session.masking import masked, masked_place
from cli.session.opening import opened, run
from cli.session.session import Session
from consumers.operating.checks import Check
from consumers.publisher.publisher import NAME as PUBLISHER
from ledger.looking import look_through
from ledger.store.damage import Damaged
from ledger.store.port import StoreUnusable
from projections.opening import Opened

_LOOKING_S: Final = 5.0  # How long `status` reads the log; it reports the position reached.


def projections_list(
    *, digests: Annotated[bool, Parameter(negative="--no-digests", help="Include digests.")] = True, session: Here
) -> Answer:
    """List position, lag and digest of each projection, after catching up unless --no-catch-up."""
    with opened(session) as sides:
        if session.settings.catch_up:
            run(sides.projector, session, "catch up")
        found = sides.projector.status(digests=digests)
    return Answer(found, late.projections, rows=found)


def projections_run(*, session: Here) -> int:
    """Bring the projections up to date."""
    with opened(session) as sides:
        progress = run(sides.projector, session, "project")
    session.say(f"up to date: {progress.summary()}")
    return DONE


def projections_rebuild(*, session: Here) -> int:
    """Rebuild the projections from the first event; readers keep using the current ones until it is done."""
    with opened(session) as sides:
        progress = run(sides.projector, session, "rebuild", rebuild=True)
    session.say(f"rebuilt: {progress.summary()}")
    return DONE


def status(*, session: Here) -> Answer:
    """Show the database, the projections' lag and the settings with their origin; also Kafka, when it is configured.

    Exit 5 when the database or Kafka cannot be used; 1 when the log is damaged but readable, or another check of Kafka
    failed.
    """
    shown = {one.name: one.shown for one in session.settings.origins}
    told: dict[str, Any] = {"database": {"location": shown["db"]}, "projections": None}
    code = DONE
    notes: list[str] = []
    kafka: list[Check] = []
    findings: list[str] = []
    try:
        with opened(session, inspect=True) as sides:
            told["database"] = _database(sides, session)
            findings = told["database"]["findings"]
            try:
                told["projections"] = _projections(sides)
            except Damaged as damaged:
                findings += [line for line in [str(damaged)] if line not in findings]
            code = FOUND if findings else DONE
            notes += [f"merge-ledger: {finding}" for finding in findings[:1]]
            if session.settings.names_kafka:
                told["publishing"] = _publishing(sides)
                kafka = [database_clock(session, sides.ledger.store)]
    except StoreUnusable as unusable:
        told["database"]["problem"] = masked(str(unusable))
        code = STORE_UNUSABLE
        notes.append(f"merge-ledger: {masked(str(unusable))}")
    if session.settings.names_kafka:
        found, unusable_or_not = kafka_checks(session)
        told["kafka"] = kafka = [*found, *kafka]
        code = code or unusable_or_not or (DONE if all(check.ok for check in kafka) else FOUND)
        notes = notes or [f"merge-ledger: Kafka: {check.line}" for check in kafka if not check.ok][:1]
    told["settings"] = [
        {"name": one.name, "value": one.shown, "origin": one.origin} for one in session.settings.origins
    ]
    return Answer(told, late.status_page, code=code, notes=tuple(notes))


def _database(sides: Opened, session: Session) -> dict[str, Any]:
    store = sides.ledger.store
    looked = look_through(sides.ledger, _LOOKING_S)
    found = [*store.findings, *([] if looked.finding is None else [looked.finding])]
    file = Path(session.settings.db)
    return {
        "location": masked_place(store.location),
        "schema_version": store.schema_version,
        "position": sides.ledger.head(),
        "bytes": file.stat().st_size if file.is_file() else None,
        "checked": looked.position,
        "findings": [str(finding) for finding in found],
    }


def _publishing(sides: Opened) -> dict[str, Any]:
    """Compare the published position with the ledger's head, whether or not a publisher runs."""
    bookmark = sides.ledger.bookmark(PUBLISHER)
    position = bookmark.at if bookmark else 0
    return {"position": position, "lag_events": sides.ledger.head() - position}


def _projections(sides: Opened) -> dict[str, Any]:
    first = sides.projector.status()[0]
    return {
        "generation": first.generation,
        "position": first.position,
        "lag_events": first.lag_events,
        "lag_seconds": first.lag_seconds,
    }
