"""Layer: domain. The merge itself: its preconditions, its decision, its effects."""
