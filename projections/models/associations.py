"""Layer: projections. Links between records by the ids they were made with, and each record's Primary company.

A link is one row with an empty label, and one more for each label. The ends stand in one order
whoever was named first; readers look from either, and resolve the other through the lineage. The
Primary label is no row here: it follows from where the record points (H17).
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from domain.language import events as e
from domain.language.values import Value
from projections.folding.intervals import Intervals, Key, interval_table
from projections.folding.page import Entry, Page, sides
from projections.store.tables import RECORD, TEXT, TEXT_NULL, Index, Rows, View, as_json

Linking: TypeAlias = e.Associated | e.Dissociated

_ENDS: Final = ("account", "one_type", "one_id", "other_type", "other_id")
ASSOCIATIONS: Final = interval_table(
    "associations",
    dict.fromkeys((*_ENDS, "label"), TEXT),
    {"attributes": TEXT_NULL},
    (Index(("account", "other_type", "other_id")),),
)
PRIMARY_COMPANIES: Final = interval_table(
    "primary_companies",
    dict.fromkeys(RECORD, TEXT),
    {"company_id": TEXT},
    (Index(("account", "company_id")),),
)
# What a label says seen from the other end.
_TURNED: Final = {"parent": "child", "child": "parent"}


def turned(label: str) -> str:
    """Name a label as the other end sees it."""
    return _TURNED.get(label, label)


class Associations:
    """Follows links and Primary companies."""

    name = "associations"
    tables = (ASSOCIATIONS, PRIMARY_COMPANIES)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Begin and end the links and the Primary companies that the page's events change."""
        self._links(page, rows)
        self._primary_companies(page, rows)

    def _links(self, page: Page, rows: Rows) -> None:
        entries = page.of(e.Associated, e.Dissociated)
        if not entries:
            return
        pairs = {x.position: list(_pairs(page, x.account, x.event)) for x in entries}
        links = Intervals(ASSOCIATIONS, rows)
        links.load(_ENDS, {pair for of_event in pairs.values() for pair, _ in of_event})
        labels: dict[Key, set[str]] = {}  # Of the links that stand.
        for key in links.standing():
            labels.setdefault(key[:-1], set()).add(key[-1])
        for x in entries:
            for pair, is_turned in pairs[x.position]:
                standing = labels.setdefault(pair, set())
                if isinstance(x.event, e.Associated):
                    for label, attributes in _labels(x.event, is_turned=is_turned):
                        # A link made again without attributes says nothing against those it has.
                        if attributes is not None or label not in standing:
                            links.begin((*pair, label), x.position, attributes)
                            standing.add(label)
                elif isinstance(x.event, e.Dissociated):
                    for label in _ended(x.event, standing, is_turned=is_turned):
                        links.end((*pair, label), x.position)
                        standing.discard(label)
        links.write()

    def _primary_companies(self, page: Page, rows: Rows) -> None:
        entries = page.of(e.PrimaryCompanySet, e.RecordsMerged)
        concerned = {x.position: list(_pointing(x)) for x in entries}
        touched = {key for keys in concerned.values() for key in keys}
        if not touched:
            return
        pointers = Intervals(PRIMARY_COMPANIES, rows)
        pointers.load(RECORD, touched)
        for x in entries:
            for key in concerned[x.position]:
                pointers.end(key, x.position)
            if x.after is not None and x.after.primary_company is not None:
                pointers.begin(x.record, x.position, x.after.primary_company)
        pointers.write()


def _pairs(page: Page, account: str, event: e.Event) -> Iterator[tuple[Key, bool]]:
    """Tell which pairs of ids an event is about: what was linked, or all of both lineages.

    With each, whether the event's first end is the pair's second.
    """
    match event:
        case e.Associated():
            yield _pair(account, event.one, event.other)
        case e.Dissociated():
            others = page.lineages.tree((account, *event.other))
            for _, *one in page.lineages.tree((account, *event.one)):
                for _, *other in others:
                    yield _pair(account, one, other)


def _pair(account: str, one: Sequence[str], other: Sequence[str]) -> tuple[Key, bool]:
    is_turned = (*other,) < (*one,)
    return ((account, *other, *one) if is_turned else (account, *one, *other)), is_turned


def _seen(event: Linking, label: str, *, is_turned: bool) -> str:
    """Name a label as the first end of the pair sees it; between companies some have a direction."""
    is_directed = event.one.object_type == event.other.object_type == "companies"
    return turned(label) if is_turned and is_directed else label


def _labels(event: e.Associated, *, is_turned: bool) -> Iterator[tuple[str, str | None]]:
    """Tell the rows of a link: the link itself, then its labels with their attributes."""
    yield "", None
    for label in event.labels:
        prefix = e.attribute_name(label, "")
        attributes = {
            name[len(prefix) :]: value.v
            for values in event.values.values()
            for name, value in values.items()
            if name.startswith(prefix) and isinstance(value, Value)
        }
        yield _seen(event, label, is_turned=is_turned), as_json(attributes) if attributes else None


def _ended(event: e.Dissociated, standing: set[str], *, is_turned: bool) -> list[str]:
    if event.labels is None:
        return sorted(standing)
    return sorted(standing & {_seen(event, label, is_turned=is_turned) for label in event.labels})


def _pointing(entry: Entry[e.Event]) -> Iterator[Key]:
    """Tell whose Primary company may end."""
    event = entry.event
    if isinstance(event, e.PrimaryCompanySet):
        yield entry.record
    elif isinstance(event, e.RecordsMerged) and (event.primary_company is not None or event.demoted):
        yield from sides(entry, event)
