"""Layer: consumers. Commands in: bytes to a command, or why not; files of JSON lines, in batches."""
