"""Layer: consumers."""
