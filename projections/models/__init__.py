"""Layer: projections. The read models: one module per projection, and the catalogue that lists them."""
