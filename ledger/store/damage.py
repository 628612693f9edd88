"""Layer: ledger. What is stored contradicts itself, or is gone.

Whoever follows such a message restores a copy, and loses what the copy does not hold. So it is said only where
nothing else can be the cause, such as another process that wrote meanwhile.
"""

from collections.abc import Iterator, Mapping

from ledger.store.port import StoreUnusable


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


class UnguardedLog(Damaged):
    """A trigger that keeps the log as it is is missing or changed, or one that is not ours may change it."""

    def __init__(self, location: str, name: str, how: str) -> None:
        super().__init__(
            f"the log of the ledger at {location} is not guarded ({name} {how}); find out what was changed without"
            " it, with `merge-ledger status` and a copy, and see the manual on a damaged ledger"
        )


def differences(made: Mapping[str, object], found: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Compare what should be there by name with what is; tells each name that differs, and how."""
    for name in sorted({*made, *found}):
        if name not in found:
            yield name, "is missing"
        elif name not in made:
            yield name, "is none of ours"
        elif made[name] != found[name]:
            yield name, "was changed"
