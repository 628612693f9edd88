"""Layer: tests. The acceptance cases of the core, by the command line, on PostgreSQL."""

import pytest

from tests.cli.conftest import cli, user
from tests.cli.running import Cli
from tests.cli.test_acceptance_core import *  # noqa: F403  the cases
from tests.cli.test_acceptance_identity import *  # noqa: F403
from tests.cli.test_acceptance_types import *  # noqa: F403

__all__ = ["cli", "user"]  # Fixtures, found by their names here.

del test_a_ledger_survives_the_end_of_every_process  # noqa: F821  looks at its file


@pytest.fixture(autouse=True)
def on_postgres(cli: Cli, postgres_url: str) -> None:
    cli.patch.setenv("MERGE_LEDGER_DB", postgres_url)
