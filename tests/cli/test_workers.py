"""Layer: tests. What the worker commands derive from the topics and the ledger, checked before Kafka is reached."""

from pathlib import Path

import pytest

from cli.commands.workers import published_topics
from cli.session.session import Session
from cli.session.settings import resolve
from consumers import topics
from ledger.ledger import BATCH_COMMANDS_MAX
from tests.cli.running import Cli


def test_the_publisher_checks_every_topic_but_that_of_the_commands(tmp_path: Path) -> None:
    environment = {"MERGE_LEDGER_KAFKA_TOPIC_PREFIX": "eu."}
    session = Session(resolve({}, environment=environment, folder=tmp_path))
    expected = {f"eu.{spec.name}" for spec in topics.SPECS} - {f"eu.{topics.COMMANDS}"}
    assert set(published_topics(session)) == expected
    assert len(expected) == len(topics.SPECS) - 1


def test_a_topic_that_is_added_is_checked_before_the_publisher_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = topics.TopicSpec("merge.added.v1", "account", "an example", {})
    monkeypatch.setattr(topics, "SPECS", (*topics.SPECS, added))
    assert "merge.added.v1" in published_topics(Session(resolve({}, environment={}, folder=tmp_path)))


@pytest.mark.parametrize("batch", [0, BATCH_COMMANDS_MAX + 1])
def test_a_batch_that_the_ledger_would_not_execute_is_refused_before_anything_is_opened(cli: Cli, batch: int) -> None:
    ran = cli("worker", "consume", "--batch", str(batch))
    assert (ran.code, f"--batch: expected 1 to {BATCH_COMMANDS_MAX}, got {batch}" in ran.err) == (2, True)
