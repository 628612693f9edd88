"""Layer: cli. The Kafka checks of `status`: those of a worker, and more, each with its own deadline."""

from contextlib import suppress

from cli.session.exits import DONE, FOUND, STORE_UNUSABLE, Mistake
from cli.session.kafka import checked_settings, topic_name, topic_specs
from cli.session.opening import location_of
from cli.session.session import Session
from consumers import topics
from consumers.operating.checks import Check, look, same_clock
from ledger.opening import open_ledger
from ledger.store.port import Store, StoreUnusable


def database_clock(session: Session, store: Store) -> Check:
    """Check the database's clock, which dates events, against this machine's, by which workers compute lag."""
    return look("clock of the database", session.settings.kafka["kafka_deadline_s"], lambda: same_clock(store.now))


def kafka_checks(session: Session) -> tuple[list[Check], int]:
    """Run all checks, up to the first failure that makes Kafka unusable; returns them and the exit code."""
    try:
        settings = checked_settings(session)
        from consumers.kafka.check import check_of_halts, checks, checks_of_topics  # noqa: PLC0415  slow to load
    except Mistake as mistake:
        return [_failed("settings", str(mistake), "mend the settings of Kafka")], STORE_UNUSABLE
    except ModuleNotFoundError:
        missing = _failed("library", "there is no kafka-python", "install merge-ledger with the extra [kafka]")
        return [missing], STORE_UNUSABLE
    specs = topic_specs(session)
    needed = list(checks(settings, [spec.name for spec in specs]))
    if not needed[-1].ok:
        return needed, STORE_UNUSABLE
    all_of_them = [*needed, *checks_of_topics(settings, specs, session.account)]
    with suppress(StoreUnusable), open_ledger(location_of(session), create=False, read_only=True) as ledger:
        all_of_them.append(check_of_halts(settings, topic_name(session, topics.COMMANDS), ledger))
    return all_of_them, DONE if all(check.ok for check in all_of_them) else FOUND


def _failed(name: str, found: str, next_step: str) -> Check:
    return Check(name=name, ok=False, found=found, next_step=next_step, seconds=0.0)
