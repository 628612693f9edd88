"""Layer: domain. Links between records: facts that a merge never moves (H15 to H17).

They keep the ids they were made with, and readers resolve those through the lineage. Only what a
merge must decide on is also recorded on the records themselves: the Primary company, and links to
their own type with the parent and child relationship.
"""

from collections.abc import Iterator

from domain.decisions import hierarchy
from domain.decisions.context import Deciding, current_ref, follow_needs, lineage_needs
from domain.decisions.hierarchy import CHILD, COMPANIES, PARENT
from domain.language import events as e
from domain.language import streams
from domain.language.commands import Associate, Dissociate, LabelWithAttributes
from domain.language.ids import RecordRef
from domain.language.refusals import ParentAndChild, SameRecord
from domain.language.values import Value
from domain.state.needs import Need
from domain.state.view import View

PRIMARY = "primary"


def link_needs(command: Associate | Dissociate, view: View) -> Iterator[Need]:
    """Both records as they are today, the link between them, and the records that their known links lead to."""
    ends = command.ref, command.to.ref
    for ref in ends:
        yield from follow_needs(view, command.account, ref)
    # As they are named, too: they may only begin with an earlier command of the same batch.
    yield streams.association(command.account, *ends)
    current = [current_ref(view, command.account, ref) for ref in ends]
    one, other = current
    if one is None or other is None:
        return
    yield streams.association(command.account, one, other)
    for ref in (one, other):
        record = view.peek_record(command.account, ref)
        if record is not None:
            yield from lineage_needs(command.account, ref.object_type, record.peers)
            if record.primary_company is not None:
                yield from lineage_needs(command.account, COMPANIES, (record.primary_company,))
    if isinstance(command, Associate):
        for wanted in hierarchy.relationships(one, other, _names(command)):
            yield from hierarchy.relationship_needs(view, command.account, wanted)


def _names(command: Associate) -> list[str]:
    return [each.label if isinstance(each, LabelWithAttributes) else each for each in command.labels]


def _ends(deciding: Deciding, command: Associate | Dissociate) -> tuple[RecordRef, RecordRef]:
    deciding.known_type(command.object_type)
    deciding.known_type(command.to.object_type)
    one = deciding.current(command.ref)
    other = deciding.current(command.to.ref)
    deciding.about = one
    return one, other


def _pointed(one: RecordRef, other: RecordRef) -> tuple[RecordRef, RecordRef] | None:
    """Return the record and the company of a link that can have the Primary label; None if it cannot."""
    if one.object_type != COMPANIES and other.object_type == COMPANIES:
        return one, other
    if one.object_type == COMPANIES and other.object_type != COMPANIES:
        return other, one
    return None


def associate(deciding: Deciding, command: Associate) -> None:
    """Link two records. The Primary label moves; parent and child are recorded on both companies."""
    one, other = _ends(deciding, command)
    if one == other:
        raise SameRecord(*one)
    labels = [each if isinstance(each, LabelWithAttributes) else LabelWithAttributes(each) for each in command.labels]
    names = _names(command)
    wanted = list(hierarchy.relationships(one, other, names))
    if len(wanted) > 1:
        raise ParentAndChild(one.record_id, other.record_id)
    for each in wanted:
        hierarchy.refuse_unless_a_tree(deciding, each)
    pointed = _pointed(one, other)
    if pointed and PRIMARY in names:
        record, company = pointed
        deciding.emit_on(record, e.PrimaryCompanySet(company_id=company.record_id, **deciding.fields(record)))
        labels = [each for each in labels if each.label != PRIMARY]
    if one.object_type == other.object_type:
        _note_peers(deciding, one, other, wanted)
    attributes = {
        e.attribute_name(each.label, name): Value(v, deciding.at)
        for each in labels
        for name, v in each.attributes.items()
    }
    deciding.emit(
        streams.association(deciding.account_id, one, other),
        e.Associated(
            one=one,
            other=other,
            labels=tuple(dict.fromkeys(each.label for each in labels)),
            **deciding.fields(one, attributes),
        ),
    )


def _note_peers(deciding: Deciding, one: RecordRef, other: RecordRef, wanted: list[hierarchy.Relationship]) -> None:
    """Record the link on both records, with the relationship of each to the other."""
    for ref, peer in ((one, other), (other, one)):
        is_a: e.Relation | None = next((PARENT if each.child == ref else CHILD for each in wanted), None)
        if is_a or not _peer_ids(deciding, ref, peer):
            deciding.emit_on(ref, e.PeerLinked(peer_id=peer.record_id, hierarchy=is_a, **deciding.meta))


def dissociate(deciding: Deciding, command: Dissociate) -> None:
    """End every link, or these labels of it, that resolves to the pair; not an error if there is none."""
    one, other = _ends(deciding, command)
    named = command.labels
    pointed = _pointed(one, other)
    if pointed and (named is None or PRIMARY in named):
        record, company = pointed
        pointer = deciding.record(record).primary_company
        if pointer is not None and deciding.is_today(COMPANIES, pointer, company.record_id):
            deciding.emit_on(record, e.PrimaryCompanySet(company_id=None, **deciding.fields(record)))
    if one.object_type == other.object_type and (named is None or _relates(deciding, one, other, named)):
        for ref, peer in ((one, other), (other, one)):
            gone = _peer_ids(deciding, ref, peer)
            if gone:
                deciding.emit_on(ref, e.PeerUnlinked(peer_ids=gone, hierarchy_only=named is not None, **deciding.meta))
    deciding.emit(
        streams.association(deciding.account_id, one, other),
        e.Dissociated(one=one, other=other, labels=None if named is None else tuple(named), **deciding.fields(one)),
    )


def _peer_ids(deciding: Deciding, ref: RecordRef, peer: RecordRef) -> tuple[str, ...]:
    """List the ids under which a record of the same type is linked to this one."""
    peers = deciding.record(ref).peers
    return tuple(each for each in peers if deciding.is_today(ref.object_type, each, peer.record_id))


def _relates(deciding: Deciding, one: RecordRef, other: RecordRef, labels: list[str]) -> bool:
    """Whether one of these labels, as given from `one`, is the parent or child relationship of the two."""
    hierarchy = deciding.record(one).hierarchy
    return any(hierarchy.get(each) in labels for each in _peer_ids(deciding, one, other))
