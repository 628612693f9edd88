"""Layer: projections. The accounts that exist. Their settings are few events, which readers fold from the ledger."""

from typing import Final

from projections.folding.page import Page
from projections.store.tables import INTEGER, TEXT, Rows, Table, View

ACCOUNTS: Final = Table("accounts", {"account": TEXT, "since_position": INTEGER, "since": TEXT}, ("account",))


class Accounts:
    """An account begins with its first command."""

    name = "accounts"
    tables = (ACCOUNTS,)
    views: tuple[View, ...] = ()

    def apply(self, page: Page, rows: Rows) -> None:
        """Add the accounts that the page is the first to name."""
        first: dict[str, tuple[str, int, str]] = {}
        for x in page.entries:
            if x.account not in first:
                first[x.account] = (x.account, x.position, x.recorded_at)
        known = {account for (account,) in rows.by_keys(ACCOUNTS, ["account"], ["account"], [(one,) for one in first])}
        new = [row for account, row in first.items() if account not in known]
        if new:
            rows.write(ACCOUNTS, new)
