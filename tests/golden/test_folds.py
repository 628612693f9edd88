"""Layer: tests. The folds that snapshots stand for: another state for the same events needs another FOLD_VERSION."""

from hashlib import blake2b

from domain.state.folds import FOLD_VERSION, evolve, state_type
from ledger.batch.state_cache import read_state, write_state
from tests.ledger.examples import EXAMPLES

STREAMS = {
    "record": "main/records/contacts/101",
    "account": "main/settings",
    "segment": "main/segments/s",
    "workflow": "main/workflows/contacts",
}
PINNED = (2, "9e964263c96efbb2")


def test_a_changed_fold_has_a_new_version() -> None:
    states = b""
    for name, event in sorted(EXAMPLES.items()):
        stream = STREAMS.get(name.split(".")[0])
        if stream is not None:
            before = evolve(stream, None, EXAMPLES["record.created.v1"]) if name.startswith("record") else None
            state = evolve(stream, before, event)
            assert read_state(stream, write_state(state)) == state
            assert isinstance(state, state_type(stream) or object)
            states += write_state(state)
    found = FOLD_VERSION, blake2b(states, digest_size=8).hexdigest()
    assert found == PINNED, "a fold gives another state: raise FOLD_VERSION in domain/state/folds.py, and pin it here"
