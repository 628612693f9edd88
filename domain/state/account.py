"""Layer: domain. An account's settings and object types, and the segments and workflows defined in it."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cached_property
from typing import Final, Literal

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from domain.language import events as e
from domain.language.commands import SALESFORCE, DisplayName, Plan, PropertyDefinition, SegmentKind, SyncRule
from domain.language.filter_index import FilterIndex
from domain.language.filters import FilterGroup
from domain.language.values import PropertyType

STANDARD_TYPES: Final = ("contacts", "companies", "deals", "tickets")
OPTIONAL_TYPES: Final = ("appointments", "courses", "listings", "services")
_ALIKE: Final = 0.75  # How much of two names is the same: company and companies are just enough.
HUBS: Final = ("sales", "service", "marketing")
PAID_PLANS: Final = ("professional", "enterprise")
LIFECYCLE_STAGES: Final = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
MERGE_LIMIT: Final = 250
SYNC_RULES: Final[dict[str, SyncRule]] = {SALESFORCE: "primary_only"}  # Fixed (H31).

_COMMON: Final[dict[str, PropertyType]] = {"createdate": "datetime"}
_PEOPLE_AND_COMPANIES: Final[dict[str, PropertyType]] = {
    **_COMMON,
    "lifecyclestage": "string",
    "hs_analytics_source": "string",
    "hs_analytics_source_data_1": "string",
    "hs_analytics_source_data_2": "string",
    "hs_analytics_num_page_views": "number",
    "hs_analytics_num_visits": "number",
}
KNOWN_PROPERTIES: Final[dict[str, dict[str, PropertyType]]] = {
    "contacts": {
        **_PEOPLE_AND_COMPANIES,
        "email": "string",
        "num_conversion_events": "number",
        "num_unique_conversion_events": "number",
        "hs_marketable_status": "bool",
        "hs_legal_basis": "list",
    },
    "companies": {**_PEOPLE_AND_COMPANIES, "domain": "string"},
}


class ObjectType(Struct, frozen=True, omit_defaults=True):
    """A custom object type, or what an account added to a standard one."""

    label: str | None = None
    properties: dict[str, PropertyDefinition] = {}


class Account(Struct, frozen=True, omit_defaults=True):
    """An account's effective settings."""

    subscriptions: dict[str, Plan] = {}
    salesforce_integration: bool = False
    marketing_contacts: bool = True
    lifecycle_stages: tuple[str, ...] = LIFECYCLE_STAGES
    merge_limit: int = MERGE_LIMIT
    activated_object_types: tuple[str, ...] = ()
    static_segments: Literal["primary_only", "union"] = "primary_only"
    later_enrollment: Literal["requires_allow", "always"] = "requires_allow"
    legal_basis: Literal["multiple", "single"] = "multiple"
    rule_set: str = "hubspot@1"
    display_names: dict[str, DisplayName] = {}  # Labels only (H55).
    sync_rules: dict[str, SyncRule] = field(default_factory=SYNC_RULES.copy)
    object_types: dict[str, ObjectType] = {}

    def plan(self, hub: str) -> Plan:
        """Look up a hub's plan."""
        return self.subscriptions.get(hub, "professional")

    def has_paid(self, *hubs: str) -> bool:
        """Whether one of these hubs is at professional or above (H29, H30)."""
        return any(self.plan(hub) in PAID_PLANS for hub in hubs)

    def keeps_all_sync(self, system: str) -> bool:
        """Whether a merge keeps both sides' links to another system, and not the primary's alone."""
        return system.lower() != SALESFORCE and self.sync_rules.get(system, "keep_all") == "keep_all"

    def knows_type(self, object_type: str) -> bool:
        """Whether this object type exists in the account, active or not."""
        return object_type in STANDARD_TYPES or object_type in OPTIONAL_TYPES or object_type in self.object_types

    def type_meant(self, object_type: str) -> str | None:
        """Name the account's type that is written most like this one, itself where it exists; None where none is."""
        if self.knows_type(object_type):
            return object_type
        known = (*STANDARD_TYPES, *OPTIONAL_TYPES, *self.object_types)
        return next(iter(get_close_matches(object_type.lower(), known, n=1, cutoff=_ALIKE)), None)

    def is_active(self, object_type: str) -> bool:
        """Whether records of this type can be made and merged (H02)."""
        return object_type not in OPTIONAL_TYPES or object_type in self.activated_object_types

    def definitions(self, object_type: str) -> dict[str, PropertyDefinition]:
        """List the properties that the account defined on a type."""
        defined = self.object_types.get(object_type)
        return defined.properties if defined is not None else {}

    def property_type(self, object_type: str, name: str) -> PropertyType | None:
        """Look up a property's type; None where it is untyped."""
        known = KNOWN_PROPERTIES.get(object_type, _COMMON).get(name)
        if known is not None:
            return known
        definition = self.definitions(object_type).get(name)
        return definition.type if definition is not None else None

    def unique_properties(self, object_type: str) -> tuple[str, ...]:
        """List the properties whose values may stand on one record only; email has its own rule."""
        return tuple(name for name, one in self.definitions(object_type).items() if one.unique)

    def matched_properties(self, object_type: str) -> tuple[str, ...]:
        """List the properties in which two records must not differ to be merged."""
        return tuple(name for name, one in self.definitions(object_type).items() if one.must_match)


DEFAULT_SETTINGS: Final = Account()


def evolve(account: Account | None, event: e.Event) -> Account:
    """Fold one fact into the settings."""
    before = account if account is not None else DEFAULT_SETTINGS
    match event:
        case e.AccountConfigured():
            named = set(event.__struct_fields__) - set(e.Event.__struct_fields__)
            changed = {name: v for name, v in asdict(event).items() if name in named and v is not None}
            for merged in ("subscriptions", "display_names", "sync_rules"):
                if merged in changed:
                    changed[merged] = {**getattr(before, merged), **changed[merged]}
            return replace(before, **changed)
        case e.ObjectTypeDefined():
            old = before.object_types.get(event.object_type, ObjectType())
            new = ObjectType(event.label or old.label, {**old.properties, **event.properties})
            return replace(before, object_types={**before.object_types, event.object_type: new})
    return before


class Segment(Struct, frozen=True, omit_defaults=True):
    """A segment as defined; who is in it stands on the records (static) or follows from the filter (active)."""

    name: str
    object_type: str
    kind: SegmentKind
    filter_groups: list[FilterGroup] = []


class Workflow(Struct, frozen=True, omit_defaults=True):
    """A workflow as defined; without a filter it enrolls by hand alone."""

    workflow_id: str
    name: str
    filter_groups: list[FilterGroup] = []
    allow_enrollment_from_merge: bool = False


class Workflows(Struct, frozen=True, omit_defaults=True, dict=True):
    """Every workflow of one object type, by id."""

    by_id: dict[str, Workflow] = {}

    @cached_property
    def triggers(self) -> FilterIndex[Workflow]:
        """The workflows that have a trigger, by the properties it looks at."""
        return FilterIndex((one, one.filter_groups) for one in self.by_id.values())

    @cached_property
    def triggers_of_merges(self) -> FilterIndex[Workflow]:
        """Those of them that a merge may enroll in."""
        allowed = [one for one in self.by_id.values() if one.allow_enrollment_from_merge]
        return FilterIndex((one, one.filter_groups) for one in allowed)


def evolve_segment(segment: Segment | None, event: e.Event) -> Segment | None:
    """Fold one fact into a segment's definition."""
    if isinstance(event, e.SegmentDefined):
        return Segment(event.name, event.object_type, event.kind, event.filter_groups)
    return segment


def evolve_workflows(workflows: Workflows | None, events: Iterable[e.Event]) -> Workflows:
    """Fold facts into the workflows of a type. Many at once copy what is there once."""
    by_id = {} if workflows is None else {**workflows.by_id}
    for event in events:
        if isinstance(event, e.WorkflowDefined):
            by_id[event.workflow_id] = Workflow(
                event.workflow_id, event.name, event.filter_groups, event.allow_enrollment_from_merge
            )
    return Workflows(by_id)
