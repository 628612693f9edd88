"""Layer: tests. One example of every event type, with every field filled in and every personal value marked."""

from datetime import UTC, datetime
from typing import Any, Final

from domain.language import events as e
from domain.language.commands import DisplayName, PropertyDefinition
from domain.language.filters import Between, Equal, FilterGroup, HasProperty, In
from domain.language.ids import RecordRef
from domain.language.values import ERASED, PersonalValues, Plain, Value
from domain.language.warned import Warned

AT: Final = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
PERSONAL: Final = "personal"  # Stands in every personal value of the examples, and nowhere else.


def value(v: Plain) -> Value:
    return Value(v, AT, "manual")


def personal(record_id: str, *names: str) -> PersonalValues:
    return {record_id: {name: value(f"{PERSONAL} {name}") for name in names}}


COMMON: Final[dict[str, Any]] = {"command_id": "c-1", "occurred_at": AT, "actor": "operator-7"}
REASON: Final = personal("101", e.REASON)
GROUPS: Final = [FilterGroup([Equal("city", "Gent"), In("stage", ["a", "b"])]), FilterGroup([HasProperty("zip")])]
CONTACT, COMPANY = RecordRef("contacts", "101"), RecordRef("companies", "201")

_EXAMPLES: Final[tuple[e.Event, ...]] = (
    e.RecordCreated(
        **COMMON,
        values={"101": {"email": value(f"{PERSONAL}@mail.example"), "tags": value([PERSONAL]), "phone": ERASED}},
        cause="command:c-1",
        claimed=("email",),
        recreated_from="99",
    ),
    e.RecordUpdated(
        **COMMON,
        values=personal("101", "email", e.RELEASED + "email", e.REASON),
        cause="form:newsletter",
        claimed=("email",),
        released={"email": ("101", "100")},
    ),
    e.RecordArchived(**COMMON, values=REASON),
    e.RecordRestored(**COMMON, values=REASON, cause="form:s-1"),
    e.IdentifierAdded(**COMMON, values=personal("101", e.IDENTIFIER), kind="usertoken"),
    e.IdentifierRemoved(**COMMON, values=personal("101", e.IDENTIFIER), kind="email", holders=("101", "100")),
    e.PrimaryIdentifierSet(**COMMON, values=personal("101", "email"), kind="email"),
    e.PrimaryCompanySet(**COMMON, values=REASON, company_id="201"),
    e.PeerLinked(**COMMON, values=REASON, peer_id="202", hierarchy="parent"),
    e.PeerUnlinked(**COMMON, values=REASON, peer_ids=("202", "203"), hierarchy_only=True),
    e.AddedToSegment(**COMMON, values=REASON, segment_id="vip"),
    e.RemovedFromSegment(**COMMON, values=REASON, segment_id="vip"),
    e.WorkflowEnrolled(**COMMON, values=REASON, workflow_id="welcome", cause="trigger:c-1"),
    e.EnrolledByTriggers(**COMMON, values=REASON, workflow_ids=("welcome", "w2"), cause="trigger:c-1"),
    e.WorkflowUnenrolled(**COMMON, values=REASON, workflow_id="welcome", cause="command:c-1"),
    e.PlaybookLogged(**COMMON, values=REASON, playbook_id="discovery", state="draft"),
    e.FormSubmitted(
        **COMMON, values=personal("101", e.USERTOKEN, e.FORM_EMAIL), form_id="newsletter", submission_id="s-1"
    ),
    e.SyncLinked(**COMMON, values=personal("101", e.SYNC + "salesforce"), system="salesforce"),
    e.SyncUnlinked(**COMMON, values=personal("101", e.SYNC + "salesforce"), system="salesforce", holder="100"),
    e.CallStarted(**COMMON, values=REASON, call_id="call-1"),
    e.CallEnded(**COMMON, values=REASON, call_id="call-1"),
    e.Suppressed(
        **COMMON,
        values=personal("101", e.ADDRESS),
        kind="unsubscribed",
        topic="newsletter",
        since=AT,
        first_record_id="100",
    ),
    e.SuppressionLifted(**COMMON, values=personal("101", e.ADDRESS), kind="objected", topic="newsletter"),
    e.MarkedNotDuplicates(**COMMON, values=REASON, other_id="102"),
    e.UnmarkedNotDuplicates(**COMMON, values=REASON, other_ids=("102", "103")),
    e.RecordsMerged(
        **COMMON,
        values={**personal("101", "city", "vin", e.ADDRESS), **personal("102", "city", "vin"), **personal("103", "n")},
        merge_id="m-0123456789abcdef",
        primary_id="101",
        primary_version=3,
        secondary_id="102",
        secondary_version=1,
        rule_set="hubspot@1",
        decisions=[
            e.Decided("city", "primary", "H08", "primary_wins", "101", "102"),
            e.Decided("vin", "secondary", "H10", "chosen", "101", "102", chosen=True),
            e.Decided("n", "computed", "H40", "sum", "101", None),
        ],
        merge_counts=e.MergeCounts(1, 0, 250),
        empty_properties=("fax",),
        primary_company="201",
        demoted=(COMPANY,),
        dropped_self=(CONTACT,),
        peers=("109",),
        hierarchy={"109": "parent"},
        hierarchy_dropped=(e.Related("107", "child"),),
        segments_removed=("vip",),
        segments_carried=("all",),
        unenrolled=(e.OfRecord("welcome", "101"),),
        enrolled=("merged",),
        sync_kept={"salesforce": ("101",)},
        sync_unlinked={"netsuite": ("102",)},
        sync_released={"netsuite": ("102",)},
        has_playbooks=True,
        dropped_drafts=(e.OfRecord("discovery", "102"),),
        calls_disconnected=(e.OfRecord("call-1", "101"),),
        suppressions=(e.CarriedSuppression("unsubscribed", AT, "101", "newsletter", e.ADDRESS),),
        not_duplicates=("108",),
        forms=("newsletter",),
        claimed={"vin": ("101",)},
        skipped=(e.Skipped("playbooks"),),
    ),
    e.MergedAway(**COMMON, values=REASON, into="103", side="primary", merge_id="m-0123456789abcdef"),
    e.Associated(
        **COMMON,
        values=personal("101", e.attribute_name("employee", "since")),
        one=CONTACT,
        other=COMPANY,
        labels=("employee",),
    ),
    e.Dissociated(**COMMON, values=REASON, one=CONTACT, other=COMPANY, labels=("employee",)),
    e.ActivityLogged(
        **COMMON, values=personal("101", e.SUBJECT, e.BODY), activity_type="note", records=(CONTACT, COMPANY)
    ),
    e.SegmentDefined(**COMMON, values=REASON, name="VIP", object_type="contacts", kind="active", filter_groups=GROUPS),
    e.WorkflowDefined(
        **COMMON,
        values=REASON,
        workflow_id="welcome",
        name="Welcome",
        filter_groups=[FilterGroup([Between("score", 1, 2.5)])],
        allow_enrollment_from_merge=True,
    ),
    e.AccountConfigured(
        **COMMON,
        values=REASON,
        subscriptions={"sales": "starter"},
        salesforce_integration=True,
        marketing_contacts=False,
        lifecycle_stages=("lead", "customer"),
        merge_limit=5,
        activated_object_types=("courses",),
        static_segments="union",
        later_enrollment="always",
        legal_basis="single",
        rule_set="hubspot@1",
        display_names={"companies": DisplayName("Club", "Clubs")},
        sync_rules={"sap": "primary_only"},
    ),
    e.ObjectTypeDefined(
        **COMMON,
        values=REASON,
        object_type="cars",
        label="Car",
        properties={"vin": PropertyDefinition("string", unique=True, rule="primary_wins", must_match=True)},
    ),
    e.CommandApplied(
        **COMMON,
        command_type="merge_records",
        fingerprint="00112233445566778899aabbccddeeff",
        events=3,
        object_type="contacts",
        record_id="103",
        merge_id="m-0123456789abcdef",
        followed={"99": "101"},
        ignored_fields=("colour",),
        left_out=("email",),
        warnings=(Warned("NOT_UNIQUE", "said to people", {"property": "vin"}),),
    ),
    e.CommandRefused(
        **COMMON,
        command_type="merge_records",
        fingerprint="00112233445566778899aabbccddeeff",
        code="ALREADY_MERGED",
        message="contacts 101 was merged into 103; name 103 instead",
        details={"record_id": "101", "current_id": "103"},
        ignored_fields=("colour",),
    ),
    e.CommandIdReused(**COMMON, command_type="merge_records", fingerprint="00112233445566778899aabbccddeeff"),
    e.CommandUnreadable(
        **COMMON,
        source="merge.commands.v1/0",
        offset=7,
        code="INVALID_FIELD",
        message="expected str at $.primary_id",
    ),
)

EXAMPLES: Final = {example.EVENT_TYPE: example for example in _EXAMPLES}
