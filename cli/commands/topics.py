"""Layer: cli. `topics`, `dlq` and `schema`: the Kafka commands beside the workers."""

from contextlib import closing
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from cyclopts import Parameter

from cli.drawing.output import Answer, document
from cli.session import exits
from cli.session.arguments import LIMIT, After, Here, Limit, page_asked
from cli.session.kafka import checked_settings, kafka_admin, kafka_errors_reported, topic_name, topic_specs
from cli.session.session import Session
from consumers import topics
from consumers.publisher import contract
from consumers.source import Message
from projections.reading.paging import BadCursor, PageAsked, listing, read_cursor
from projections.reading.shapes import Listing

if TYPE_CHECKING:
    from consumers.publisher.dead_letters import DeadLetter


_AT_MOST: Final = 10_000  # Partitions of one topic, and copies of each.


def topics_create(
    *,
    partitions: Annotated[int, Parameter(help="Partitions per topic; adding more later breaks ordering.")] = 6,
    replication: Annotated[int, Parameter(help="Copies of each partition, on as many brokers.")] = 3,
    show: Annotated[
        bool, Parameter(name="--print", help="Only print the kafka-topics.sh commands that do it.")
    ] = False,
    session: Here,
) -> int:
    """Create the topics that do not exist, and report those that differ from the options."""
    for option, number in (("--partitions", partitions), ("--replication", replication)):
        if not 1 <= number <= _AT_MOST:
            msg = f"{option}: expected 1 to {_AT_MOST}"
            raise exits.Mistake(msg)
    specs = topic_specs(session)
    if show:
        print("\n".join(topics.shell_lines(specs, partitions, replication)))  # noqa: T201  data for a shell
        return exits.DONE
    code = exits.DONE
    with kafka_admin(session) as admin:
        found = admin.topics(spec.name for spec in specs)
        new = [spec for spec in specs if spec.name not in found]
        if new:
            admin.create(new, partitions, replication)
    for spec in specs:
        there = found.get(spec.name)
        if there is None:
            session.say(f"{spec.name}: created, {partitions} partitions")
        elif there.partitions != partitions or there.replication != replication:
            session.say(f"{spec.name}: exists, with {there.partitions} partitions on {there.replication} brokers")
            code = exits.FOUND
        else:
            session.say(f"{spec.name}: exists")
    return code


def dlq_list(*, limit: Limit = LIMIT, after: After = None, session: Here) -> int:
    """List messages that could not be read as a command or were too large to publish, and why."""
    from cli.drawing.paging import Shown, write_pages  # noqa: PLC0415
    from consumers.publisher.dead_letters import DeadLetter, dead_letters  # noqa: PLC0415

    topic = topic_name(session, topics.DEAD_LETTERS)
    with kafka_admin(session, (topic,)) as admin:

        def read(page: PageAsked) -> Listing[DeadLetter]:
            number, offset = read_cursor(page.after, (int, int)) or (0, 0)
            found = [letter for letter, _ in islice(dead_letters(admin, topic, (number, offset)), page.limit + 1)]
            following = found[page.limit].letter.split("-") if len(found) > page.limit else ()
            return listing(found[: page.limit], [*map(int, following)], has_more=bool(following))

        try:
            return write_pages(read, page_asked(limit, after), Shown(DeadLetter, _draw), session)
        except BadCursor as bad:
            raise exits.Mistake(str(bad)) from None


def dlq_show(letter: str, /, *, session: Here) -> Answer:
    """Show a dead letter with its bytes, as text where possible."""
    told, message = _found(session, letter)
    shown = msgspec.to_builtins(told) | {
        "key": (message.key or b"").decode(errors="backslashreplace"),
        "headers": {name: _text(value) for name, value in message.headers},
        "value": (message.value or b"").decode(errors="backslashreplace"),
    }
    return _answer(shown, [shown])


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


def dlq_redrive(letter: str, /, *, session: Here) -> int:
    """Send a dead letter to its original topic again, unchanged. First fix what made it unreadable."""
    from consumers.kafka.sink import KafkaSink  # noqa: PLC0415
    from consumers.publisher.dead_letters import redrive  # noqa: PLC0415

    found = _found(session, letter)
    with kafka_errors_reported(), closing(KafkaSink(checked_settings(session))) as sink:
        is_sent = redrive(sink, *found)
        sink.settle()
    if not is_sent:
        session.say(f"dead letter {letter} was not sent: {found[0].missing}")
        return exits.FOUND
    session.say(f"dead letter {letter} was sent to {found[0].original_topic}")
    return exits.DONE


def schema_of(kind: Literal["json", "asyncapi"], /) -> int:
    """Print the schema of the topics as one JSON document."""
    import sys  # noqa: PLC0415

    told = contract.json_schema() if kind == "json" else contract.asyncapi(version("merge-ledger"))
    sys.stdout.buffer.write(document(told))
    return exits.DONE


def _found(session: Session, letter: str) -> tuple["DeadLetter", Message]:
    """Find a dead letter. Raises NotThere."""
    from consumers.publisher.dead_letters import find  # noqa: PLC0415

    topic = topic_name(session, topics.DEAD_LETTERS)
    with kafka_admin(session, (topic,)) as admin:
        found = find(admin, topic, letter)
    if found is None:
        msg = f"dead letter {letter} does not exist; merge-ledger dlq list lists them"
        raise exits.NotThere(msg)
    return found


def _answer(value: Any, rows: list[Any]) -> Answer:  # noqa: ANN401
    return Answer(value, _draw, rows)


def _draw(value: Any) -> Any:  # noqa: ANN401
    from cli.drawing.tables import Column, table  # noqa: PLC0415

    rows = value if isinstance(value, list) else [{"field": name, "value": one} for name, one in value.items()]
    names = list(rows[0]) if rows else ["letter", "code", "message"]
    return table([Column(name, name) for name in names], rows)
