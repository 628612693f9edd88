"""Layer: projections. Reads: every question that may be asked, answered from one snapshot."""

from projections.reading.reader import Reader, open_reader

__all__ = ["Reader", "open_reader"]
