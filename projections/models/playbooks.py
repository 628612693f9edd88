"""Layer: projections. Playbooks, by the record id they were kept with; a reader unites those of a lineage (H28)."""

from typing import Final

from domain.language import events as e
from projections.folding.intervals import Intervals, interval_table
from projections.folding.page import Page
from projections.store.tables import RECORD, TEXT, RecordKey, Rows, View

PLAYBOOKS: Final = interval_table("playbooks", dict.fromkeys((*RECORD, "playbook_id"), TEXT), {"state": TEXT})


class Playbooks:
    """Follows playbooks; a merge ends drafts, and everything where the plan leaves playbooks out (H29)."""

    name = "playbooks"
    tables = (PLAYBOOKS,)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Begin and end the playbooks that the page's events change."""
        kept = Intervals(PLAYBOOKS, rows)
        logged = page.of(e.PlaybookLogged)
        merges = [x for x in page.of(e.RecordsMerged) if _has_skipped(x.event) or x.event.dropped_drafts]
        if not logged and not merges:
            return
        ended = {x.position: _sides(page, x.account, x.object_type, x.event) for x in merges}
        keys = {x.record for x in logged}.union(*ended.values())
        kept.load(RECORD, keys)
        of_record: dict[RecordKey, list[str]] = {}
        for account, object_type, record_id, playbook_id in kept.standing():
            of_record.setdefault((account, object_type, record_id), []).append(playbook_id)
        for x in page.of(e.PlaybookLogged, e.RecordsMerged):
            match x.event:
                case e.PlaybookLogged(playbook_id=playbook_id, state=state):
                    kept.begin((*x.record, playbook_id), x.position, state)
                    of_record.setdefault(x.record, []).append(playbook_id)
                case e.RecordsMerged() as merged:
                    drafts = {(one.record_id, one.id) for one in merged.dropped_drafts}
                    for side in ended.get(x.position, ()):
                        for playbook_id in of_record.get(side, ()):
                            if _has_skipped(merged) or (side[2], playbook_id) in drafts:
                                kept.end((*side, playbook_id), x.position)
        kept.write()


def _has_skipped(event: e.RecordsMerged) -> bool:
    return any(one.effect == "playbooks" for one in event.skipped)


def _sides(page: Page, account: str, object_type: str, event: e.RecordsMerged) -> list[RecordKey]:
    """List the records whose playbooks may end: the sides, and all folded into them where nothing passes on."""
    sides = [(account, object_type, event.primary_id), (account, object_type, event.secondary_id)]
    if _has_skipped(event):
        return [key for side in sides for key in page.lineages.tree(side)]
    return sides
