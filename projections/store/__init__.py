"""Layer: projections. Where read models are stored: tables, the port, and one adapter per database."""
