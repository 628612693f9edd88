"""Tests: the sample data is what the demo says: real-looking, always the same, refused for every reason."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.sample.chapters import sample_commands, sample_lines, write_sample
from cli.sample.heroes import CHAIN, CHAIN_RESULTS, RESULT
from cli.sample.script import SEED, SMALL
from domain.intake.reading import read_command
from domain.language import streams
from domain.language.commands import DEFAULT_ACCOUNT, Envelope
from domain.language.outcomes import Outcome
from domain.language.refusals import Refusal
from domain.state.account import LIFECYCLE_STAGES
from ledger.ledger import Ledger
from ledger.opening import open_ledger

COMMANDS = sample_commands()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with open_ledger(str(tmp_path_factory.mktemp("sample") / "ledger.db"), create=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def outcomes(ledger: Ledger) -> list[Outcome]:
    read = [read_command(line) for line in sample_lines()]
    commands = [one for one in read if isinstance(one, Envelope)]
    assert len(commands) == len(read), "a line of the sample cannot be read"
    assert not any(one.ignored_fields for one in commands)
    return ledger.execute(commands)


def refusals() -> set[str]:
    waiting, codes = [Refusal], set()
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        codes |= {found.code} if "code" in vars(found) else set()
    return codes


def created(object_type: str) -> list[dict[str, Any]]:
    return [
        msgspec.convert(one["properties"], dict[str, Any])
        for one in COMMANDS
        if one["type"] == "create_record" and one["object_type"] == object_type and "properties" in one
    ]


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert list(sample_lines(SEED)) == list(sample_lines(SEED))
    assert list(sample_lines(SEED)) != list(sample_lines(SEED + 1))


def test_another_seed_tells_a_sample_that_can_be_read_too() -> None:
    assert all(isinstance(read_command(line), Envelope) for line in sample_lines(SEED + 1))


def test_there_is_a_refusal_of_every_code(outcomes: list[Outcome]) -> None:
    too_long_for_a_sample = {"HIERARCHY_TOO_DEEP"}  # A chain of 51 companies.
    assert {one.code for one in outcomes if one.status == "refused"} == refusals() - too_long_for_a_sample


def test_only_the_last_chapter_is_refused(outcomes: list[Outcome]) -> None:
    refused = [at for at, one in enumerate(outcomes) if one.status == "refused"]
    assert min(refused) > len(outcomes) - 60


def test_one_command_is_sent_twice_and_answered_alike(outcomes: list[Outcome]) -> None:
    repeated = [one for one in outcomes if one.repeated]
    assert [one.command_id for one in repeated] == [outcomes[-1].command_id]
    first = next(one for one in outcomes if one.command_id == outcomes[-1].command_id)
    assert (first.merge_id, first.position) == (outcomes[-1].merge_id, outcomes[-1].position)


def test_it_has_the_size_of_a_small_firm(outcomes: list[Outcome]) -> None:
    made = Counter(
        str(command["object_type"])
        for command, outcome in zip(COMMANDS, outcomes, strict=True)
        if command["type"] == "create_record" and outcome.status == "applied"
    )
    assert 1_150 <= made["contacts"] <= 1_250
    assert 235 <= made["companies"] <= 250
    assert all(made[other] for other in ("deals", "tickets", "services", "vehicles"))


def test_its_people_look_real() -> None:
    contacts = created("contacts")
    names = [f"{one.get('firstname')} {one.get('lastname')}" for one in contacts]
    assert {str(one.get("lifecyclestage")) for one in contacts} >= set(LIFECYCLE_STAGES)
    assert sum("van der" in name.lower() for name in names) > 20
    assert sum(any(unicodedata.combining(one) for one in unicodedata.normalize("NFD", name)) for name in names) > 300
    assert all(any(one.get("city") == empty for one in contacts) for empty in ("", "  ", None))
    assert sum(one["type"] == "add_identifier" for one in COMMANDS) > 30


def test_its_addresses_lead_nowhere() -> None:
    emails = [str(one["email"]) for one in created("contacts") if one.get("email")]
    domains = [str(one["domain"]) for one in created("companies") if one.get("domain")]
    assert all(one.lower().rstrip(".").endswith(".example") for one in (*emails, *domains))


def test_one_man_was_imported_thirteen_times(ledger: Ledger, outcomes: list[Outcome]) -> None:
    assert outcomes
    chain = ledger.state(streams.record(DEFAULT_ACCOUNT, "contacts", CHAIN_RESULTS[-1]))
    assert (chain.status, chain.merge_count) == ("active", 12)
    assert len(CHAIN) == 13


def test_one_merge_meets_nearly_every_rule(ledger: Ledger, outcomes: list[Outcome]) -> None:
    assert outcomes
    merged: Any = ledger.decode(ledger.stream(streams.record(DEFAULT_ACCOUNT, "contacts", RESULT))[0])
    rules = {"H07", "H08", "H09", "H10", "H38", "H39", "H40", "H41", "H42", "H43", "H44", "account"}
    assert {one.rule for one in merged.decisions} == rules
    for effect in ("demoted", "dropped_self", "segments_removed", "segments_carried", "unenrolled", "enrolled"):
        assert getattr(merged, effect), effect
    for effect in ("sync_kept", "sync_unlinked", "dropped_drafts", "calls_disconnected", "suppressions"):
        assert getattr(merged, effect), effect


def test_a_second_account_has_limits_of_its_own(outcomes: list[Outcome]) -> None:
    small = {one["command_id"] for one in COMMANDS if one.get("account") == SMALL}
    codes = {one.code for one in outcomes if one.command_id in small and one.code}
    assert codes == {"COMPANY_SALESFORCE_BLOCK", "MERGE_LIMIT_EXCEEDED"}


def test_it_is_written_as_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "sample.jsonl"
    assert write_sample(file) == len(COMMANDS)
    assert file.read_bytes() == b"".join(sample_lines())
