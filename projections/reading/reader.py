"""Layer: projections. The reader: one account in one snapshot, and every question that may be asked of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from msgspec.structs import replace

from domain.language.filters import Equal, FilterGroup
from domain.language.ids import RecordId
from domain.language.outcomes import Outcome
from domain.language.values import read_instant
from domain.state.addresses import normal_address, normal_domain
from domain.state.claims import DOMAIN, EMAIL, USERTOKEN, sync_kind
from domain.state.reading_filters import read_filters
from ledger.ledger import Previewed
from projections.models.accounts import ACCOUNTS
from projections.reading import finding, histories, lists, merges, records, resolving, settings, shapes
from projections.reading.as_of import Log, Moment
from projections.reading.lists import ALL_MERGES, ALL_OUTCOMES, MergesAsked, OutcomesAsked
from projections.reading.paging import FIRST_PAGE, PageAsked
from projections.store.owner import make_sure_of_owner
from projections.store.port import ReadStore, Snapshot
from projections.store.tables import RecordKey


class Reader:
    """Answers from one snapshot of the read side. A read that finds nothing answers None.

    `as_of` is a position of the ledger; it counts up to the end of the command that it belongs to.
    Lists raise BadCursor where `after` is none of theirs.
    """

    def __init__(self, snapshot: Snapshot, ledger: Log, account: str) -> None:
        """Read an account of this ledger in this snapshot."""
        self._now = Moment(snapshot, ledger, account, snapshot.mark().position, is_now=True)
        self._ledger = ledger

    @property
    def account(self) -> str:
        """The account read."""
        return self._now.account

    @property
    def position(self) -> int:
        """What the reader has seen of the ledger."""
        return self._now.at

    def _key(self, object_type: str, record_id: RecordId) -> RecordKey:
        return self._now.account, object_type, record_id

    def _at(self, as_of: int | None) -> Moment:
        if as_of is None or as_of >= self._now.at:
            return self._now
        at = self._ledger.end_of_command(as_of)
        return self._now if at >= self._now.at else self._now._replace(at=at, is_now=False)

    def read_as_of(self, text: str) -> int:
        """Read a position (digits), a date or a time as a position. Raises ValueError."""
        if text.isascii() and text.isdigit():
            return int(text)
        return self.position_at(read_instant(text))

    def position_at(self, time: datetime) -> int:
        """Find the position at a time of recording."""
        return self._ledger.position_at(time)

    def knows_account(self) -> bool:
        """Whether the account has had a command."""
        return bool(self._now.rows.by_keys(ACCOUNTS, ["account"], ["account"], [(self.account,)]))

    def type_meant(self, object_type: str) -> str | None:
        """Name the object type of the account that is most like this one; this one where the account has it.

        None where none is like it.
        """
        return settings.effective(self._now).type_meant(object_type)

    # -- records

    def record(
        self, object_type: str, record_id: RecordId, *, as_of: int | None = None, follow: bool = True
    ) -> shapes.Record | shapes.Tombstone | None:
        """Show the record that an id leads to; without `follow` the tombstone of one that was merged away."""
        moment, key = self._at(as_of), self._key(object_type, record_id)
        if not follow:
            found = records.tombstone(moment, key)
            if found is not None:
                return found
        shown = records.read_records(moment, [key])
        return shown[0] if shown else None

    def records(self, object_type: str, record_ids: Sequence[RecordId]) -> list[shapes.Record]:
        """Show many records in the same few queries; ids that nothing is known of are left out."""
        return records.read_records(self._now, [self._key(object_type, one) for one in record_ids])

    def resolve(self, object_type: str, record_ids: Sequence[RecordId]) -> list[shapes.Resolved]:
        """Tell where ids lead, in bulk and in the same order."""
        return resolving.resolve(self._now, [self._key(object_type, one) for one in record_ids])

    def find_by_email(self, object_type: str, email: str) -> list[shapes.Record]:
        """Find the contact of an address, additional ones included."""
        return finding.find(self._now, object_type, EMAIL, normal_address(email))

    def find_by_domain(self, object_type: str, domain: str) -> list[shapes.Record]:
        """Find the companies of a domain, additional ones included."""
        try:
            domain = normal_domain(domain)
        except ValueError:  # No company has what is no domain.
            return []
        return finding.find(self._now, object_type, DOMAIN, domain)

    def find_by_usertoken(self, object_type: str, usertoken: str) -> list[shapes.Record]:
        """Find the contact that a form's cookie leads to."""
        return finding.find(self._now, object_type, USERTOKEN, usertoken)

    def find_by_sync(self, object_type: str, system: str, external_id: str) -> list[shapes.Record]:
        """Find the record that is kept in step with another system's."""
        return finding.find(self._now, object_type, sync_kind(system), external_id)

    def find_by_property(self, object_type: str, name: str, value: str) -> Iterator[list[shapes.Record]]:
        """Find the active records with a value, in batches; a look-up where the property is unique, else a search.

        Raises InvalidFilter where the property's type has no such value.
        """
        groups = self._read(object_type, [FilterGroup([Equal(name, value)])])
        return finding.find_by_property(self._now, object_type, name, groups, value)

    def search(
        self,
        object_type: str,
        groups: Sequence[FilterGroup] = (),
        page: PageAsked = FIRST_PAGE,
        *,
        merged: bool = False,
    ) -> shapes.Listing[shapes.Record]:
        """List the active records that match; `merged`: only those with merged ids (H50). Raises InvalidFilter."""
        groups = self._read(object_type, groups)
        return finding.search(self._now, object_type, groups, page, is_merged=merged)

    def property_names(
        self, object_type: str, groups: Sequence[FilterGroup] = (), *, merged: bool = False
    ) -> list[str]:
        """List the names of the properties that a search's records show; reads every record of the type.

        Raises InvalidFilter.
        """
        groups = self._read(object_type, groups)
        return finding.property_names(self._now, object_type, groups, is_merged=merged)

    def _read(self, object_type: str, groups: Sequence[FilterGroup]) -> list[FilterGroup]:
        return read_filters(settings.effective(self._now), object_type, groups) if groups else []

    def history(
        self,
        object_type: str,
        record_id: RecordId,
        page: PageAsked = FIRST_PAGE,
        *,
        property_name: str | None = None,
    ) -> shapes.Listing[shapes.HistoryEntry] | None:
        """List every value set over the lineage, by time."""
        return histories.history(self._now, self._key(object_type, record_id), property_name, page)

    def timeline(
        self, object_type: str, record_id: RecordId, page: PageAsked = FIRST_PAGE
    ) -> shapes.Listing[shapes.Activity] | None:
        """List the activities of the lineage, newest first."""
        return histories.timeline(self._now, self._key(object_type, record_id), page)

    def lineage(self, object_type: str, record_id: RecordId) -> shapes.LineageTree | None:
        """Show the tree of merges that the record of an id was made by."""
        return histories.lineage_tree(self._now, self._key(object_type, record_id))

    # -- merges

    def merge(self, merge_id: str) -> shapes.Merge | None:
        """Show a merge with its decisions and effects."""
        return merges.read_merge(self._now, merge_id)

    def merges(self, asked: MergesAsked = ALL_MERGES, page: PageAsked = FIRST_PAGE) -> shapes.Listing[shapes.Merge]:
        """List merges, the earliest first; of an id those of its whole lineage."""
        return lists.list_merges(self._now, asked, page)

    def preview(self, previewed: Previewed) -> shapes.Merge:
        """Show a merge as it would be; warns of what its outcome would warn of, and of what only a preview can."""
        event = previewed.event
        shown = merges.preview_shown(self._now, previewed.result, event)
        own = merges.warnings(event, shown, previewed.head - self._now.at)
        return replace(shown, preview_token=previewed.token, warnings=[*previewed.warnings, *own])

    # -- segments, workflows, outcomes, events, settings

    def segments(self, page: PageAsked = FIRST_PAGE) -> shapes.Listing[shapes.Segment]:
        """List segments with their members and removals."""
        return lists.list_segments(self._now, page)

    def segment(self, segment_id: str) -> shapes.Segment | None:
        """Show a segment with its members and removals."""
        return lists.read_segment(self._now, segment_id)

    def workflows(self, page: PageAsked = FIRST_PAGE) -> shapes.Listing[shapes.Workflow]:
        """List workflows with who is enrolled and who was unenrolled."""
        return lists.list_workflows(self._now, page)

    def workflow(self, workflow_id: str) -> shapes.Workflow | None:
        """Show a workflow with who is enrolled and who was unenrolled."""
        return lists.read_workflow(self._now, workflow_id)

    def outcomes(self, asked: OutcomesAsked = ALL_OUTCOMES, page: PageAsked = FIRST_PAGE) -> shapes.Listing[Outcome]:
        """List what became of commands, in the order of the ledger."""
        return lists.list_outcomes(self._now, asked, page)

    def outcome(self, command_id: str) -> list[Outcome]:
        """Show what became of a command: its answer, then each refusal of its id with another body."""
        return lists.read_outcomes(self._now, command_id)

    def events(
        self,
        record: tuple[str, RecordId] | None = None,
        event_type: str | None = None,
        page: PageAsked = FIRST_PAGE,
    ) -> shapes.Listing[shapes.EventShown]:
        """List events as they are stored; of a record, named by type and id, those of its whole lineage."""
        key = None if record is None else self._key(*record)
        return lists.list_events(self._now, key, event_type, page)

    def settings(self, *, as_of: int | None = None) -> shapes.AccountShown:
        """Show the account's effective settings, each with its origin."""
        return settings.read_account(self._at(as_of))


@contextmanager
def open_reader(store: ReadStore, ledger: Log, account: str) -> Iterator[Reader]:
    """Open a reader in one snapshot. Raises NotProjected, OutdatedProjections, OtherLedger, UnusableProjections."""
    with store.snapshot() as snapshot:
        make_sure_of_owner(ledger, snapshot, store.location)
        yield Reader(snapshot, ledger, account)
