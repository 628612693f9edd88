"""Layer: cli. The `merge-ledger` command: settings, arguments, output, the demo and its sample."""
