"""Layer: tests. An event evaluates the active segments that it could concern, and no others."""

from collections.abc import Sequence

import pytest

from domain.language.commands import AnyCommand
from domain.language.filters import FilterGroup, Lookup, NotHasProperty, matches, properties_named
from projections.models import segment_definitions
from tests.builders import ANN, ANNA, ANNE, active_segment, archive, create, merge, restore, update, where
from tests.reading import Readable


def test_an_event_evaluates_the_segments_that_look_at_what_it_changed_alone(
    readable: Readable, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated: set[str] = set()

    def noted(groups: Sequence[FilterGroup], lookup: Lookup) -> bool:
        evaluated.update(properties_named(groups))
        return matches(groups, lookup)

    monkeypatch.setattr(segment_definitions, "matches", noted)

    def touched(*commands: AnyCommand) -> set[str]:
        readable.execute(*commands)
        evaluated.clear()
        readable.projector.catch_up()
        return {*evaluated}

    touched(
        *(active_segment(f"s{n}", where(**{f"p{n}": "x"})) for n in range(50)),
        active_segment("without", [FilterGroup([NotHasProperty("gone")])]),
    )
    assert touched(create(ANN, p7="x", city="Gent"), create(ANNE, p8="x")) == {"p7", "p8", "gone"}
    assert touched(update(ANN, city="Brugge", p9="x")) == {"p9"}
    assert touched(archive(ANN)) == set()
    assert touched(restore(ANN)) == {"p7", "p9", "gone"}
    assert touched(merge(ANN, ANNE, into=ANNA)) == {"p7", "p8", "p9", "gone"}
    assert sorted(readable.show(ANNA).segments.active) == ["s7", "s8", "s9", "without"]
