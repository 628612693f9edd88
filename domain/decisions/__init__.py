"""Layer: domain. One file per capability: what its commands need to see, and what they decide."""
