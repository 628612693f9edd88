"""What the benches share: records and commands as they come, and the stock eventsourcing library.

The library's side is what its documentation teaches: decorated aggregates, JSON transcoding, one
save a command, and no rule. Both sides keep with each value when it was set.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final, TypeAlias
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from domain.language.commands import AnyCommand, Associate, CreateRecord, Envelope, LogActivity, MergeRecords, Target
from domain.language.commands import UpdateRecord as Update
from domain.language.values import Sent
from ledger.ledger import Ledger

AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
AT_TEXT: Final = "2026-01-01T00:00:00Z"
STAGES: Final = ("lead", "customer", "opportunity", "subscriber")
BATCH_COMMANDS: Final = 1_000


def properties(number: int, side: str) -> dict[str, Sent]:
    """Fill in 24 properties as contacts have them: some equal, some differ, some stand on one side alone."""
    first = side == "a"
    return {
        "email": f"person{number}.{side}@mail.example",
        "firstname": "Anneke",
        "lastname": "van der Meer" if first else "Vandermeer",
        "phone": "" if first else f"+32 50 555 {number:05d}",
        "mobilephone": f"+32 470 555 {number:05d}",
        "city": "Gent" if first else "Brugge",
        "zip": "9000" if first else "8000",
        "address": "Veldstraat 1" if first else "Markt 2",
        "country": "Belgium",
        "jobtitle": "Zaakvoerder",
        "company": "Tuincentrum Van der Meer",
        "website": "tuincentrum-vdm.example",
        "preferred_language": "nl",
        "salutation": "Mevr.",
        "lifecyclestage": STAGES[(number + first) % len(STAGES)],
        "hs_analytics_source": "PAID_SEARCH" if first else "ORGANIC_SEARCH",
        "hs_analytics_source_data_1": "spring",
        "hs_analytics_num_page_views": number % 50,
        "hs_analytics_num_visits": number % 20,
        "num_conversion_events": number % 5,
        "num_unique_conversion_events": number % 3,
        "hs_marketable_status": first,
        "hs_legal_basis": ["consent"] if first else ["legitimate interest"],
        "notes_last_contacted": f"2025-0{1 + number % 9}-11",
    }


# -- ours


def create(record_id: str, values: dict[str, Sent], object_type: str = "contacts") -> CreateRecord:
    """Ask for a record."""
    return CreateRecord(
        command_id=f"create-{object_type}-{record_id}",
        object_type=object_type,
        record_id=record_id,
        properties=values,
        occurred_at=AT,
    )


def create_contact(number: int, side: str) -> CreateRecord:
    """Ask for one side of a pair of contacts."""
    return create(f"{number}-{side}", properties(number, side))


def update(number: int, record_id: str, values: dict[str, Sent], object_type: str = "contacts") -> Update:
    """Ask for new values; `number` tells this command from others."""
    return Update(
        command_id=f"update-{number}", object_type=object_type, record_id=record_id, properties=values, occurred_at=AT
    )


def merge(primary_id: str, secondary_id: str, result_id: str | None = None, kind: str = "contacts") -> MergeRecords:
    """Ask for a merge."""
    return MergeRecords(
        command_id=f"merge-{kind}-{primary_id}-{secondary_id}",
        object_type=kind,
        primary_id=primary_id,
        secondary_id=secondary_id,
        result_id=result_id,
        occurred_at=AT,
    )


def merge_pair(number: int) -> MergeRecords:
    """Ask for a pair of contacts to become one."""
    return merge(f"{number}-a", f"{number}-b")


def traffic(begin: int, rounds: int) -> Iterator[AnyCommand]:
    """Mix commands as real traffic does: a round is 2 creates, 3 updates, 2 associations, 2 activities and a merge."""
    for number in range(begin, begin + rounds):
        first, second = Target("contacts", f"{number}-a"), Target("contacts", f"{number}-b")
        yield create_contact(number, "a")
        yield update(3 * number, first.record_id, {"city": "Oostende", "jobtitle": "Manager"})
        yield activity(2 * number, first)
        yield create_contact(number, "b")
        yield link(2 * number, first, second)
        yield update(3 * number + 1, second.record_id, {"phone": "+32 50 555 000", "city": "Ieper"})
        yield activity(2 * number + 1, second)
        yield update(3 * number + 2, second.record_id, {"lifecyclestage": "customer"})
        yield link(2 * number + 1, second, Target("contacts", f"{max(0, number - 1)}-a"))
        if number:
            yield merge_pair(number - 1)


def activity(number: int, of: Target) -> LogActivity:
    """Ask for an activity on a record's timeline."""
    return LogActivity(
        command_id=f"activity-{number}",
        activity_id=f"{number}",
        activity_type="note",
        records=[of],
        subject="Called",
        body="Wants an offer for spring",
        occurred_at=AT,
    )


def link(number: int, one: Target, other: Target) -> Associate:
    """Ask for an association."""
    return Associate(
        command_id=f"link-{number}", object_type=one.object_type, record_id=one.record_id, to=other, occurred_at=AT
    )


def execute(ledger: Ledger, commands: Iterable[AnyCommand], size: int = BATCH_COMMANDS) -> int:
    """Carry out commands in batches; tells how many. Every one must be applied."""
    done = 0
    remaining = iter(commands)
    while batch := [Envelope(command) for command in islice(remaining, size)]:
        outcomes = ledger.execute(batch)
        if any(outcome.status != "applied" for outcome in outcomes):
            msg = f"not applied: {next(one for one in outcomes if one.status != 'applied')}"
            raise RuntimeError(msg)
        done += len(batch)
    return done


# -- the library as it comes

Values: TypeAlias = dict[str, dict[str, object]]  # Each as {"v": …, "at": …}, as ours are stored.


class Contact(Aggregate):
    """A contact as the library's documentation writes aggregates."""

    @event("Created")
    def __init__(self, values: Values, merged_from: list[str]) -> None:
        """Begin a contact."""
        self.values = values
        self.merged_from = merged_from
        self.merged_into: str | None = None

    @event("Updated")
    def update(self, values: Values) -> None:
        """Set values."""
        self.values = {**self.values, **values}

    @event("MergedAway")
    def merge_away(self, into: str) -> None:
        """End it."""
        self.merged_into = into


class Link(Aggregate):
    """An association of two contacts."""

    @event("Linked")
    def __init__(self, one: str, other: str) -> None:
        """Begin one."""
        self.one, self.other = one, other


class Activity(Aggregate):
    """Something on a contact's timeline."""

    @event("Logged")
    def __init__(self, contact: str, subject: str, body: str) -> None:
        """Tell of it."""
        self.contact, self.subject, self.body = contact, subject, body


def stock_values(sent: dict[str, Sent]) -> Values:
    """Write values as ours are stored."""
    return {name: {"v": v, "at": AT_TEXT} for name, v in sent.items()}


class Stock(Application[UUID]):
    """Contacts without any rule: a merge is primary, else secondary."""

    def create(self, values: Values) -> UUID:
        """Make a contact."""
        contact = Contact(values=values, merged_from=[])
        self.save(contact)
        return contact.id

    def update(self, contact_id: UUID, values: Values) -> None:
        """Set values."""
        contact: Contact = self.repository.get(contact_id)
        contact.update(values)
        self.save(contact)

    def link(self, one: UUID, other: UUID) -> None:
        """Link two contacts."""
        self.save(Link(one=str(one), other=str(other)))

    def note(self, contact_id: UUID, subject: str, body: str) -> None:
        """Put an activity on a timeline."""
        self.save(Activity(contact=str(contact_id), subject=subject, body=body))

    def merge(self, primary_id: UUID, secondary_id: UUID) -> UUID:
        """Make one contact of two."""
        primary: Contact = self.repository.get(primary_id)
        secondary: Contact = self.repository.get(secondary_id)
        values = {name: value if value["v"] else secondary.values[name] for name, value in primary.values.items()}
        merged = Contact(values=values, merged_from=[str(primary_id), str(secondary_id)])
        primary.merge_away(str(merged.id))
        secondary.merge_away(str(merged.id))
        self.save(merged, primary, secondary)
        return merged.id


def carry_out(stock: Stock, ids: dict[str, UUID], commands: Sequence[AnyCommand]) -> int:
    """Let the stock application do what these commands of `traffic` ask; `ids` tells whose contact is whose."""
    for command in commands:
        match command:
            case CreateRecord(record_id=str(record_id), properties=sent):
                ids[record_id] = stock.create(stock_values(sent))
            case Update(record_id=record_id, properties=sent):
                stock.update(ids[record_id], stock_values(sent))
            case Associate(record_id=record_id, to=to):
                stock.link(ids[record_id], ids[to.record_id])
            case LogActivity(records=[of, *_], subject=subject, body=body):
                stock.note(ids[of.record_id], subject or "", body or "")
            case MergeRecords(primary_id=primary_id, secondary_id=secondary_id):
                stock.merge(ids[primary_id], ids[secondary_id])
            case _:
                raise TypeError(command)
    return len(commands)
