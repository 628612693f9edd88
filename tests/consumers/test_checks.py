"""Layer: tests. Looking at things under a deadline, and at clocks."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from consumers.operating.checks import NotWell, look, not_from_the_future, same_clock


def now(**ahead: float) -> datetime:
    return datetime.now(UTC) + timedelta(**ahead)


def test_what_never_answers_is_told_at_its_deadline() -> None:
    began = time.monotonic()
    check = look("a black hole", 0.2, lambda: str(threading.Event().wait(30)))
    assert (check.ok, check.found) == (False, "no answer (no answer within 0.2 s)")
    assert time.monotonic() - began < 5


def test_a_check_says_what_was_found_and_what_is_next() -> None:
    def found() -> str:
        raise NotWell("it is broken", "mend it")

    assert look("it", 1, found).line == "it: it is broken; mend it"
    assert look("it", 1, lambda: "it works").line == "it: it works"


def test_a_clock_is_compared_with_ours() -> None:
    assert same_clock(now) == "within 5 s of ours"
    assert same_clock(lambda: None) == "there is none but ours"
    with pytest.raises(NotWell, match=r"59\.\d s ahead of ours"):
        same_clock(lambda: now(minutes=1) - timedelta(milliseconds=50))
    with pytest.raises(NotWell, match=r"60\.0 s behind ours"):
        same_clock(lambda: now(minutes=-1))


def test_a_message_from_the_future_is_told() -> None:
    assert not_from_the_future(None) == "no message yet"
    assert "ago" in not_from_the_future(int(time.time() * 1000) - 90_000)
    with pytest.raises(NotWell, match="from now, by our clock"):
        not_from_the_future(int(time.time() * 1000) + 90_000)
