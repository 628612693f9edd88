"""Layer: ledger. Claims and lineage: the indexes that are written with the log and can be rebuilt from it."""
