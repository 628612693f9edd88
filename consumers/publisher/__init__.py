"""Layer: consumers. Publishes results, merges, states and the id map; and the contract of the topics."""
