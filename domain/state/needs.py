"""Layer: domain. What a decision may need loaded: streams, claims, lineages, and what a record holds."""

from typing import NamedTuple, TypeAlias

from domain.state.claims import ClaimKey


class NotLoaded(LookupError):  # noqa: N818  names what is missing
    """A decision read something that its `needs` did not ask for."""


class Lineage(NamedTuple):
    """Which record the record of this stream is today; with `members`, also all ids merged into that record."""

    stream: str
    members: bool = False


class HeldBy(NamedTuple):
    """Every claim of one kind that the record of this stream, or an id merged into it, holds."""

    stream: str
    kind: str


Need: TypeAlias = str | ClaimKey | Lineage | HeldBy  # A plain string is the name of a stream.
