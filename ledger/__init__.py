"""Layer: ledger."""
