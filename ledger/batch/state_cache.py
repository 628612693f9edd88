"""Layer: ledger. Folded states that save folding: snapshots of long streams, and the writer's cache.

Neither is part of the log. A snapshot is keyed by stream, version and the version of the fold, and may
be dropped at any time. The cache holds states as of one position: before it is used, every stream that
anybody has appended to since then is dropped from it, and the append checks again what was read.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from domain.state.folds import state_type
from ledger.store.port import Snapshot

SNAPSHOT_EVENTS: Final = 100  # Folding this many events at a load is worth a snapshot.
STATES_MAX: Final = 5_000
CHANGED_MAX: Final = 5_000  # After more changed streams than this, beginning anew is cheaper.

_encode = msgspec.json.Encoder().encode


class Folded(NamedTuple):
    """A stream's state at a version."""

    state: Any
    version: int


def write_state(state: object) -> bytes:
    """Write a state as a snapshot keeps it."""
    return _encode(state)


def read_state(stream: str, data: bytes) -> Any:  # noqa: ANN401  each kind of stream has its own
    """Read the state of a stream from its snapshot."""
    return msgspec.json.decode(data, type=state_type(stream))


class StateCache:
    """The states of streams that were used last, as of one position."""

    def __init__(self, states_max: int = STATES_MAX) -> None:
        """Begin with nothing."""
        self._states: OrderedDict[str, Folded] = OrderedDict()
        self._states_max = states_max
        self._position: int | None = None

    def refresh(self, snapshot: Snapshot) -> None:
        """Drop what others have appended to since."""
        head = snapshot.head()
        if self._position is not None and head != self._position:
            changed = snapshot.streams_after(self._position, CHANGED_MAX)
            if len(changed) < CHANGED_MAX:
                self.drop(changed)
            else:
                self._states.clear()
        self._position = head

    def get(self, stream: str) -> Folded | None:
        """Look up a state."""
        found = self._states.get(stream)
        if found is not None:
            self._states.move_to_end(stream)
        return found

    def put(self, stream: str, folded: Folded) -> None:
        """Keep a state that was loaded, in the place of the one that was longest not used."""
        self._states[stream] = folded
        if len(self._states) > self._states_max:
            self._states.popitem(last=False)

    def drop(self, streams: Iterable[str]) -> None:
        """Forget the states of streams that have changed."""
        for stream in streams:
            self._states.pop(stream, None)

    def appended(self, streams: Iterable[str], first: int, head: int) -> None:
        """Note our own commit, from `first` to `head`: these streams have changed.

        Where others came between the look at what they had done and this commit, they are looked at the next time.
        """
        self.drop(streams)
        if self._position is not None and first == self._position + 1:
            self._position = head
