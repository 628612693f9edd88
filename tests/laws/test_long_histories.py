"""Layer: tests. Every law again over many long histories, played from seeds that are always the same."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.laws import test_laws, test_laws_of_the_ledger
from tests.strategies import Cast, played

HISTORIES = {test_laws.__name__: 40, test_laws_of_the_ledger.__name__: 10}  # Files are slower than memory.
LAWS: dict[str, Callable[..., None]] = {
    name: law.hypothesis.inner_test
    for module in (test_laws, test_laws_of_the_ledger)
    for name, law in vars(module).items()
    if name.startswith("test_")
}


class Dice:
    """Draws what Hypothesis would, from a seed: a number up to a dozen."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311  dice, not secrets

    def draw(self, strategy: st.SearchStrategy[Any], label: str) -> int:
        del strategy
        return self.random.randint(0, 1) if label == "whose turn" else self.random.randint(1, 12)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_a_law_holds_for_long_histories(law: str) -> None:
    for seed in range(HISTORIES[LAWS[law].__module__]):
        dice = Random(seed)  # noqa: S311  dice, not secrets
        steps = [dice.getrandbits(32) for _ in range(dice.choice((20, 40, 80)))]
        if law == "test_independent_commands_commute":
            half = len(steps) // 2
            ours, theirs = (played(Cast("ab"[n]), steps[n * half : (n + 1) * half], settings=False) for n in (0, 1))
            LAWS[law](ours, theirs, Dice(seed))
        elif LAWS[law].__code__.co_argcount == 2:
            LAWS[law](played(Cast(), steps), Dice(seed))
        else:
            LAWS[law](played(Cast(), steps))
