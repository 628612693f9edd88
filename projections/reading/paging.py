"""Layer: projections. Pages of results: a limit, and a cursor that callers hand back as they got it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from projections.reading.shapes import Listing, Next, Paging

T = TypeVar("T")
LIMIT: Final = 100


class PageAsked(NamedTuple):
    """Which page: at most `limit` results, after the cursor `after`; `counts` asks a search for its total."""

    limit: int = LIMIT
    after: str | None = None
    counts: bool = True


FIRST_PAGE: Final = PageAsked()


class BadCursor(ValueError):  # noqa: N818  says what the cursor is
    """The cursor was not given out by this read."""

    def __init__(self) -> None:
        super().__init__("--after is no cursor of this list; take it from paging.next.after")


def read_cursor(after: str | None, kinds: Sequence[type]) -> tuple[Any, ...] | None:
    """Read the place that a cursor tells; None at the beginning. Raises BadCursor."""
    if after is None:
        return None
    try:
        place = msgspec.json.decode(urlsafe_b64decode(after + "=" * (-len(after) % 4)), type=list)
    except ValueError:
        raise BadCursor from None
    if len(place) != len(kinds) or not all(type(one) is kind for one, kind in zip(place, kinds, strict=True)):
        raise BadCursor
    return tuple(place)


def listing(results: list[T], last: Sequence[Any] | None, *, has_more: bool, total: int | None = None) -> Listing[T]:
    """Make a page; `last` is the place of its last result."""
    paging = Paging(Next(_cursor(last))) if has_more and last is not None else UNSET
    return Listing(results=results, total=UNSET if total is None else total, paging=paging)


def chunks(read: Callable[[PageAsked], Listing[T]], page: PageAsked, size: int) -> Iterator[Listing[T]]:
    """Read a page in chunks of at most `size` results, each after the last result of the one before.

    Only the last chunk has `paging`, and that is the page's; each repeats the `total` of the first.
    """
    left, after, total = page.limit, page.after, None
    while True:
        found = read(PageAsked(min(left, size), after, counts=total is None))
        total = found.total if total is None else total
        left -= len(found.results)
        if left <= 0 or isinstance(found.paging, UnsetType):
            yield Listing(results=found.results, total=total, paging=found.paging)
            return
        yield Listing(results=found.results, total=total)
        after = found.paging.next.after


def _cursor(place: Sequence[Any]) -> str:
    return urlsafe_b64encode(msgspec.json.encode(list(place))).decode().rstrip("=")
