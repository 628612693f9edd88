"""Layer: domain. Bytes to a command, or the reason why they are not one; the same for every door."""
