"""Layer: consumers. What the worker knows of an assigned partition: its state, and where it is read from."""

from typing import Literal, TypeAlias

from consumers.source import Partition
from ledger.store.port import Bookmark

State: TypeAlias = Literal["waiting", "reading", "backing off", "stopped", "halted"]


class Feed:
    """An assigned partition. `begin` is the ledger's bookmark; None before there is one."""

    def __init__(self, partition: Partition) -> None:
        """Wait: where to read from is not known yet."""
        self.partition = partition
        self.state: State = "waiting"
        self.why = ""
        self.begin: int | None = None
        self.identity = ""
        self.next = 0
        self.retry_at = 0.0
        self.failures = 0
        self.last_timestamp_ms = 0
        self.halted_on: tuple[Bookmark | None, str | None] = None, None  # The bookmark, and the identity of the topic.
