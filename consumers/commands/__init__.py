"""Layer: consumers. Commands in: files of JSON lines, and CloudEvents."""
