"""Layer: projections. What became of every command: one row an answer."""

from typing import Final

import msgspec

from domain.language import events as e
from domain.language.events import OUTCOME_TYPES
from domain.language.outcomes import outcome_of
from projections.folding.page import Page
from projections.store.tables import INTEGER, TEXT, TEXT_NULL, Index, Rows, Table, View

OUTCOMES: Final = Table(
    "outcomes",
    {
        "position": INTEGER,
        "account": TEXT,
        "command_id": TEXT_NULL,
        "status": TEXT,
        "code": TEXT_NULL,
        "recorded_at": TEXT,
        "outcome": TEXT,
    },
    ("position",),
    (Index(("account", "command_id")), Index(("account", "position"), "status <> 'applied'")),
    is_log=True,
)
_OUTCOME_CLASSES: Final = tuple(e.EVENT_TYPES[name] for name in OUTCOME_TYPES)
_encode: Final = msgspec.json.Encoder().encode


class Outcomes:
    """Keeps the outcomes."""

    name = "outcomes"
    tables = (OUTCOMES,)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Add the page's outcomes."""
        told = []
        for x in page.of(*_OUTCOME_CLASSES):
            outcome = outcome_of(x.event, x.position, x.event.command_id)
            told.append(
                (
                    x.position,
                    x.account,
                    outcome.command_id,
                    outcome.status,
                    outcome.code,
                    x.recorded_at,
                    _encode(outcome).decode(),
                )
            )
        if told:
            rows.write(OUTCOMES, told)
