"""Layer: domain. What is said: ids, values, filters, commands, events, refusals and outcomes."""
