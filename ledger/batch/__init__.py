"""Layer: ledger. How a batch of commands is carried out: loading in rounds, deciding, keeping states."""
