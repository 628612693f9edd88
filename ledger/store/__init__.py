"""Layer: ledger. Where the log is stored: the port, the codec, and one adapter per database."""
