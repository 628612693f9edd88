"""Layer: cli. What draws each answer. Each function loads Rich and its drawing module only when it is called.

A run that prints JSON therefore never loads them.
"""

from typing import TYPE_CHECKING

from cli.drawing.output import Json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cli.drawing.tables import Row


def record_page(record: "Row") -> "RenderableType":
    from cli.drawing import pages

    return pages.record_page(record)


def merge_page(merge: "Row") -> "RenderableType":
    from cli.drawing import pages

    return pages.merge_page(merge)


def merge_line(merge: "Row") -> "RenderableType":
    from cli.drawing import pages

    return pages.merge_line(merge)


def lineage_page(lineage: "Row") -> "RenderableType":
    from cli.drawing import details

    return details.lineage_page(lineage)


def segment_page(segment: "Row") -> "RenderableType":
    from cli.drawing import details

    return details.segment_page(segment)


def workflow_page(workflow: "Row") -> "RenderableType":
    from cli.drawing import details

    return details.workflow_page(workflow)


def outcome_page(outcome: "Row") -> "RenderableType":
    from cli.drawing import details

    return details.outcome_page(outcome)


def settings_page(settings: "Row") -> "RenderableType":
    from cli.drawing import details

    return details.settings_page(settings)


def status_page(status: "Row") -> "RenderableType":
    from cli.drawing import details

    return details.status_page(status)


def records(listed: Json) -> "RenderableType":
    from cli.drawing import tables

    return tables.records(listed)


def resolved(listed: Json) -> "RenderableType":
    from cli.drawing import tables

    return tables.resolved(listed)


def history(listed: Json) -> "RenderableType":
    from cli.drawing import tables

    return tables.history(listed)


def timeline(listed: Json) -> "RenderableType":
    from cli.drawing import tables

    return tables.timeline(listed)


def merges(listed: Json) -> "RenderableType":
    from cli.drawing import tables

    return tables.merges(listed)


def segments(listed: Json) -> "RenderableType":
    from cli.drawing import tables

    return tables.segments(listed)


def workflows(listed: Json) -> "RenderableType":
    from cli.drawing import tables

    return tables.workflows(listed)


def outcomes(listed: Json) -> "RenderableType":
    from cli.drawing import tables

    return tables.outcomes(listed)


def events(listed: Json) -> "RenderableType":
    from cli.drawing import tables

    return tables.events(listed)


def projections(listed: Json) -> "RenderableType":
    from cli.drawing import tables

    return tables.projections(listed)
