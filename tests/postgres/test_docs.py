"""Layer: tests. What the pages say about PostgreSQL works as it stands there."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import cli
from tests.cli.running import Cli
from tests.postgres.server import run_sql
from tests.postgres.test_roles import ROLES

__all__ = ["cli"]  # A fixture, found by its name here.
ROOT = Path(__file__).parents[2]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def test_the_two_lines_of_the_readme_switch_to_postgresql(cli: Cli, new_database: Callable[..., str]) -> None:
    (block,) = (found for found in blocks("README.md", "bash") if "postgresql" in found)
    first, second = block.splitlines()
    install, _, export = first.partition(" && ")
    assert install == "pip install -q -c constraints.txt -e '.[postgres]'"
    variable, _, url = export.removeprefix("export ").partition("=")
    assert url.startswith("postgresql://")
    cli.patch.setenv(variable, new_database(empty=True))
    command = shlex.split(second)
    assert command[0] == "merge-ledger"
    assert cli(*command[1:]).code == 0
    assert cli("apply", str(ROOT / "docs/examples.jsonl")).code == 3
    assert cli("show", "contacts", "101").json["id"] == "103"


def test_the_roles_and_the_queries_of_the_docs_work(cli: Cli, postgres_url: str) -> None:
    cli.patch.setenv("MERGE_LEDGER_DB", postgres_url)
    assert "deploy/postgres/roles.sql" in blocks("docs/postgresql.md", "bash")[1]
    run_sql(postgres_url, ROLES.read_text())
    cli("apply", str(ROOT / "docs/examples.jsonl"))
    cli("projections", "run")
    (queries,) = blocks("docs/postgresql.md", "sql")
    newest, merged = (run_sql(postgres_url, query) for query in queries.split(";")[:2])
    assert [position for position, *_ in newest] == [9, 8, 7]
    assert all(command_id for *_, command_id in newest)
    assert {current for _, current in merged} == {"103"}


def test_the_docs_name_the_timeouts_that_there_are() -> None:
    from ledger.store.postgres.connection import Timeouts  # noqa: PLC0415  beside what it is held against

    said = (ROOT / "docs/postgresql.md").read_text()
    timeouts = Timeouts()
    assert f"| no connection | {timeouts.connect_s} s |" in said
    assert f"| {timeouts.network_ms // 1000} s if the network is silent, {timeouts.answer_s:g} s if" in said
    assert f"| the lock, held by another writer | {timeouts.lock_ms // 1000} s |" in said
    assert f"It blocks the others for {timeouts.idle_ms // 1000} s" in said
    assert f"| a statement | {timeouts.statement_ms // 1000} s |" in said
