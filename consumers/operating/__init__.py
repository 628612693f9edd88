"""Layer: consumers. What operators look at: health, metrics, checks."""
