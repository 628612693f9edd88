"""Layer: cli. The commands, one module per subject."""
