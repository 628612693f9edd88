"""Layer: projections. Reads: every question of CONTRACT section 4, answered from one snapshot."""

from projections.reading.reader import Reader, open_reader

__all__ = ["Reader", "open_reader"]
