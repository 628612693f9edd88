"""Layer: projections. The outcome of every command: one row per outcome."""

from typing import Final

import msgspec

from domain.language import events as e
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
_encode: Final = msgspec.json.Encoder().encode


class Outcomes:
    """Stores the outcomes."""

    name = "outcomes"
    tables = (OUTCOMES,)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Add the page's outcomes."""
        written = []
        for x in page.of(*e.OUTCOMES):
            outcome = outcome_of(x.event, x.position, x.event.command_id)
            written.append(
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
        if written:
            rows.write(OUTCOMES, written)
