"""Layer: tests. Computed properties as filters see them, whoever brings the lineage and the claims."""

from typing import Final

import pytest

from domain.language.values import Plain
from domain.state.computed import ADDITIONAL, COMPUTED, MERGED_IDS, lookup

VALUES: Final[dict[str, Plain]] = {"email": "ann@mail.example", "city": "Gent"}
CLAIMS: Final = {"email": ["zoe@mail.example", "ann@mail.example", "amy@mail.example"]}


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("city", "Gent"),
        ("zip", None),
        ("hs_object_id", "103"),
        ("hs_merged_object_ids", ["101", "102"]),
        ("hs_additional_emails", ["amy@mail.example", "zoe@mail.example"]),
        ("hs_additional_domains", []),
    ],
)
def test_a_filter_sees_set_and_computed_values(name: str, seen: Plain) -> None:
    look = lookup("contacts", "103", VALUES.get, lambda: ("101", "102"), lambda kind: CLAIMS.get(kind, []))
    assert look(name) == seen


def test_nothing_is_loaded_for_a_property_that_is_set() -> None:
    loaded: list[str] = []

    def merged_ids() -> list[str]:
        loaded.append(MERGED_IDS)
        return []

    def held(kind: str) -> list[str]:
        loaded.append(kind)
        return []

    look = lookup("contacts", "103", VALUES.get, merged_ids, held)
    look("city")
    assert loaded == []
    for name in COMPUTED:
        look(name)
    assert loaded == [MERGED_IDS, *ADDITIONAL.values()]
