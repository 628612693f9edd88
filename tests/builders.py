"""Layer: tests. Builders with plain defaults, so that a test names only what it is about.

Records are named by whom they are about: `ANN` and `ANNE` are two contacts, `ANNA` is what they
become. A builder takes the record and fills in its type and id; every command gets an id of its
own, `c-1`, `c-2`, ….
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET

from domain.language import commands as c
from domain.language import events as e
from domain.language import filters as f
from domain.language import streams
from domain.language.commands import DEFAULT_ACCOUNT
from domain.language.comparing import Scalar
from domain.language.ids import RecordRef
from domain.language.values import Dressed, Plain, Sent, Source, Value
from domain.state.folds import Recorded

ANN = RecordRef("contacts", "101")
ANNE = RecordRef("contacts", "102")
ANNA = RecordRef("contacts", "103")  # What ANN and ANNE become.
ANA = RecordRef("contacts", "104")
ANNIE = RecordRef("contacts", "105")
HANNAH = RecordRef("contacts", "106")  # What ANNA becomes with another.
NOBODY = RecordRef("contacts", "199")

ACME = RecordRef("companies", "201")
ACME_BV = RecordRef("companies", "202")
ACME_GROUP = RecordRef("companies", "203")  # What ACME and ACME_BV become.
GLOBEX = RecordRef("companies", "204")
INITECH = RecordRef("companies", "205")
GLOBEX_INITECH = RecordRef("companies", "206")  # What GLOBEX and INITECH become.

DEAL = RecordRef("deals", "301")
DEAL_AGAIN = RecordRef("deals", "302")
DEAL_MERGED = RecordRef("deals", "303")
TICKET = RecordRef("tickets", "401")
TICKET_AGAIN = RecordRef("tickets", "402")
TICKET_MERGED = RecordRef("tickets", "403")

CAR = RecordRef("cars", "501")
CAR_AGAIN = RecordRef("cars", "502")
CAR_MERGED = RecordRef("cars", "503")

MERGED_INTO: Final = {
    ANN: ANNA,
    ANNA: HANNAH,
    ACME: ACME_GROUP,
    DEAL: DEAL_MERGED,
    TICKET: TICKET_MERGED,
    CAR: CAR_MERGED,
    GLOBEX: GLOBEX_INITECH,
}

_numbers = count(1)


def command_id() -> str:
    """Make a command id that no other test command has."""
    return f"c-{next(_numbers)}"


def at(text: str) -> datetime:
    """Read a time: `at("2024-05-01")` or with an offset."""
    return msgspec.convert(text if "T" in text else f"{text}T00:00:00Z", datetime)


def dressed(value: Plain, when: str | None = None, *, source: Source = "integration") -> Dressed:
    """Dress a value with its own time and source."""
    return Dressed(value, None if when is None else at(when), source)


def manual(value: Plain, when: str | None = None) -> Dressed:
    """Dress a value as set by hand."""
    return dressed(value, when, source="manual")


# -- the account ------------------------------------------------------------------------------------------------------


def configure(*, account: str = DEFAULT_ACCOUNT, **settings: Any) -> c.ConfigureAccount:  # noqa: ANN401
    """Set settings by their names."""
    plans = settings.pop("subscriptions", None)
    return c.ConfigureAccount(
        command_id=command_id(),
        account=account,
        subscriptions=UNSET if plans is None else c.Subscriptions(**plans),
        **settings,
    )


def on_plan(plan: c.Plan) -> c.ConfigureAccount:
    """Put every hub on one plan."""
    return configure(subscriptions={"sales": plan, "service": plan, "marketing": plan})


def define(
    object_type: str,
    label: str | None = None,
    also: Mapping[str, Mapping[str, Any]] | None = None,
    **properties: Mapping[str, Any],
) -> c.DefineObjectType:
    """Define a type, or properties on one; `also` takes names that are computed."""
    return c.DefineObjectType(
        command_id=command_id(),
        object_type=object_type,
        label=label,
        properties=msgspec.convert({**properties, **(also or {})}, dict[str, c.PropertyDefinition]),
    )


# -- records ----------------------------------------------------------------------------------------------------------


def create(
    record: RecordRef,
    also: Mapping[str, Sent] | None = None,
    *,
    account: str = DEFAULT_ACCOUNT,
    occurred_at: datetime | None = None,
    **properties: Sent,
) -> c.CreateRecord:
    """Make this record; `also` takes names that are computed."""
    return c.CreateRecord(
        command_id=command_id(),
        account=account,
        occurred_at=occurred_at,
        object_type=record.object_type,
        record_id=record.record_id,
        properties={**properties, **(also or {})},
    )


def create_without_id(object_type: str, **properties: Sent) -> c.CreateRecord:
    """Make a record whose id the ledger gives."""
    return c.CreateRecord(command_id=command_id(), object_type=object_type, properties=properties)


def update(
    record: RecordRef,
    also: Mapping[str, Sent] | None = None,
    *,
    account: str = DEFAULT_ACCOUNT,
    occurred_at: datetime | None = None,
    **properties: Sent,
) -> c.UpdateRecord:
    """Set properties; None clears."""
    return c.UpdateRecord(
        command_id=command_id(),
        account=account,
        occurred_at=occurred_at,
        properties={**properties, **(also or {})},
        **_of(record),
    )


def archive(record: RecordRef) -> c.ArchiveRecord:
    """Archive a record."""
    return c.ArchiveRecord(command_id=command_id(), **_of(record))


def restore(record: RecordRef) -> c.RestoreRecord:
    """Bring a record back."""
    return c.RestoreRecord(command_id=command_id(), **_of(record))


# -- links and activities ---------------------------------------------------------------------------------------------


def associate(record: RecordRef, to: RecordRef, *labels: str, **attributes: Mapping[str, Plain]) -> c.Associate:
    """Link two records, under labels; those given by name have attributes."""
    dressed_labels = [c.LabelWithAttributes(label, dict(said)) for label, said in attributes.items()]
    return c.Associate(command_id=command_id(), to=_to(to), labels=[*labels, *dressed_labels], **_of(record))


def dissociate(record: RecordRef, to: RecordRef, *labels: str) -> c.Dissociate:
    """End a link, or some labels of it."""
    return c.Dissociate(command_id=command_id(), to=_to(to), labels=[*labels] or None, **_of(record))


def primary_company(record: RecordRef, company: RecordRef) -> c.Associate:
    """Give the link to this company the Primary label."""
    return associate(record, company, "primary")


def parent(company: RecordRef, of: RecordRef) -> c.Associate:
    """Say that `company` is the parent of another."""
    return associate(of, company, "parent")


def log_activity(
    activity_id: str,
    *records: RecordRef,
    kind: str = "note",
    subject: str | None = None,
    body: str | None = None,
    occurred_at: datetime | None = None,
) -> c.LogActivity:
    """Put an activity on timelines."""
    return c.LogActivity(
        command_id=command_id(),
        occurred_at=occurred_at,
        activity_id=activity_id,
        activity_type=kind,
        records=[_to(record) for record in records],
        subject=subject,
        body=body,
    )


# -- segments and workflows -------------------------------------------------------------------------------------------


def where(**properties: Scalar) -> list[f.FilterGroup]:
    """Filter by equality: every property has its value."""
    return [f.FilterGroup([f.Equal(name, wanted) for name, wanted in properties.items()])]


def static_segment(segment_id: str, object_type: str = "contacts") -> c.DefineSegment:
    """Define a list of records."""
    return c.DefineSegment(
        command_id=command_id(),
        segment_id=segment_id,
        name=f"List {segment_id}",
        object_type=object_type,
        kind="static",
    )


def active_segment(
    segment_id: str, filter_groups: Sequence[f.FilterGroup], object_type: str = "contacts"
) -> c.DefineSegment:
    """Define a segment by its filter."""
    return c.DefineSegment(
        command_id=command_id(),
        segment_id=segment_id,
        name=f"View {segment_id}",
        object_type=object_type,
        kind="active",
        filter_groups=[*filter_groups],
    )


def add_to_segment(segment_id: str, record: RecordRef) -> c.AddToSegment:
    """Put a record on a list."""
    return c.AddToSegment(command_id=command_id(), segment_id=segment_id, **_of(record))


def remove_from_segment(segment_id: str, record: RecordRef) -> c.RemoveFromSegment:
    """Take a record off a list."""
    return c.RemoveFromSegment(command_id=command_id(), segment_id=segment_id, **_of(record))


def workflow(
    workflow_id: str,
    trigger: Sequence[f.FilterGroup] = (),
    *,
    allow: bool = False,
    object_type: str = "contacts",
) -> c.DefineWorkflow:
    """Define a workflow; without a trigger it enrolls by hand alone."""
    return c.DefineWorkflow(
        command_id=command_id(),
        workflow_id=workflow_id,
        name=f"Workflow {workflow_id}",
        object_type=object_type,
        filter_groups=[*trigger],
        allow_enrollment_from_merge=allow,
    )


def enroll(workflow_id: str, record: RecordRef) -> c.Enroll:
    """Enroll by hand."""
    return c.Enroll(command_id=command_id(), workflow_id=workflow_id, **_of(record))


def unenroll(workflow_id: str, record: RecordRef) -> c.Unenroll:
    """Unenroll by hand."""
    return c.Unenroll(command_id=command_id(), workflow_id=workflow_id, **_of(record))


def log_playbook(playbook_id: str, record: RecordRef, state: c.PlaybookState = "logged") -> c.LogPlaybook:
    """Log a playbook, or keep a draft."""
    return c.LogPlaybook(command_id=command_id(), playbook_id=playbook_id, state=state, **_of(record))


# -- identifiers, forms, sync, calls ----------------------------------------------------------------------------------


def submit_form(
    form_id: str = "newsletter", *, usertoken: str | None = None, email: str | None = None, **properties: Sent
) -> c.SubmitForm:
    """Send a form from a device (`usertoken`), with an address, or both."""
    number = command_id()
    return c.SubmitForm(
        command_id=number,
        form_id=form_id,
        submission_id=f"s-{number}",
        usertoken=usertoken,
        email=email,
        properties=properties,
    )


def add_identifier(record: RecordRef, value: str, kind: str | None = None) -> c.AddIdentifier:
    """Give one more address to a contact, or domain to a company, or a value of another kind."""
    return c.AddIdentifier(command_id=command_id(), kind=kind or _kind(record), value=value, **_of(record))


def remove_identifier(record: RecordRef, value: str, kind: str | None = None) -> c.RemoveIdentifier:
    """Take an additional address, domain or value of another kind away."""
    return c.RemoveIdentifier(command_id=command_id(), kind=kind or _kind(record), value=value, **_of(record))


def set_primary_identifier(record: RecordRef, value: str, kind: str | None = None) -> c.SetPrimaryIdentifier:
    """Make an additional address, domain or value of another kind the primary one."""
    return c.SetPrimaryIdentifier(command_id=command_id(), kind=kind or _kind(record), value=value, **_of(record))


def link_sync(record: RecordRef, external_id: str, system: str = "salesforce") -> c.LinkSync:
    """Keep a record in step with another system's."""
    return c.LinkSync(command_id=command_id(), system=system, external_id=external_id, **_of(record))


def unlink_sync(record: RecordRef, system: str = "salesforce") -> c.UnlinkSync:
    """Stop keeping it in step."""
    return c.UnlinkSync(command_id=command_id(), system=system, **_of(record))


def start_call(record: RecordRef, call_id: str) -> c.StartCall:
    """Begin a call."""
    return c.StartCall(command_id=command_id(), call_id=call_id, **_of(record))


def end_call(record: RecordRef, call_id: str) -> c.EndCall:
    """End a call."""
    return c.EndCall(command_id=command_id(), call_id=call_id, **_of(record))


def suppress(
    record: RecordRef,
    kind: c.SuppressionKind = "unsubscribed",
    *,
    topic: str | None = None,
    address: str | None = None,
) -> c.Suppress:
    """Say that somebody is not to be contacted."""
    return c.Suppress(command_id=command_id(), kind=kind, topic=topic, address=address, **_of(record))


def lift_suppression(
    record: RecordRef,
    kind: c.SuppressionKind = "unsubscribed",
    *,
    topic: str | None = None,
    address: str | None = None,
) -> c.LiftSuppression:
    """Say that somebody may be contacted again."""
    return c.LiftSuppression(
        command_id=command_id(), kind=kind, topic=topic, address=address, reason="asked us in writing", **_of(record)
    )


def mark_not_duplicates(one: RecordRef, other: RecordRef) -> c.MarkNotDuplicates:
    """Say that two records are not the same."""
    return c.MarkNotDuplicates(
        command_id=command_id(), object_type=one.object_type, record_ids=[one.record_id, other.record_id]
    )


def unmark_not_duplicates(one: RecordRef, other: RecordRef) -> c.UnmarkNotDuplicates:
    """Take the mark back."""
    return c.UnmarkNotDuplicates(
        command_id=command_id(), object_type=one.object_type, record_ids=[one.record_id, other.record_id]
    )


# -- the merge --------------------------------------------------------------------------------------------------------


def merge(  # noqa: PLR0913  a merge has this many options
    primary: RecordRef = ANN,
    secondary: RecordRef = ANNE,
    *,
    into: RecordRef | Literal["as usual"] | None = "as usual",
    choices: Mapping[str, c.Choice] | None = None,
    secondary_type: str | None = None,
    override: bool = False,
    override_must_match: bool = False,
    reason: str | None = None,
    preview_token: str | None = None,
    account: str = DEFAULT_ACCOUNT,
    occurred_at: datetime | None = None,
) -> c.MergeRecords:
    """Merge two records, by default `ANNE` into `ANN`; into what `MERGED_INTO` says, or with an id made (None)."""
    result = MERGED_INTO.get(primary) if into == "as usual" else into
    return c.MergeRecords(
        command_id=command_id(),
        account=account,
        occurred_at=occurred_at,
        object_type=primary.object_type,
        primary_id=primary.record_id,
        secondary_id=secondary.record_id,
        secondary_object_type=secondary_type,
        choices=dict(choices or {}),
        result_id=None if result is None else result.record_id,
        preview_token=preview_token,
        override_not_duplicates=override,
        override_must_match=override_must_match,
        reason=reason,
    )


def choosing(**choices: c.Choice) -> c.MergeRecords:
    """Merge `ANNE` into `ANN` with these choices."""
    return merge(choices=choices)


def unmerge(record: RecordRef) -> c.UnmergeRecords:
    """Ask for what is never done."""
    return c.UnmergeRecords(command_id=command_id(), **_of(record))


def recreate(record: RecordRef, new: RecordRef | None = None) -> c.RecreateRecord:
    """Make a record again from what it was before its merge."""
    return c.RecreateRecord(
        command_id=command_id(), new_record_id=None if new is None else new.record_id, **_of(record)
    )


# -- facts that no single command makes ------------------------------------------------------------------------------


def was_in_merges(record: RecordRef, merges: int) -> Recorded:
    """State as a fact that this record came out of so many merges: the last of them, told on its stream."""
    made = (
        RecordRef(record.object_type, f"{record.record_id}-a"),
        RecordRef(record.object_type, f"{record.record_id}-b"),
    )
    happened = at("2025-06-01")
    return (
        streams.record(DEFAULT_ACCOUNT, *record),
        e.RecordsMerged(
            command_id=command_id(),
            occurred_at=happened,
            merge_id=f"m-{record.record_id}",
            primary_id=made[0].record_id,
            primary_version=1,
            secondary_id=made[1].record_id,
            secondary_version=1,
            rule_set="hubspot@1",
            decisions=[e.Decided("createdate", "primary", "H07", "oldest", made[0].record_id, None)],
            merge_counts=e.MergeCounts(merges - 1, 0, 250),
            values={made[0].record_id: {"createdate": Value("2025-01-01T00:00:00Z", happened)}},
        ),
    )


def _of(record: RecordRef) -> dict[str, Any]:
    return {"object_type": record.object_type, "record_id": record.record_id}


def _to(record: RecordRef) -> c.Target:
    return c.Target(record.object_type, record.record_id)


def _kind(record: RecordRef) -> str:
    return "domain" if record.object_type == "companies" else "email"
