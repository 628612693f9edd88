"""Layer: ledger. The append-only log of events: executes batches of commands, appends, reads, travels in time.

Read in this order: ledger (the one door for writing), loading, store (the port), sqlite, reading.
"""
