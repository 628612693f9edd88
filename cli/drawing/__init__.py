"""Layer: cli. How results are shown: formats, tables, pages."""
