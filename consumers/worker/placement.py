"""Layer: consumers. Counts accounts that came on another partition than murmur2 chooses: their order may be lost."""

import logging
from collections.abc import Iterable
from typing import Final

from consumers.operating.metrics import Meter
from consumers.source import Partition, Source

ACCOUNTS_KEPT_MAX: Final = 10_000  # Accounts by partition, and accounts that were counted.

log: Final = logging.getLogger("merge_ledger.worker")


class Placement:
    """Remembers which accounts were checked, on which partitions."""

    def __init__(self, source: Source, meter: Meter) -> None:
        """Count into `meter`."""
        self._source = source
        self._meter = meter
        self._checked: set[tuple[Partition, str]] = set()
        self._misplaced: set[str] = set()

    def check(self, partition: Partition, accounts: Iterable[str]) -> None:
        """Count and log each misplaced account once."""
        for account in accounts:
            if (partition, account) in self._checked:
                continue
            if len(self._checked) >= ACCOUNTS_KEPT_MAX:
                self._checked.clear()  # They are checked again; those that were counted are remembered.
            self._checked.add((partition, account))
            chosen = self._source.chosen(partition.topic, account)
            if chosen in {partition.number, None} or account in self._misplaced:
                continue
            if len(self._misplaced) < ACCOUNTS_KEPT_MAX:
                self._misplaced.add(account)
                self._meter.misplaced_accounts += 1
                fields = {"account": account, "partition": partition.source, "chosen": chosen}
                log.warning("account came on another partition than murmur2 chooses", extra=fields)
