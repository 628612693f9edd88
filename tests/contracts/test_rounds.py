"""Layer: tests. A batch is loaded in a few rounds, however many commands it has, and whatever they make and use."""

import pytest

from domain.language import streams
from domain.language.commands import Command
from domain.language.events import EnrolledByTriggers
from domain.language.ids import RecordRef
from domain.state.needs import Need
from ledger.batch.loading import Loader
from ledger.ledger import Ledger
from tests import builders as b
from tests.contracts.places import batch

PAIRS = 40
ROUNDS_MAX = 5


def everything(prefix: str) -> list[Command]:
    """Make pairs of contacts, link them, log on them, give them addresses and segments, and merge them."""
    commands: list[Command] = []
    for number in range(PAIRS):
        one, other, merged = (RecordRef("contacts", f"{prefix}-{number}-{side}") for side in ("a", "b", "ab"))
        commands += [
            b.create(one, email=f"{one.record_id}@x.be"),
            b.create(other, email=f"{other.record_id}@x.be", city="Gent"),
            b.associate(one, other, "colleague"),
            b.associate(other, b.ACME, "primary"),
            b.log_activity(f"note-{prefix}-{number}", one),
            b.add_identifier(one, f"also-{one.record_id}@x.be"),
            b.add_to_segment("vip", other),
            b.mark_not_duplicates(one, b.ANN),
            b.merge(one, other, into=merged),
            b.update(one, city="Brugge"),
        ]
    return commands


@pytest.mark.parametrize("trigger", [{}, {"hs_additional_emails": "ann@x.be"}, {"hs_merged_object_ids": "x"}])
def test_a_batch_is_loaded_in_a_few_rounds(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, trigger: dict[str, str]
) -> None:
    ledger.execute(batch(b.create(b.ACME), b.create(b.ANN), b.static_segment("vip")))
    if trigger:
        ledger.execute(batch(b.workflow("watch", b.where(**trigger), allow=True)))
    rounds: list[set[Need]] = []
    real = Loader._load  # noqa: SLF001  to be counted

    def counted(loader: Loader, missing: set[Need]) -> None:
        rounds.append(missing)
        real(loader, missing)

    monkeypatch.setattr(Loader, "_load", counted)
    for prefix in ("new", "newer"):
        outcomes = ledger.execute(batch(*everything(prefix)))
        assert {outcome.status for outcome in outcomes} == {"applied"}
        assert len(rounds) <= ROUNDS_MAX, [sorted(map(str, one))[:3] for one in rounds]
        rounds.clear()


@pytest.mark.parametrize("together", [True, False])
def test_a_batch_sees_what_became_of_addresses_in_it(ledger: Ledger, together: bool) -> None:  # noqa: FBT001  a case
    one, other, merged = (RecordRef("contacts", name) for name in ("one", "other", "merged"))
    commands = [
        b.workflow("watch", b.where(hs_additional_emails="also@x.be", city="Gent"), allow=True),
        b.configure(later_enrollment="always"),
        b.create(one, email="one@x.be"),
        b.create(other, email="other@x.be"),
        b.add_identifier(other, "also@x.be"),
        b.merge(one, other, into=merged),
        b.update(merged, city="Gent"),  # Enrolls.
        b.unenroll("watch", merged),
        b.remove_identifier(merged, "also@x.be"),
        b.update(merged, city="Brugge"),
        b.update(merged, city="Gent"),  # The address is gone.
    ]
    outcomes = [
        outcome
        for some in ([commands] if together else [[command] for command in commands])
        for outcome in ledger.execute(batch(*some))
    ]
    assert {outcome.status for outcome in outcomes} == {"applied"}
    enrolled = [stored.stream for stored in ledger.read(0, 1_000) if stored.type == EnrolledByTriggers.EVENT_TYPE]
    assert enrolled == [streams.record("main", *merged)]
