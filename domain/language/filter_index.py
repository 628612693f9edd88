"""Layer: domain. Which filters a change could concern: an index by the properties that filters look at.

An account may have thousands of triggers and segments; a change evaluates those alone that look at
what it changed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Generic, TypeVar

from domain.language.filters import FilterGroup, NotEqual, NotHasProperty, NotIn, properties_named

T = TypeVar("T")


class FilterIndex(Generic[T]):
    """Things with filters (triggers, active segments), by the properties that the filters look at."""

    def __init__(self, filtered: Iterable[tuple[T, Sequence[FilterGroup]]]) -> None:
        """Index things in their order; those without a filter are left out."""
        self._things: list[T] = []
        self._by_name: defaultdict[str, list[int]] = defaultdict(list)
        self._of_nothing: list[int] = []
        for thing, groups in filtered:
            if not groups:
                continue
            nth = len(self._things)
            self._things.append(thing)
            for name in properties_named(groups):
                self._by_name[name].append(nth)
            if any(_holds_of_nothing(group) for group in groups):
                self._of_nothing.append(nth)

    @property
    def names(self) -> Collection[str]:
        """The properties that any filter looks at."""
        return self._by_name.keys()

    def __bool__(self) -> bool:
        """Whether anything has a filter."""
        return bool(self._things)

    def looking_at(self, names: Iterable[str]) -> list[T]:
        """List what a change of these properties could concern, in the order of definition."""
        return self._in_order(nth for name in names for nth in self._by_name.get(name, ()))

    def of_a_new_record(self, names: Iterable[str]) -> list[T]:
        """List what a record that begins with these properties could meet, what a record of nothing meets among it."""
        return self._in_order((*self._of_nothing, *(nth for name in names for nth in self._by_name.get(name, ()))))

    def _in_order(self, found: Iterable[int]) -> list[T]:
        return [self._things[nth] for nth in sorted(set(found))]


def _holds_of_nothing(group: FilterGroup) -> bool:
    return all(isinstance(test, NotEqual | NotIn | NotHasProperty) for test in group.filters)
