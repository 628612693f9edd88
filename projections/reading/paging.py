"""Layer: projections. Pages of results: a limit, and a cursor that callers hand back as they got it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET

from projections.shapes import Listing, Next, Paging

T = TypeVar("T")
LIMIT: Final = 100


class PageAsked(NamedTuple):
    """Which page: at most `limit` results, behind the cursor `after`."""

    limit: int = LIMIT
    after: str | None = None


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


def _cursor(place: Sequence[Any]) -> str:
    return urlsafe_b64encode(msgspec.json.encode(list(place))).decode().rstrip("=")
