"""Layer: projections. All projections, in the order in which a page goes through them, and their tables.

The lineage is first, then the records' states: the others find both on the page.
"""

from hashlib import blake2b
from typing import Final

from projections.folding.page import Projection
from projections.models.accounts import Accounts
from projections.models.associations import Associations
from projections.models.current_records import CurrentRecords
from projections.models.history import History
from projections.models.identifiers import Identifiers
from projections.models.lineage import Lineage
from projections.models.merged_ids import MergedIds
from projections.models.outcomes import Outcomes
from projections.models.playbooks import Playbooks
from projections.models.segment_membership import SegmentMembership
from projections.models.timeline import Timeline
from projections.models.workflow_enrollment import WorkflowEnrollment
from projections.store.tables import ReadModel, Table, View, as_json

PROJECTIONS: Final[tuple[Projection, ...]] = (
    Lineage(),
    CurrentRecords(),
    Identifiers(),
    MergedIds(),
    WorkflowEnrollment(),
    SegmentMembership(),
    Timeline(),
    Associations(),
    History(),
    Playbooks(),
    Outcomes(),
    Accounts(),
)
TABLES: Final[tuple[Table, ...]] = tuple(table for one in PROJECTIONS for table in one.tables)
VIEWS: Final[tuple[View, ...]] = tuple(view for one in PROJECTIONS for view in one.views)

_FOLDS: Final = 2  # To be raised when a fold changes what it writes into the same columns.
TABLES_VERSION: Final = blake2b(as_json([_FOLDS, TABLES, VIEWS]).encode(), digest_size=8).hexdigest()
READ_MODEL: Final = ReadModel(TABLES_VERSION, TABLES, VIEWS)
