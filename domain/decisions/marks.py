"""Layer: domain. Marks on two records that are not duplicates of each other."""

from collections.abc import Iterator

from domain.decisions.context import Deciding, current_ref, follow_needs, lineage_needs
from domain.language import events as e
from domain.language.commands import MarkCommand, MarkNotDuplicates, UnmarkNotDuplicates
from domain.language.ids import RecordRef
from domain.language.refusals import SameRecord
from domain.state.needs import Need
from domain.state.view import View


def mark_needs(command: MarkCommand, view: View) -> Iterator[Need]:
    """Both records as they are today, and the records that their marks lead to."""
    for record_id in command.record_ids:
        ref = RecordRef(command.object_type, record_id)
        yield from follow_needs(view, command.account, ref)
        current = current_ref(view, command.account, ref)
        if current is not None:
            record = view.peek_record(command.account, current)
            if record is not None:
                yield from lineage_needs(command.account, command.object_type, record.not_duplicates)


def _marked_pair(deciding: Deciding, command: MarkCommand) -> tuple[RecordRef, RecordRef]:
    deciding.known_type(command.object_type)
    one, other = (deciding.current(RecordRef(command.object_type, each)) for each in command.record_ids)
    if one == other:
        raise SameRecord(*one)
    deciding.about = one
    return one, other


def _marks(deciding: Deciding, ref: RecordRef, other: RecordRef) -> tuple[str, ...]:
    """List the ids under which the other record is marked on this one."""
    marks = deciding.record(ref).not_duplicates
    return tuple(each for each in marks if deciding.is_today(ref.object_type, each, other.record_id))


def mark_not_duplicates(deciding: Deciding, command: MarkNotDuplicates) -> None:
    """Mark both records; an existing mark stays as it is."""
    one, other = _marked_pair(deciding, command)
    for ref, against in ((one, other), (other, one)):
        if not _marks(deciding, ref, against):
            deciding.emit_on(ref, e.MarkedNotDuplicates(other_id=against.record_id, **deciding.fields(ref)))


def unmark_not_duplicates(deciding: Deciding, command: UnmarkNotDuplicates) -> None:
    """Remove the mark from both records, whichever ids it was made with."""
    one, other = _marked_pair(deciding, command)
    for ref, against in ((one, other), (other, one)):
        marks = _marks(deciding, ref, against)
        if marks:
            deciding.emit_on(ref, e.UnmarkedNotDuplicates(other_ids=marks, **deciding.fields(ref)))
