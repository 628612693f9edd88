"""Layer: projections. Read models, rebuilt from events alone, and the reader that answers from them.

Read in this order: page, tables, one projection (lineage, current_records, …), folding, runner, reading.
"""
