"""Layer: domain. What records are, what commands ask, what events tell, how a merge is decided.

Pure: the standard library and msgspec only; no clock, no randomness, no input or output.
Read in this order: commands, decide, merging, events, record.
"""
