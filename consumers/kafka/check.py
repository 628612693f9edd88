"""Layer: consumers. Finds out why Kafka cannot be used, step by step, each with its own deadline.

The library says "unable to bootstrap" of a wrong password, of a missing certificate and of TLS spoken
to a plaintext port alike, and waits long before it does. Here the step that fails is named. Workers
begin with these checks; `status` looks at more.
"""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import Final, TypeVar

from consumers.commands.cloudevents import read_message
from consumers.kafka.admin import KafkaAdmin, TopicFound
from consumers.kafka.client import chosen_partition, missing_codecs, tls_context
from consumers.kafka.settings import KafkaSettings
from consumers.operating.checks import Check, NotWell, look, not_from_the_future
from consumers.source import Partition, SourceUnusable
from consumers.topics import TopicSpec
from consumers.worker.failures import Bookmarks
from consumers.worker.resume import halt_of
from domain.intake.reading import Unreadable

T = TypeVar("T")
CONNECT_MAX_S: Final = 3.0
NEWEST_OF_A_PARTITION: Final = 100
NAMED_MAX: Final = 10
_NOT_LET_IN: Final = NotWell(
    "login refused, or another protocol",
    "check kafka_protocol, kafka_mechanism, user, password and certificates",
)


def checks(settings: KafkaSettings, topics: Iterable[str] = ()) -> Iterator[Check]:
    """Check what a worker needs, up to the first failure that stops all. It can run if the last check is ok.

    One of the named brokers is enough; those that cannot be reached are reported.
    """
    deadline_s = settings.deadline_s
    yield (codecs := look("codecs", deadline_s, _codecs))
    if not codecs.ok:
        return
    is_reachable = False
    for host, port in settings.hosts():
        steps: list[tuple[str, Callable[[], str]]] = [
            (f"connect {host}:{port}", partial(_connect, settings, host, port))
        ]
        if settings.is_encrypted:
            steps.append((f"TLS {host}:{port}", partial(_shake_hands, settings, host, port)))
        for name, step in steps:
            yield (check := look(name, deadline_s, step))
            if not check.ok:
                break
        else:
            is_reachable = True
    if not is_reachable:
        return
    log_in = "log in" if settings.mechanism or settings.cert_file else "ask"
    ask = partial(_asking, settings, lambda admin: f"it answers, as a cluster of {admin.brokers()}")
    yield (check := look(log_in, deadline_s, ask, if_unanswered=_NOT_LET_IN))
    wanted = sorted(set(topics))
    if check.ok and wanted:
        yield look("topics", deadline_s, partial(_asking, settings, partial(_are_there, wanted)))


def checks_of_topics(settings: KafkaSettings, specs: Iterable[TopicSpec], default_account: str) -> Iterator[Check]:
    """Check the configuration of topics, and the times and partitions of their messages. Kafka must be reachable."""
    specs = list(specs)
    for name, step in (
        ("partitions", partial(_have_equal_partitions, specs)),
        ("compaction", partial(_are_kept_as_made, specs)),
        ("message sizes", partial(_accept_what_is_published, specs)),
        ("partitioner", partial(_are_on_chosen_partitions, specs[0].name, default_account)),
        ("clock of the senders", lambda admin: not_from_the_future(admin.newest_ms([spec.name for spec in specs]))),
    ):
        yield look(name, settings.deadline_s, partial(_asking, settings, step))


def check_of_halts(settings: KafkaSettings, topic: str, bookmarks: Bookmarks) -> Check:
    """Check that no partition of the commands is halted, by what the ledger recorded of each."""
    return look("halted partitions", settings.deadline_s, partial(_asking, settings, partial(_halts, topic, bookmarks)))


def make_sure(settings: KafkaSettings, topics: Iterable[str] = ()) -> None:
    """Check that a worker can run. Raises SourceUnusable with the step that failed."""
    *_, last = checks(settings, topics)
    if not last.ok:
        msg = f"Kafka at {','.join(settings.bootstrap)}: {last.line}"
        raise SourceUnusable(msg)


def _codecs() -> str:
    missing = missing_codecs()
    if missing:
        msg = f"{', '.join(missing)} cannot be read"
        raise NotWell(msg, "install the `kafka` extra of this package")
    return "all can be read"


def _connect(settings: KafkaSettings, host: str, port: int) -> str:
    try:
        with _connection(settings, host, port) as connection:
            return f"connected to {connection.getpeername()[0]}"
    except OSError as error:
        msg = f"no connection ({error})"
        raise NotWell(msg, "check kafka_bootstrap, and whether the broker runs") from error


def _shake_hands(settings: KafkaSettings, host: str, port: int) -> str:
    context = tls_context(settings)
    try:
        with (
            _connection(settings, host, port) as connection,
            context.wrap_socket(connection, server_hostname=host) as encrypted,
        ):
            return f"{encrypted.version()}, the certificate is trusted"
    except ssl.SSLCertVerificationError as error:
        said = f"its certificate is not trusted ({error.verify_message})"
        raise NotWell(said, "check kafka_ca_file, and the name in the certificate") from error
    except (TimeoutError, ConnectionResetError, ssl.SSLError) as error:
        said = f"no TLS is spoken there ({type(error).__name__})"
        raise NotWell(said, "check the port, and kafka_protocol") from error
    except OSError as error:
        msg = f"no connection ({error})"
        raise NotWell(msg, "check kafka_bootstrap, and whether the broker runs") from error


def _connection(settings: KafkaSettings, host: str, port: int) -> socket.socket:
    """Connect, and fail well before the step's own deadline, which could not say why."""
    return socket.create_connection((host, port), timeout=min(CONNECT_MAX_S, settings.deadline_s / 2))


def _asking(settings: KafkaSettings, ask: Callable[[KafkaAdmin], T]) -> T:
    with closing(KafkaAdmin(settings)) as admin:
        return ask(admin)


def _are_there(wanted: list[str], admin: KafkaAdmin) -> str:
    missing = sorted(set(wanted) - admin.topics(wanted).keys())
    if missing:
        msg = f"there is no topic {', '.join(missing)}"
        raise NotWell(msg, "run merge-ledger topics create")
    return f"it has all {len(wanted)}" if len(wanted) > 1 else f"it has {wanted[0]}"


def _halts(topic: str, bookmarks: Bookmarks, admin: KafkaAdmin) -> str:
    """Nothing is read to find out: what cannot be decoded is known once a worker has met it."""
    halts = []
    for number in range(admin.partitions(topic)):
        partition = Partition(topic, number)
        exists = admin.range_of(partition)
        halt = None if exists is None else halt_of(bookmarks, partition, exists, lambda _: None)
        if halt is not None:
            halts.append(halt)
    if halts:
        named = "; ".join(f"{halt.partition.source} at offset {halt.bookmark.at}: {halt.why}" for halt in halts)
        raise NotWell(named, f"decide where it continues with merge-ledger worker resume {halts[0].partition.source}")
    return "none"


def _have_equal_partitions(specs: list[TopicSpec], admin: KafkaAdmin) -> str:
    """All topics have as many, as `topics create` makes them: one key is in the same partition of each."""
    found = admin.topics([spec.name for spec in specs])
    first = found.get(specs[0].name, TopicFound(0, 0, has_leaders=True))
    others = [f"{one} has {about.partitions}" for one, about in found.items() if about.partitions != first.partitions]
    if others:
        said = f"{specs[0].name} has {first.partitions} partitions, and {', '.join(others)}"
        raise NotWell(said, "make those anew with as many; a topic that has messages must not get more partitions")
    headless = [one for one, about in found.items() if not about.has_leaders]
    if headless:
        msg = f"{', '.join(headless)} has partitions without a leader"
        raise NotWell(msg, "check the brokers that store them")
    return f"{first.partitions} of each topic, all with a leader"


def _are_on_chosen_partitions(topic: str, default_account: str, admin: KafkaAdmin) -> str:
    """An account whose senders choose partitions in different ways is on several, and loses its order."""
    seen: set[tuple[str, int]] = set()
    misplaced: dict[str, str] = {}
    count = 0
    for partition, message, partitions in admin.newest(topic, NEWEST_OF_A_PARTITION):
        count += 1
        read = read_message(message, default_account=default_account)
        if isinstance(read, Unreadable) or (read.command.account, partition.number) in seen:
            continue
        account = read.command.account
        seen.add((account, partition.number))
        chosen = chosen_partition(account, partitions)
        if chosen != partition.number:
            misplaced.setdefault(account, f"{account} on {partition.number}, not {chosen}")
    if misplaced:
        named = list(misplaced.values())[:NAMED_MAX]
        more = f" and {len(misplaced) - NAMED_MAX} more" if len(misplaced) > NAMED_MAX else ""
        said = f"accounts on another partition than murmur2 chooses: {'; '.join(named)}{more}; of {count} messages"
        raise NotWell(said, "key commands by account, with partitioner=murmur2_random where librdkafka sends")
    return f"every account of the newest {count} messages is on the partition that murmur2 chooses"


def _are_kept_as_made(specs: list[TopicSpec], admin: KafkaAdmin) -> str:
    """A state or id map that is deleted after a while is lost to newcomers; a log that is compacted loses commands."""
    _configured(specs, admin, "cleanup.policy", lambda has, needs: has == needs)
    compacted = [spec.name for spec in specs if spec.configs["cleanup.policy"] == "compact"]
    return f"{' and '.join(compacted)} are compacted, and no other"


def _accept_what_is_published(specs: list[TopicSpec], admin: KafkaAdmin) -> str:
    """What is larger than its topic accepts is set aside and not published."""
    _configured(specs, admin, "max.message.bytes", lambda has, needs: int(has) >= int(needs))
    return "every topic accepts the largest message"


def _configured(specs: list[TopicSpec], admin: KafkaAdmin, name: str, is_right: Callable[[str, str], bool]) -> None:
    """Raises NotWell where a topic has another value than it needs."""
    found = admin.configs([spec.name for spec in specs])
    has = {spec.name: found[spec.name][name] for spec in specs if spec.name in found}
    wrong = [spec for spec in specs if spec.name in has and not is_right(has[spec.name], spec.configs[name])]
    if wrong:
        said = ", ".join(f"{spec.name} has {name}={has[spec.name]}" for spec in wrong)
        steps = " and ".join(f"{name}={spec.configs[name]} of {spec.name}" for spec in wrong)
        raise NotWell(said, f"set {steps} with kafka-configs.sh --alter")
