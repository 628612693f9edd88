"""Layer: projections. What a page of events is, and the structures that projections fold it into."""
