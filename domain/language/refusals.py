"""Layer: domain. Every refusal: its code, what it says, and the details that a program reads.

Refusals are answers and are stored for ever, so they name properties, ids, codes and the next
step, and never a property's value, an address or a token.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, TypeAlias

from domain.language.ids import RecordId, RecordRef

Detail: TypeAlias = object  # Whatever JSON can say.
Details: TypeAlias = dict[str, Detail]


class Refusal(Exception):  # noqa: N818  an answer, not an error
    """A command that is understood and not carried out."""

    code: ClassVar[str]

    def __init__(self, message: str, **details: Detail) -> None:
        """Keep what is said to people and what is said to programs."""
        super().__init__(message)
        self.message = message
        self.details: Details = details


class CommandIdReused(Refusal):
    """The command id was spent on another body."""

    code = "COMMAND_ID_REUSED"

    def __init__(self, command_id: str) -> None:
        super().__init__(
            f"command id {command_id} was used for another command; send this one under a new id", command_id=command_id
        )


class UnknownObjectType(Refusal):
    """Neither a standard nor a defined custom object type."""

    code = "UNKNOWN_OBJECT_TYPE"

    def __init__(self, object_type: str, meant: str | None = None) -> None:
        question = f"did you mean {meant}? if not, " if meant else ""
        super().__init__(
            f"object type {object_type} is unknown; {question}define it with define_object_type",
            object_type=object_type,
        )


class ObjectTypeNotActivated(Refusal):
    """An optional object type that the account has not activated (H02)."""

    code = "OBJECT_TYPE_NOT_ACTIVATED"

    def __init__(self, object_type: str) -> None:
        super().__init__(
            f"object type {object_type} is not activated; add it to activated_object_types with configure_account",
            object_type=object_type,
        )


class TypeMismatch(Refusal):
    """Two things that must be of one object type are not (H01)."""

    code = "TYPE_MISMATCH"

    def __init__(self, expected: str, actual: str, what: str) -> None:
        super().__init__(
            f"{what} is of type {actual}, not {expected}; name one of {expected}", expected=expected, actual=actual
        )


class SameRecord(Refusal):
    """A record cannot be both sides."""

    code = "SAME_RECORD"

    def __init__(self, object_type: str, record_id: RecordId) -> None:
        super().__init__(f"both sides are {object_type} {record_id}; name two records", record_id=record_id)


class NotFound(Refusal):
    """There is no such thing in the account; what another account has is not told (H01)."""

    code = "NOT_FOUND"

    def __init__(self, ref: RecordRef) -> None:
        super().__init__(
            f"{ref.object_type} {ref.record_id} does not exist; check the id and the account",
            object_type=ref.object_type,
            record_id=ref.record_id,
        )


class SegmentNotFound(Refusal):
    """There is no such segment in the account."""

    code = "NOT_FOUND"

    def __init__(self, segment_id: str) -> None:
        super().__init__(
            f"segment {segment_id} does not exist; define it with define_segment first", segment_id=segment_id
        )


class WorkflowNotFound(Refusal):
    """There is no such workflow for this object type."""

    code = "NOT_FOUND"

    def __init__(self, workflow_id: str, object_type: str, defined_for: Sequence[str]) -> None:
        step = f"name one of {defined_for[0]}" if defined_for else "define it with define_workflow first"
        super().__init__(
            f"workflow {workflow_id} for {object_type} does not exist; {step}",
            workflow_id=workflow_id,
        )


class AlreadyMerged(Refusal):
    """The record was merged away; merges are final, so it takes no part in another."""

    code = "ALREADY_MERGED"

    def __init__(
        self, object_type: str, record_id: RecordId, current_id: RecordId, *, is_archived: bool, is_other: bool
    ) -> None:
        """Name the current record, which may be archived, or the one that the other side of the merge is too."""
        step = f"restore {current_id} first with restore_record, then name" if is_archived else "name"
        advice = (
            "both sides are one record, so nothing is left to merge" if is_other else f"{step} {current_id} instead"
        )
        super().__init__(
            f"{object_type} {record_id} was merged into {current_id}; {advice}",
            record_id=record_id,
            current_id=current_id,
        )


class RecordArchived(Refusal):
    """The record is archived and takes no changes until it is restored."""

    code = "RECORD_ARCHIVED"

    def __init__(self, object_type: str, record_id: RecordId) -> None:
        super().__init__(
            f"{object_type} {record_id} is archived; restore it first with restore_record", record_id=record_id
        )


class AlreadyExists(Refusal):
    """The id that was asked for is taken; ids are never used again."""

    code = "ALREADY_EXISTS"

    def __init__(self, what: str, taken_id: str) -> None:
        super().__init__(f"{what} {taken_id} exists already; ask for another id", id=taken_id)


class CompanySalesforceBlock(Refusal):
    """Companies cannot be merged while the Salesforce integration is installed (H32)."""

    code = "COMPANY_SALESFORCE_BLOCK"

    def __init__(self) -> None:
        super().__init__(
            "companies cannot be merged while the Salesforce integration is on; merge them in Salesforce, or turn "
            "salesforce_integration off with configure_account",
            setting="salesforce_integration",
        )


class CompanyParentChild(Refusal):
    """A company with an active parent or child cannot be merged (H37)."""

    code = "COMPANY_PARENT_CHILD"

    def __init__(self, related: Mapping[RecordId, Sequence[RecordId]]) -> None:
        named = ", ".join(f"{one} to {other}" for one, others in related.items() for other in others)
        super().__init__(
            f"companies {', '.join(related)}: a parent or child company cannot be merged; end each relationship with "
            f"dissociate: {named}",
            record_ids=list(related),
            related_ids={one: list(others) for one, others in related.items()},
        )


class TooManyRelationships(Refusal):
    """Two companies with more parents and children together than a merge looks at (H37)."""

    code = "COMPANY_PARENT_CHILD"

    def __init__(self, record_ids: Sequence[RecordId], limit: int) -> None:
        super().__init__(
            f"companies {', '.join(record_ids)}: more than {limit} parents and children; end relationships with "
            "dissociate, and restore an archived company for that with restore_record",
            record_ids=list(record_ids),
            limit=limit,
        )


class HasParent(Refusal):
    """A company has one parent."""

    code = "HAS_PARENT"

    def __init__(self, record_id: RecordId, parent_id: RecordId, *, is_archived: bool) -> None:
        super().__init__(
            f"companies {record_id} has the parent {parent_id}; end that relationship with dissociate"
            + _restoring([parent_id] if is_archived else []),
            record_id=record_id,
            parent_id=parent_id,
        )


class ParentAndChild(Refusal):
    """One link that makes a company both the parent and the child of another."""

    code = "HIERARCHY_CIRCLE"

    def __init__(self, record_id: RecordId, other_id: RecordId) -> None:
        super().__init__(
            f"companies {other_id} cannot be both parent and child of {record_id}; give one of the two labels",
            path=[record_id, other_id],
        )


class _AlongThePath(Refusal):
    """Companies that are already above one another, in `path` each the child of the next."""

    def __init__(self, what: str, path: Sequence[RecordId], archived: Sequence[RecordId], **details: Detail) -> None:
        super().__init__(
            f"{what}; end a relationship between two that follow one another in the path {' < '.join(path)} with "
            "dissociate" + _restoring(archived),
            path=list(path),
            **details,
        )


class HierarchyCircle(_AlongThePath):
    """The parent to be is already below the company that is to be its child."""

    code = "HIERARCHY_CIRCLE"

    def __init__(self, path: Sequence[RecordId], archived: Sequence[RecordId]) -> None:
        super().__init__(f"companies {path[-1]} is already above {path[0]}, so it cannot be below it", path, archived)


class HierarchyTooDeep(_AlongThePath):
    """More companies would be above one than the walk that looks for circles goes."""

    code = "HIERARCHY_TOO_DEEP"

    def __init__(self, record_id: RecordId, limit: int, path: Sequence[RecordId], archived: Sequence[RecordId]) -> None:
        what = f"more than {limit} companies would be above {record_id}"
        super().__init__(what, path, archived, record_id=record_id, limit=limit)


def _restoring(archived: Sequence[RecordId]) -> str:
    """Add the step without which an archived company's relationship cannot be ended."""
    return f", after restore_record of {', '.join(archived)}" if archived else ""


class MarkedNotDuplicates(Refusal):
    """Somebody said that these two are not the same."""

    code = "MARKED_NOT_DUPLICATES"

    def __init__(self, primary_id: RecordId, secondary_id: RecordId) -> None:
        super().__init__(
            f"{primary_id} and {secondary_id} are marked as not duplicates; merge with override_not_duplicates and a "
            "reason, or take the mark back with unmark_not_duplicates",
            primary_id=primary_id,
            secondary_id=secondary_id,
        )


class ReasonRequired(Refusal):
    """Overriding what says that two records are not the same needs a reason."""

    code = "REASON_REQUIRED"

    def __init__(self, override: str) -> None:
        super().__init__(f"{override} needs a reason; give `reason`", field="reason")


class MergeLimitExceeded(Refusal):
    """The two records have been in more merges together than the limit (H45); it names the ways on (H46)."""

    code = "MERGE_LIMIT_EXCEEDED"

    def __init__(self, primary: int, secondary: int, limit: int) -> None:
        remedies = ["create a new record", "edit one of the records by hand"]
        super().__init__(
            f"{primary} + {secondary} merges are more than the limit of {limit}; {' or '.join(remedies)}",
            primary=primary,
            secondary=secondary,
            limit=limit,
            remedies=[*remedies],
        )


class _PropertiesRefused(Refusal):
    said: ClassVar[str]

    def __init__(self, properties: Sequence[str]) -> None:
        super().__init__(f"{', '.join(properties)}: {self.said}", properties=list(properties))


class MustMatch(_PropertiesRefused):
    """Both records have a value of a property that must match, and not the same one."""

    code = "MUST_MATCH"
    said = (
        "must match, and the two records have different values; correct one of them, or merge with override_must_match "
        "and a reason"
    )


class UnknownProperty(_PropertiesRefused):
    """A choice about a property that is neither defined nor was ever set on either record."""

    code = "UNKNOWN_PROPERTY"
    said = "neither defined nor ever set on either record; check the name"


class PropertyNotChoosable(_PropertiesRefused):
    """A choice that a rule of the system does not leave to the user (H11)."""

    code = "PROPERTY_NOT_CHOOSABLE"
    said = "decided by a rule that no choice overrides; leave it out of choices"


class ValueNotFromEither(_PropertiesRefused):
    """A literal choice that equals neither side's value (H10)."""

    code = "VALUE_NOT_FROM_EITHER"
    said = "the value chosen is neither record's; choose primary or secondary"


class SumOutOfRange(_PropertiesRefused):
    """A sum that no number holds; what the ledger computes it must also accept."""

    code = "SUM_OUT_OF_RANGE"
    said = "the sum is beyond what a number holds exactly; correct the value with update_record first"


class PreviewTokenInvalid(Refusal):
    """The token was not made by a preview of this pair."""

    code = "PREVIEW_TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__("the preview token is not one of this pair; preview the merge again", field="preview_token")


class VersionConflict(Refusal):
    """What the preview showed would no longer be the result."""

    code = "VERSION_CONFLICT"

    def __init__(self, object_type: str, record_id: RecordId, expected: int, actual: int) -> None:
        super().__init__(
            f"{object_type} {record_id} is at version {actual}, the preview saw {expected}; preview the merge again",
            record_id=record_id,
            expected=expected,
            actual=actual,
        )


class DecisionConflict(Refusal):
    """Neither record has changed, and yet the merge would decide something else than its preview showed."""

    code = "VERSION_CONFLICT"

    def __init__(self, object_type: str, record_id: RecordId) -> None:
        super().__init__(
            f"what the merge of {object_type} {record_id} would decide has changed since the preview, by choices or "
            "by settings, workflows or other records; preview the merge again",
            record_id=record_id,
        )


class InvalidProperty(Refusal):
    """A value that cannot be read as its property's type."""

    code = "INVALID_PROPERTY"

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"property {name}: {expected}", property=name)


class InvalidFilter(Refusal):
    """A filter that its property's type can never compare with."""

    code = "INVALID_FILTER"

    def __init__(self, name: str, operator: str, expected: str, form: str) -> None:
        super().__init__(
            f"filter {operator} on {name}: expected {expected}, got {form}",
            property=name,
            operator=operator,
            expected=expected,
            form=form,
        )


class ReadOnlyProperty(_PropertiesRefused):
    """A property that only the ledger sets."""

    code = "READ_ONLY_PROPERTY"
    said = "set by the ledger alone; leave it out"


class RuleIsFixed(_PropertiesRefused):
    """A property with a merge rule of its own that no definition changes: an address, a sum, a create date."""

    code = "READ_ONLY_PROPERTY"
    said = (
        "a fixed rule decides it in every merge, so it is not defined again; leave it out of the definition, and "
        "choose an email or domain in the merge itself"
    )


class IdentifierInUse(Refusal):
    """Another record has this address, token, sync id or unique value."""

    code = "IDENTIFIER_IN_USE"

    def __init__(self, kind: str, current_id: RecordId, *, is_archived: bool) -> None:
        step = f"restore {current_id} with restore_record, then " if is_archived else ""
        super().__init__(
            f"this {kind} belongs to {current_id}; {step}update or merge {current_id}, or remove it there first",
            kind=kind,
            current_id=current_id,
        )


class SegmentIsActive(Refusal):
    """The members of an active segment follow from its filter."""

    code = "SEGMENT_IS_ACTIVE"

    def __init__(self, segment_id: str) -> None:
        super().__init__(
            f"segment {segment_id} is active: its members follow from its filter; change the record or the filter",
            segment_id=segment_id,
        )


class NotAdditional(Refusal):
    """Not an additional address, domain or unique value of this record."""

    code = "NOT_ADDITIONAL"

    def __init__(self, kind: str, record_id: RecordId, *, is_primary: bool) -> None:
        super().__init__(
            f"this {kind} is not an additional one of {record_id}; "
            + (
                "the primary one is changed with update_record or set_primary_identifier"
                if is_primary
                else "check the value, or add it with add_identifier"
            ),
            kind=kind,
            record_id=record_id,
        )


class NotMergedAway(Refusal):
    """Only a record that was merged away can be made again."""

    code = "NOT_MERGED_AWAY"

    def __init__(self, object_type: str, record_id: RecordId) -> None:
        super().__init__(
            f"{object_type} {record_id} was not merged away; name an id that a merge ended", record_id=record_id
        )


class UnmergeNotSupported(Refusal):
    """Merges are final (H51); a contact's or company's identifier can be given to a new record (H52, H53)."""

    code = "UNMERGE_NOT_SUPPORTED"

    def __init__(self, object_type: str, rule: str | None) -> None:
        commands = ["remove_identifier", "create_record"]
        workarounds = [{"rule": rule, "commands": commands}] if rule else []
        advice = (
            "remove the additional identifier, then create a new record with it"
            if rule
            else "recreate_record makes a new record with the values from before it"
        )
        super().__init__(f"a merge of {object_type} is final and cannot be undone; {advice}", workarounds=workarounds)
