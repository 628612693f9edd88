"""A worker that is killed: a process that is there at once, for it is forked from one that has loaded all."""

from contextlib import closing

from consumers.kafka.admin import KafkaAdmin
from consumers.kafka.settings import KafkaSettings
from consumers.kafka.sink import KafkaSink
from consumers.kafka.source import KafkaSource
from consumers.publisher.publisher import Publisher
from consumers.worker.worker import Settings, Worker
from ledger.opening import open_ledger


def work(bootstrap: str, topic: str, db: str, instance: str) -> None:
    """Work until killed, or until nobody waits for it any more."""
    settings = KafkaSettings(bootstrap=(bootstrap,))
    with open_ledger(db, create=False) as ledger:
        source = KafkaSource(settings, [topic], f"group-{topic}", instance=instance, session_timeout_s=6.0)
        Worker(ledger, source, Settings(batch_commands_max=25, poll_timeout_ms=50, takeover_s=2.0)).run(lambda: True)


def publish(bootstrap: str, db: str, holder: str, prefix: str) -> None:
    """Publish until killed. A lease of a second: who was killed sends nothing more."""
    settings = KafkaSettings(bootstrap=(bootstrap,))
    with open_ledger(db, create=False) as ledger, closing(KafkaAdmin(settings)) as admin:
        publisher = Publisher(
            ledger, lambda: KafkaSink(settings), admin, holder, topic_prefix=prefix, lease_s=1.0, page_events=200
        )
        publisher.run(lambda: True)
