"""Layer: tests. Writers of every kind of command race; what they decided is what one after the other would decide."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from itertools import groupby
from random import Random
from threading import Barrier

import pytest

from domain.language.commands import AnyCommand, Command
from domain.language.ids import RecordRef
from domain.language.outcomes import Outcome
from ledger.indexes.changes import rebuild_indexes
from ledger.ledger import Ledger
from tests import builders as b
from tests.contracts.places import Place, batch
from tests.deciding_again import differences

WRITERS = 8
BATCHES = 25
PEOPLE = [RecordRef("contacts", str(1_000 + number)) for number in range(8)]
COMPANIES = [RecordRef("companies", str(2_000 + number)) for number in range(4)]
ADDRESSES = [f"{name}@mail.example" for name in ("ann", "bea", "cas", "dirk", "els", "fien")]

PREPARED: list[Command] = [
    b.define("contacts", vin={"type": "string", "unique": True}),
    b.static_segment("vip"),
    b.workflow("welcome", b.where(city="Gent"), allow=True),
    b.workflow("old-friends", b.where(hs_additional_emails="ann@mail.example"), allow=True),
    *(b.create(person) for person in PEOPLE),
    *(b.create(company, domain="shared.example") for company in COMPANIES),
]


def any_command(dice: Random) -> Command:  # noqa: PLR0911, PLR0912, C901  one line a command
    one, other = dice.sample(PEOPLE, 2)
    company = dice.choice(COMPANIES)
    address = dice.choice(ADDRESSES)
    match dice.randrange(20):
        case 0:
            return b.create(RecordRef("contacts", str(dice.randrange(1_000, 1_012))), email=address)
        case 1 | 2 | 3:
            return b.update(one, email=address)
        case 4:
            return b.update(one, vin=str(dice.randrange(4)), city=dice.choice(["Gent", "Brugge", ""]))
        case 5 | 6 | 7:
            return b.merge(one, other, into=None)
        case 8:
            return b.associate(one, company, dice.choice(["primary", "colleague"]))
        case 9:
            return b.dissociate(one, company)
        case 10:
            partner = dice.choice([each for each in COMPANIES if each != company])
            return b.associate(company, partner, dice.choice(["parent", "child", "partner"]))
        case 11:
            return b.add_identifier(one, address)
        case 12:
            return b.remove_identifier(one, address)
        case 13:
            return b.set_primary_identifier(one, address)
        case 14:
            return b.link_sync(one, f"sf{dice.randrange(4)}")
        case 15:
            return b.submit_form(usertoken=f"t{dice.randrange(4)}", email=dice.choice([None, address]))
        case 16:
            return b.suppress(one, "unsubscribed", address=address)
        case 17:
            return dice.choice([b.mark_not_duplicates, b.unmark_not_duplicates])(one, other)
        case 18:
            return dice.choice([b.archive, b.restore, b.archive, b.restore])(one)
        case _:
            return dice.choice([b.add_to_segment, b.remove_from_segment])("vip", one)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_whatever_races_was_decided_as_one_after_the_other_would_decide_it(place: Place, seed: int) -> None:
    sent: dict[str, AnyCommand] = {}
    together = Barrier(WRITERS)

    def remember(commands: list[Command]) -> list[Command]:
        sent.update({command.command_id: command for command in commands})  # type: ignore[misc]
        return commands

    def write(number: int) -> list[Outcome]:
        dice = Random(seed * 1_000 + number)  # noqa: S311  dice
        outcomes = []
        with closing(Ledger(place.open(lambda: datetime.now(UTC)))) as ledger:
            together.wait()
            for _ in range(BATCHES):
                outcomes += ledger.execute(batch(*remember([any_command(dice) for _ in range(dice.randint(1, 5))])))
        return outcomes

    with closing(Ledger(place.open(lambda: datetime.now(UTC)))) as ledger:
        ledger.execute(batch(*remember(PREPARED)))
        with ThreadPoolExecutor(WRITERS) as writers:
            outcomes = [one for own in writers.map(write, range(WRITERS)) for one in own]
        log = ledger.read(0, 1_000_000)
        assert [stored.position for stored in log] == list(range(1, len(log) + 1))
        assert_versions_follow(log, key=lambda stored: stored.stream)
        answered = [stored.stream for stored in log if "/commands/" in stored.stream]
        assert len(answered) == len(set(answered)) == len(sent)
        assert len(outcomes) == len(sent) - len(PREPARED)
        assert any(outcome.merge_id for outcome in outcomes)
        assert len({outcome.code for outcome in outcomes}) > 3
        assert differences(ledger, sent) == []
        kept = place.indexes()
        rebuild_indexes(ledger.store)
        assert place.indexes() == kept


def assert_versions_follow(log: list, *, key: Callable) -> None:  # type: ignore[type-arg]
    for _, events in groupby(sorted(log, key=key), key=key):
        versions = [stored.version for stored in events]
        assert versions == list(range(1, len(versions) + 1))
