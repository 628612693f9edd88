"""Layer: projections."""
