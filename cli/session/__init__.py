"""Layer: cli. What a command runs in: settings, arguments, progress, exit codes."""
