"""Layer: ledger. What is stored contradicts itself, or is gone.

Whoever follows such a message restores a copy, and loses what the copy does not hold. So it is said only where
nothing else can be the cause, such as another process that wrote meanwhile.
"""

from ledger.store import StoreUnusable


class Damaged(StoreUnusable):
    """What is stored contradicts itself.

    Whoever raises it from what was read piece by piece looks again first: nobody restores a copy, and loses
    what it does not hold, because another process wrote meanwhile.
    """


class DamagedDatabase(Damaged):
    """The database contradicts itself."""

    def __init__(self, location: str, what: str) -> None:
        super().__init__(f"the ledger at {location} is damaged ({what}); restore it from a copy")


class ContradictingIndexes(Damaged):
    """The indexes beside the log do not fit it, though nobody else wrote."""

    def __init__(self, location: str, what: str) -> None:
        super().__init__(
            f"the ledger at {location} is damaged: its indexes do not fit its log ({what}); nothing was stored and"
            " the log is as it was; keep it, and see `merge-ledger status`"
        )


class LostLedger(StoreUnusable):
    """The ledger is gone or empty, and what was made from it is not: to begin anew would hide the loss."""

    def __init__(self, location: str, how: str, left: str) -> None:
        super().__init__(
            f"the ledger at {location} is {how}, though {left} beside it was made with one;"
            f" restore it from a copy, or delete {left} to begin anew"
        )
