"""Layer: tests. Several writers at once over the same records: no rule is broken, and no answer is wrong."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from threading import Barrier

from domain.decide import decide
from domain.language.commands import Command, Envelope, MergeRecords
from domain.language.events import MergedAway, RecordsMerged
from domain.language.ids import RecordRef
from domain.language.outcomes import Outcome
from domain.state.view import View
from ledger.indexes.changes import rebuild_indexes
from ledger.ledger import Ledger
from ledger.store.port import Store
from tests.builders import create, merge, update
from tests.contracts.places import Place, batch

WRITERS = 6
RECORDS = [RecordRef("contacts", str(1_000 + number)) for number in range(12)]


def now() -> datetime:
    return datetime.now(UTC)


def race(place: Place, work: Callable[[Ledger, Random], list[Outcome]]) -> list[list[Outcome]]:
    """Let every writer work on a store of its own, all starting at once."""
    together = Barrier(WRITERS)

    def write(number: int) -> list[Outcome]:
        with closing(Ledger(place.open(now))) as ledger:
            together.wait()
            return work(ledger, Random(number))  # noqa: S311  dice

    with ThreadPoolExecutor(WRITERS) as writers:
        return list(writers.map(write, range(WRITERS)))


def test_racing_merges_make_one_survivor_of_every_record(place: Place, store: Store, ledger: Ledger) -> None:
    ledger.execute(batch(*(create(record, email=f"{record.record_id}@x.be") for record in RECORDS)))

    def merge_whatever_stands(own: Ledger, dice: Random) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for _ in range(12):
            pair = dice.sample(RECORDS, 2)
            outcomes += own.execute(batch(merge(*pair, into=None), update(pair[0], city="Gent")))
        return outcomes

    outcomes = [one for own in race(place, merge_whatever_stands) for one in own]
    assert {outcome.code for outcome in outcomes} <= {None, "ALREADY_MERGED"}

    log = ledger.read(0, 100_000)
    assert [stored.position for stored in log] == list(range(1, len(log) + 1))
    assert all(a.recorded_at <= b.recorded_at for a, b in pairwise(log))
    events = [(stored.stream, ledger.decode(stored)) for stored in log]
    merged_away = Counter(stream for stream, event in events if isinstance(event, MergedAway))
    assert set(merged_away.values()) == {1}
    merges = [event for _, event in events if isinstance(event, RecordsMerged)]
    assert len(merges) == sum(outcome.merge_id is not None for outcome in outcomes)
    assert len(merged_away) == 2 * len(merges)
    kept = place.indexes()
    rebuild_indexes(store)
    assert place.indexes() == kept


def test_one_address_goes_to_one_record_however_many_ask_for_it_at_once(place: Place, ledger: Ledger) -> None:
    def take(own: Ledger, dice: Random) -> list[Outcome]:
        mine = RecordRef("contacts", str(dice.randrange(10**9)))
        commands: list[Command] = [create(mine)]
        commands += [update(mine, email=f"{number}@x.be") for number in range(20)]
        return [outcome for command in commands for outcome in own.execute(batch(command))]

    raced = race(place, take)
    winners = Counter(place_in_row for own in raced for place_in_row, one in enumerate(own[1:]) if one.code is None)
    assert winners
    assert set(winners.values()) <= set(range(1, WRITERS + 1))  # Released by the next address, it can be taken again.
    assert ledger.head() == sum(1 + (outcome.code is None) for own in raced for outcome in own)


def test_the_same_commands_sent_by_all_at_once_are_done_once(place: Place, ledger: Ledger) -> None:
    ledger.execute(batch(*(create(record) for record in RECORDS)))
    before = ledger.head()
    commands = [merge(one, other, into=None) for one, other in zip(RECORDS[::2], RECORDS[1::2], strict=True)]
    raced = race(place, lambda own, _: [one for command in commands for one in own.execute(batch(command))])
    answers = {(one.command_id, one.merge_id, one.record_id, one.position) for own in raced for one in own}
    assert len(answers) == len(commands)
    assert sum(not one.repeated for own in raced for one in own) == len(commands)
    assert ledger.head() == before + 4 * len(commands)


def test_threads_share_one_ledger(ledger: Ledger) -> None:
    ledger.execute(batch(*(create(record) for record in RECORDS)))

    def write(number: int) -> list[Outcome]:
        return ledger.execute(batch(*(update(record, city=f"city {number}") for record in RECORDS)))

    with ThreadPoolExecutor(WRITERS) as writers:
        outcomes = [one for own in writers.map(write, range(WRITERS * 4)) for one in own]
        reads = list(writers.map(lambda _: len(ledger.read(0, 100_000)), range(WRITERS)))
    assert {outcome.status for outcome in outcomes} == {"applied"}
    assert reads == [ledger.head()] * WRITERS
    for record in RECORDS:
        assert len(ledger.stream(f"main/records/contacts/{record.record_id}")) == 1 + WRITERS * 4


def test_deciding_every_merge_again_where_it_stands_in_the_log_finds_no_difference(
    place: Place, ledger: Ledger
) -> None:
    ledger.execute(batch(*(create(record) for record in RECORDS)))
    sent: dict[str, MergeRecords] = {}

    def merge_a_few(own: Ledger, dice: Random) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for _ in range(8):
            command = merge(*dice.sample(RECORDS, 2), into=None)
            sent[command.command_id] = command
            outcomes += own.execute(batch(command))
        return outcomes

    race(place, merge_a_few)
    for stored in ledger.read(0, 100_000):
        if stored.type not in ("command.applied.v1", "command.refused.v1"):
            continue
        answer = ledger.decode(stored)
        command = sent.get(answer.command_id)
        if command is None:
            continue
        before = stored.position - getattr(answer, "events", 0) - 1
        view = View()
        view.put(stored.stream, None, 0)
        view.put("main/settings", None, 0)
        view.put("main/workflows/contacts", None, 0)
        for record_id in (command.primary_id, command.secondary_id):
            stream = f"main/records/contacts/{record_id}"
            current = stream
            while (state := ledger.state(current, before)) is not None and state.merged_into is not None:
                current = f"main/records/contacts/{state.merged_into}"
            view.put(stream, ledger.state(stream, before), len(ledger.stream(stream, before)))
            view.put_lineage(stream, current)
            view.put(current, ledger.state(current, before), len(ledger.stream(current, before)))
        decided = decide(Envelope(command), view, answer.occurred_at)
        assert decided[-1][1] == answer
