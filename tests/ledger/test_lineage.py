"""Layer: tests. The lineage index: any id of any chain leads to the record it is today, in two look-ups, always."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ledger.indexes.lineage import Merge, changes, sides_in_lineages
from ledger.store.port import LineageChanges


class Index:
    """The index as a store keeps it."""

    def __init__(self) -> None:
        self.members: dict[str, tuple[str, int]] = {}
        self.lineages: dict[str, tuple[str, int, int]] = {}
        self.relabelled: Counter[str] = Counter()

    def merge(self, merges: list[Merge], first: int) -> None:
        asked = sides_in_lineages(merges)
        made: LineageChanges = changes(merges, {stream: self.members[stream][0] for stream in asked})
        for old, new in made.relabelled:
            for stream, (label, position) in self.members.items():
                if label == old:
                    self.members[stream] = new, position
                    self.relabelled[stream] += 1
            del self.lineages[old]
        for stream, label, offset in made.members:
            self.members[stream] = label, first + offset
        for label, current, weight, offset in made.lineages:
            self.lineages[label] = current, weight, first + offset

    def current(self, stream: str) -> str:
        return self.lineages[self.members[stream][0]][0] if stream in self.members else stream


class Model:
    """The same, hop by hop."""

    def __init__(self) -> None:
        self.into: dict[str, str] = {}
        self.weight: Counter[str] = Counter()

    def current(self, stream: str) -> str:
        while stream in self.into:
            stream = self.into[stream]
        return stream


@given(st.integers(2, 30), st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 3)), max_size=40))
def test_every_id_leads_to_the_same_record_as_hop_by_hop_however_merges_are_batched(
    records: int, draws: list[tuple[int, int, int]]
) -> None:
    index, model = Index(), Model()
    standing = [f"r{number}" for number in range(records)]
    known = [*standing]
    pending: list[Merge] = []
    first = 1
    for number, (one, other, cut) in enumerate(draws):
        if len(standing) == 1:
            break
        primary = standing.pop(one % len(standing))
        secondary = standing.pop(other % len(standing))
        result = f"m{number}"
        pending.append(
            Merge(
                primary,
                secondary,
                result,
                model.weight[primary] or 1,
                model.weight[secondary] or 1,
                3 * len(pending),
            )
        )
        model.into[primary] = model.into[secondary] = result
        model.weight[result] = (model.weight[primary] or 1) + (model.weight[secondary] or 1) + 1
        standing.append(result)
        known.append(result)
        if cut == 0:
            index.merge(pending, first)
            first += 3 * len(pending)
            pending = []
    index.merge(pending, first)
    assert {stream: index.current(stream) for stream in known} == {stream: model.current(stream) for stream in known}
    in_lineages = {stream for stream in known if stream in model.into or stream in model.weight}
    assert set(index.members) == in_lineages
    counted = Counter(label for label, _ in index.members.values())
    assert {label: weight for label, (_, weight, _) in index.lineages.items()} == counted
    assert all(times <= len(known).bit_length() for times in index.relabelled.values())
    positions = [position for _, position in index.members.values()]
    assert len(set(positions)) == len(positions)


def chain(length: int) -> tuple[Index, int]:
    """Merge a new record into the same lineage again and again, one append each."""
    index, current = Index(), "r"
    for number in range(length):
        index.merge([Merge(current, f"s{number}", f"m{number}", 2 * number + 1, 1, 0)], 3 * number + 1)
        current = f"m{number}"
    return index, sum(index.relabelled.values())


def test_a_chain_relabels_nobody_however_long_it_is() -> None:
    index, relabelled = chain(250)
    assert relabelled == 0
    assert {index.current(stream) for stream in index.members} == {"m249"}


def test_the_lighter_side_is_relabelled_whichever_side_it_is() -> None:
    index, _ = chain(5)
    index.merge([Merge("x", "y", "xy", 1, 1, 0)], 100)
    index.merge([Merge("xy", "m4", "all", 3, 11, 0)], 200)
    assert set(index.relabelled) == {"x", "y", "xy"}
    assert index.current("s0") == index.current("x") == "all"


def test_a_record_that_never_merged_is_in_no_lineage_and_is_itself_today() -> None:
    index, _ = chain(3)
    assert "other" not in index.members
    assert index.current("other") == "other"
