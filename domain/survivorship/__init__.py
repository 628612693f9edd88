"""Layer: domain. Which value survives a merge, and why: rules, rule sets, the user's choices."""
