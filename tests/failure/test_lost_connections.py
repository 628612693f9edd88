"""Layer: tests. A connection is lost at any moment: each command has one outcome, and that is told."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from urllib.parse import urlsplit

import pytest

from domain.language.commands import Envelope
from domain.language.outcomes import Outcome
from ledger.ledger import Ledger
from ledger.store.port import ConnectionLost, StoreUnusable
from ledger.store.postgres.connection import Timeouts
from ledger.store.postgres.store import PostgresStore
from tests.builders import ANN, ANNE, create, create_without_id, merge
from tests.contracts.places import batch
from tests.failure.proxy import Proxy, Where, between, nth, saying

QUICK = Timeouts(connect_s=2, lock_ms=1_000, statement_ms=1_000, network_ms=1_000, answer_s=0.8)
COMMIT = b"COMMIT\0"
MESSAGES = 12  # More than a batch sends.


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    with between(postgres_url) as made:
        yield made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a server up soon that does not come back."""
    monkeypatch.setattr("ledger.ledger._RECONNECTING_S", 0.5)


@pytest.fixture
def behind(proxy: Proxy, postgres_url: str) -> Iterator[Ledger]:
    """A ledger that is reached through the proxy."""
    with closing(Ledger(PostgresStore(proxy.url(urlsplit(postgres_url).path[1:]), timeouts=QUICK))) as opened:
        yield opened


@pytest.fixture
def straight(postgres_url: str) -> Iterator[Ledger]:
    """The same ledger, as the server knows it."""
    with closing(Ledger(PostgresStore(postgres_url))) as opened:
        yield opened


def check(straight: Ledger, told: list[Outcome]) -> None:
    """Hold what was told to what is stored: each once, there."""
    log = straight.read(0, 100_000)
    assert [stored.position for stored in log] == list(range(1, len(log) + 1))
    assert set(Counter(stored.stream for stored in log if "/commands/" in stored.stream).values()) == {1}
    for outcome in told:
        assert not outcome.repeated
        assert outcome.status == "applied"
        assert outcome.position is not None
        assert straight.decode(log[outcome.position - 1]).command_id == outcome.command_id


def sent_until_done(ledger: Ledger, commands: list[Envelope]) -> list[Outcome]:
    """Send the same again: whoever held the lock in the dark lets go of it after a while."""
    for _ in range(10):
        with suppress(StoreUnusable):
            return ledger.execute(commands)
    pytest.fail("it did not recover")


@pytest.mark.parametrize("where", ["before", "after", "delivered"])
def test_a_connection_cut_at_the_commit(proxy: Proxy, behind: Ledger, straight: Ledger, where: Where) -> None:
    told = behind.execute(batch(create(ANN)))
    proxy.cut(where, saying(COMMIT))
    told += behind.execute(batch(create(ANNE), merge()))
    told += behind.execute(batch(create_without_id("contacts")))
    assert proxy.cuts == 1
    check(straight, told)


@pytest.mark.parametrize("where", ["before", "after", "delivered"])
def test_a_connection_cut_at_any_message(proxy: Proxy, behind: Ledger, straight: Ledger, where: Where) -> None:
    told = behind.execute(batch(create_without_id("contacts")))
    for number in range(1, MESSAGES):
        proxy.cut(where, nth(number))
        told += behind.execute(batch(create_without_id("contacts"), create_without_id("contacts", city="Gent")))
        proxy.recover()
    assert proxy.cuts >= MESSAGES // 2
    check(straight, told)
    assert straight.head() == 2 * len(told)


def test_a_repetition_after_a_lost_answer_is_still_a_repetition(proxy: Proxy, behind: Ledger) -> None:
    command, new = create_without_id("contacts"), create_without_id("contacts")
    behind.execute(batch(command))
    proxy.cut("after", saying(COMMIT))
    assert [outcome.repeated for outcome in behind.execute(batch(command, new, new))] == [True, False, True]
    assert proxy.cuts == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("message", [b"BEGIN", b"record.created.v1", COMMIT])
def test_a_server_that_falls_silent_is_an_error_within_the_timeout_and_what_was_done_is_found(
    proxy: Proxy, behind: Ledger, straight: Ledger, message: bytes
) -> None:
    behind.execute(batch(create_without_id("contacts")))
    commands = batch(create(ANN), create(ANNE))
    proxy.cut("dark", saying(message))
    began = time.monotonic()
    with pytest.raises(ConnectionLost, match="send the same again") as raised:
        behind.execute(commands)
    assert time.monotonic() - began < 10
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)
    proxy.recover()
    told = sent_until_done(behind, commands)
    assert [outcome.status for outcome in told] == ["applied", "applied"]
    assert straight.head() == 6
    assert {outcome.repeated for outcome in told} == {message == COMMIT}


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_down_is_said_so_in_one_line_and_nothing_is_done(
    proxy: Proxy, behind: Ledger, straight: Ledger, postgres_url: str
) -> None:
    told = behind.execute(batch(create(ANN)))
    proxy.close()
    for work in (lambda: behind.execute(batch(create(ANNE))), behind.head):
        with pytest.raises(ConnectionLost, match=r"127.0.0.1:\d+/merge_ledger") as raised:
            work()
        assert "secret" not in str(raised.value)
        assert "\n" not in str(raised.value)
    with pytest.raises(ConnectionLost, match=r"cannot be reached: .*refused"):
        PostgresStore(proxy.url(urlsplit(postgres_url).path[1:]), timeouts=QUICK)
    check(straight, told)


def test_a_server_that_comes_back_in_time_is_waited_for(
    proxy: Proxy, behind: Ledger, straight: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = behind.execute(batch(create(ANN)))
    proxy.cut("after", saying(COMMIT))
    real, refusals = PostgresStore.writing, iter(range(2))

    def is_down_for_a_while(store: PostgresStore, *, alone: bool = False):  # type: ignore[no-untyped-def]  # noqa: ANN202
        if alone and next(refusals, None) is not None:
            raise ConnectionLost(store.location, "down")
        return real(store, alone=alone)

    monkeypatch.setattr(PostgresStore, "writing", is_down_for_a_while)
    told += behind.execute(batch(create(ANNE), merge()))
    check(straight, told)
