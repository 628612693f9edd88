"""Layer: cli. What the commands that use Kafka share: its settings, the names of topics, an open admin client."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import msgspec

from cli.session import exits
from cli.session.kafka_settings import kafka_settings
from cli.session.session import Session
from consumers import topics
from consumers.kafka.settings import KafkaSettings
from consumers.source import SourceUnusable

if TYPE_CHECKING:
    from consumers.kafka.admin import KafkaAdmin


class KafkaUnusable(exits.Ending):
    """Kafka cannot be used; the message says which step failed and what to do."""

    code = exits.STORE_UNUSABLE


@contextmanager
def kafka_errors_reported() -> Iterator[None]:
    """Raise KafkaUnusable, which ends the run with one line, when Kafka cannot be used."""
    try:
        yield
    except SourceUnusable as error:
        raise KafkaUnusable(str(error)) from error


def topic_specs(session: Session) -> list[topics.TopicSpec]:
    """Return every topic with the name it has here, prefix included."""
    return [msgspec.structs.replace(spec, name=topic_name(session, spec.name)) for spec in topics.SPECS]


def checked_settings(session: Session) -> KafkaSettings:
    """Return the Kafka settings, after a warning on stderr about each unsafe one."""
    settings = kafka_settings(session.settings.kafka)
    for warning in settings.warnings():
        session.say(f"merge-ledger: warning: {warning}")
    return settings


def topic_name(session: Session, topic: str) -> str:
    """Return the name a topic has here, prefix included."""
    return f"{session.settings.kafka['kafka_topic_prefix']}{topic}"


@contextmanager
def kafka_admin(session: Session, needed: tuple[str, ...] = ()) -> Iterator["KafkaAdmin"]:
    """Open a client for Kafka's administration, once Kafka and the topics in `needed` can be used."""
    from consumers.kafka.admin import KafkaAdmin  # noqa: PLC0415  slow to load
    from consumers.kafka.check import make_sure  # noqa: PLC0415

    with kafka_errors_reported():
        settings = checked_settings(session)
        make_sure(settings, needed)
        with closing(KafkaAdmin(settings)) as admin:
            yield admin
