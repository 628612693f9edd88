"""Layer: tests. Parents of companies on every store: no race makes a second one or a circle, and a walk is bounded."""

from itertools import pairwise
from random import Random

import pytest

from domain.decisions.hierarchy import LEVELS_MAX
from domain.language.ids import RecordRef
from domain.language.outcomes import Outcome
from domain.state.needs import Need
from ledger.batch.loading import Loader
from ledger.ledger import Ledger
from tests.builders import archive, create, dissociate, merge, parent, restore
from tests.contracts.places import Place, batch
from tests.contracts.test_racing import race

COMPANIES = [RecordRef("companies", f"c{number}") for number in range(7)]


def parents_of(ledger: Ledger, company: RecordRef) -> list[str]:
    hierarchy = ledger.state(f"main/records/companies/{company.record_id}").hierarchy
    return [other for other, is_a in hierarchy.items() if is_a == "parent"]


def test_racing_writers_make_no_second_parent_and_no_circle(place: Place, ledger: Ledger) -> None:
    ledger.execute(batch(*(create(company) for company in COMPANIES)))

    def link_and_end(own: Ledger, dice: Random) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for _ in range(15):
            one, other = dice.sample(COMPANIES, 2)
            outcomes += own.execute(batch(parent(one, of=other)))
            if dice.random() < 0.3:
                outcomes += own.execute(batch(dissociate(one, other)))
        return outcomes

    outcomes = [one for own in race(place, link_and_end) for one in own]
    assert {outcome.code for outcome in outcomes} == {None, "HAS_PARENT", "HIERARCHY_CIRCLE"}
    for company in COMPANIES:
        above, at = [company.record_id], parents_of(ledger, company)
        while at:
            assert len(at) == 1
            assert at[0] not in above
            above.append(at[0])
            at = parents_of(ledger, company._replace(record_id=at[0]))


def test_a_walk_takes_a_round_a_level(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [RecordRef("companies", f"level-{number}") for number in range(LEVELS_MAX)]
    low = RecordRef("companies", "low")
    ledger.execute(batch(*(create(one) for one in (*chain, low))))
    ledger.execute(batch(*(parent(high, of=below) for below, high in pairwise(chain))))
    rounds = counted(monkeypatch)
    Ledger(ledger.store).execute(batch(parent(chain[0], of=low)))
    assert len(rounds) <= LEVELS_MAX + 3


def test_a_level_whose_company_was_merged_takes_two(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = 5
    chain = [RecordRef("companies", f"level-{number}") for number in range(levels)]
    low, others = RecordRef("companies", "low"), [one._replace(record_id=f"other-{one.record_id}") for one in chain]
    ledger.execute(batch(*(create(one) for one in (*chain, *others, low))))
    ledger.execute(batch(*(parent(high, of=below) for below, high in pairwise(chain))))
    for nth in range(1, levels):  # Each is merged while its neighbours are archived.
        near = [chain[nth - 1], *chain[nth + 1 : nth + 2]]
        merged = chain[nth]._replace(record_id=f"merged-{nth}")
        steps = [*map(archive, near), merge(chain[nth], others[nth], into=merged), *map(restore, near)]
        assert {one.status for one in ledger.execute(batch(*steps))} == {"applied"}
    rounds = counted(monkeypatch)
    [outcome] = Ledger(ledger.store).execute(batch(parent(chain[0], of=low)))
    assert outcome.status == "applied"
    assert len(rounds) <= 2 * levels + 3
    [circle] = ledger.execute(batch(parent(low, of=RecordRef("companies", f"merged-{levels - 1}"))))
    assert circle.details["path"] == ["low", "level-0", *(f"merged-{nth}" for nth in range(1, levels))]


def counted(monkeypatch: pytest.MonkeyPatch) -> list[set[Need]]:
    """Count what is loaded from here on, by round."""
    rounds: list[set[Need]] = []
    real = Loader._load  # noqa: SLF001  to be counted

    def load(loader: Loader, missing: set[Need]) -> None:
        rounds.append(missing)
        real(loader, missing)

    monkeypatch.setattr(Loader, "_load", load)
    return rounds
