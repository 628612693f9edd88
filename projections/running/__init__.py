"""Layer: projections. Keeps the read models up to date: the runner, and how a page is applied."""
