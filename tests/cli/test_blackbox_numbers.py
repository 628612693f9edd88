"""Tests: positions and limits beyond all that a store can count, through the command line as a user types them."""

import pytest

from tests.cli.user import User

BEYOND = "9" * 24


@pytest.fixture
def known(user: User) -> User:
    user.contact("101", city="Gent")
    return user


@pytest.mark.parametrize("position", [BEYOND, str(2**63), str(2**63 - 1), "9999"])
def test_a_position_beyond_the_head_reads_as_now(known: User, position: str) -> None:
    assert known.show("101", "--as-of", position) == known.show("101")
    assert known.json("account", "show", "--as-of", position) == known.json("account", "show")


def test_a_position_of_more_digits_than_can_be_read_is_a_mistake_of_the_user(known: User) -> None:
    ran = known.run("show", "contacts", "101", "--as-of", "9" * 4_301)
    assert ran.code == 2
    assert ran.err.strip().endswith("--as-of: expected a position, got one of 4,301 digits")


@pytest.mark.parametrize(
    "words",
    [
        ("search", "contacts"),
        ("history", "contacts", "101"),
        ("timeline", "contacts", "101"),
        ("merges", "list"),
        ("segments", "list"),
        ("workflows", "list"),
        ("outcomes", "list"),
        ("events", "list"),
    ],
    ids=" ".join,
)
def test_a_limit_beyond_all_counting_lists_everything_on_one_page(known: User, words: tuple[str, ...]) -> None:
    for limit in (BEYOND, str(2**63 - 1)):
        assert known.json(*words, "--limit", limit) == known.json(*words)
