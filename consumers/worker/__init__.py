"""Layer: consumers. Carries out commands from a topic, in order per partition."""
