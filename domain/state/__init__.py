"""Layer: domain. What is known: states folded from events, claims, and the view that decisions read."""
