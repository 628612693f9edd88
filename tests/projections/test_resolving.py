"""Layer: tests. The path of an old id is read from climbs; it must be what going from merge to merge gives."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.language.ids import RecordRef
from projections.folding.forest import CLIMBS
from tests.builders import create, merge
from tests.reading import Readable

LEAVES = 9


def contact(record_id: str) -> RecordRef:
    return RecordRef("contacts", record_id)


@given(
    st.lists(st.tuples(st.integers(0, LEAVES), st.integers(0, LEAVES)), max_size=LEAVES - 1),
    st.lists(st.booleans(), min_size=LEAVES, max_size=LEAVES),
)
@settings(deadline=None, max_examples=25)
def test_a_path_is_what_going_from_merge_to_merge_gives_however_lineages_join(
    picks: list[tuple[int, int]], page_ends: list[bool]
) -> None:
    into: dict[str, str] = {}
    standing = [str(number) for number in range(LEAVES)]
    with TemporaryDirectory() as folder:
        readable = Readable(Path(folder))
        readable.given(*(create(contact(one)) for one in standing))
        for at, (first, second) in enumerate(picks):
            primary = standing.pop(first % len(standing))
            secondary = standing.pop(second % len(standing))
            result = f"merged-{at}"
            readable.given(merge(contact(primary), contact(secondary), into=contact(result)))
            into[primary] = into[secondary] = result
            standing.append(result)
            if page_ends[at]:
                readable.projector.catch_up()
        asked = [*into, *standing]
        with readable.reading() as reader:
            paths = {one.requested_id: one.path for one in reader.resolve("contacts", asked)}
        readable.close()
    assert paths == {one: by_hops(one, into) for one in asked}


def by_hops(record_id: str, into: dict[str, str]) -> list[str]:
    return [record_id, *by_hops(into[record_id], into)] if record_id in into else [record_id]


def test_a_merge_adds_to_the_climb_of_the_heavier_side_alone(readable: Readable) -> None:
    readable.given(*(create(contact(one)) for one in "abcdef"))
    for primary, secondary, result in (("a", "b", "ab"), ("ab", "c", "abc"), ("d", "e", "de"), ("de", "abc", "all")):
        readable.given(merge(contact(primary), contact(secondary), into=contact(result)))
    readable.projector.catch_up()
    with readable.store.snapshot() as snapshot:
        climbs = {ids: onto is None for _, ids, onto, _ in snapshot.scan(CLIMBS)}
    assert climbs == {'["a","ab","abc","all"]': True, '["d","de"]': False}
