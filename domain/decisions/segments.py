"""Layer: domain. Segments: their definitions, and the records on static ones (H18)."""

from collections.abc import Iterator

from domain.decisions.context import Deciding, record_needs
from domain.language import events as e
from domain.language import streams
from domain.language.commands import AddToSegment, DefineSegment, RemoveFromSegment
from domain.language.refusals import AlreadyExists, SegmentIsActive, SegmentNotFound, TypeMismatch
from domain.state.account import Segment
from domain.state.needs import Need
from domain.state.reading_filters import read_filters
from domain.state.view import View


def definition_needs(command: DefineSegment, _: View) -> Iterator[Need]:
    """The segment as it is defined now."""
    yield streams.segment(command.account, command.segment_id)


def define_segment(deciding: Deciding, command: DefineSegment) -> None:
    """Define a segment, or change its name or filter; its kind and type stay."""
    deciding.known_type(command.object_type)
    old = deciding.view.segment(deciding.account_id, command.segment_id)
    if old is not None and (old.kind, old.object_type) != (command.kind, command.object_type):
        what = f"{old.kind} segment of {old.object_type}"
        raise AlreadyExists(what, command.segment_id)
    deciding.emit(
        streams.segment(deciding.account_id, command.segment_id),
        e.SegmentDefined(
            name=command.name,
            object_type=command.object_type,
            kind=command.kind,
            filter_groups=read_filters(deciding.account, command.object_type, command.filter_groups),
            **deciding.fields(),
        ),
    )


def member_needs(command: AddToSegment | RemoveFromSegment, view: View) -> Iterator[Need]:
    """The record as it is today, and the segment."""
    yield from record_needs(command, view)
    yield streams.segment(command.account, command.segment_id)


def _static_segment(deciding: Deciding, command: AddToSegment | RemoveFromSegment) -> Segment:
    segment = deciding.view.segment(deciding.account_id, command.segment_id)
    if segment is None:
        raise SegmentNotFound(command.segment_id)
    if segment.object_type != command.object_type:
        raise TypeMismatch(segment.object_type, command.object_type, f"the record for segment {command.segment_id}")
    if segment.kind == "active":
        raise SegmentIsActive(command.segment_id)
    return segment


def add_to_segment(deciding: Deciding, command: AddToSegment) -> None:
    """Add a record to a static segment, unless it is on it already."""
    ref = deciding.subject(command)
    _static_segment(deciding, command)
    if command.segment_id not in deciding.record(ref).segments:
        deciding.emit_on(ref, e.AddedToSegment(segment_id=command.segment_id, **deciding.fields(ref)))


def remove_from_segment(deciding: Deciding, command: RemoveFromSegment) -> None:
    """Remove a record from a static segment, if it is on it."""
    ref = deciding.subject(command)
    _static_segment(deciding, command)
    if command.segment_id in deciding.record(ref).segments:
        deciding.emit_on(ref, e.RemovedFromSegment(segment_id=command.segment_id, **deciding.fields(ref)))
