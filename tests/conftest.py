"""Tests: what many of them begin with: the demo, carried out once for all; and databases on a PostgreSQL server."""

import gc
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it says nothing of its types

from cli.__main__ import main
from tests.postgres.server import Databases, started

TOGETHER = {
    "tests/kafka/": "kafka",
    "tests/deploy/": "roles",
    "tests/postgres/test_docs.py": "roles",
    "tests/postgres/test_roles.py": "roles",
    "tests/postgres/test_strangers.py": "roles",
    "tests/postgres/test_unusable.py": "roles",
}


class OneServerOneProcess(LoadScopeScheduling):  # type: ignore[misc]  # as above
    """Shares tests out one by one; those on one broker, and those on the roles of a whole server, stay together."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for place, group in TOGETHER.items() if nodeid.startswith(place)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneServerOneProcess:
    return OneServerOneProcess(config, log)


@pytest.fixture(autouse=True)
def _open_connections_are_found() -> Iterator[None]:
    """Look after each test for connections that it left open: Python warns of one when it collects it, which
    otherwise happens in whatever test makes many objects next, and fails that one."""
    yield
    gc.collect(1)  # What a test made is young.


class Demonstrated(NamedTuple):
    """The folder that a demo was run in, and what it printed. Whoever changes its ledger works on a copy."""

    folder: Path
    out: str


@pytest.fixture(scope="session")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Demonstrated:
    folder = tmp_path_factory.mktemp("demonstrated")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out:
        patch.chdir(folder)
        assert main(["demo"]) == 0
    return Demonstrated(folder, out.getvalue())


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """A PostgreSQL server, started when the first test asks for it."""
    with started() as server:
        made = Databases(server)
        yield made
        made.close()


@pytest.fixture
def new_database(databases: Databases) -> Iterator[Callable[..., str]]:
    """Makes databases for one test, and names them by URL."""
    names: list[str] = []

    def make(*, empty: bool = False) -> str:
        names.append(databases.make(empty=empty))
        return databases.url(names[-1])

    yield make
    for name in names:
        databases.drop(name)


@pytest.fixture
def postgres_url(new_database: Callable[..., str]) -> str:
    """A database with an empty ledger."""
    return new_database()
