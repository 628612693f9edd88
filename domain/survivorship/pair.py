"""Layer: domain. The two records of a merge: what survivorship, preconditions and effects look at."""

from typing import Literal, NamedTuple, TypeAlias

from domain.state.record import Record

ChosenSide: TypeAlias = Literal["primary", "secondary"]


class Pair(NamedTuple):
    """Both records of a merge, of one type."""

    object_type: str
    primary: Record
    secondary: Record

    @property
    def both(self) -> tuple[Record, Record]:
        """The primary, then the secondary."""
        return self.primary, self.secondary

    def side(self, side: ChosenSide) -> Record:
        """Return the record on this side."""
        return self.primary if side == "primary" else self.secondary
