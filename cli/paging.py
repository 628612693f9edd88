"""Layer: cli. Answers with a page of results, and says how to go on."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import UnsetType

from cli.output import Answer
from projections.shapes import Listing

if TYPE_CHECKING:
    from rich.console import RenderableType


def page_of(listing: Listing[Any], draw: Callable[[Any], "RenderableType"], *notes: str) -> Answer:
    """Answer with a page; where there is a next one, a note on stderr says how to get it."""
    if not isinstance(listing.paging, UnsetType):
        notes = (*notes, f"there is more: --after {listing.paging.next.after}")
    return Answer(listing, draw, rows=listing.results, notes=notes)
