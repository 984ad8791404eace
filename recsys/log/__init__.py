"""The one log: the source of truth between a click and everything that learns from it."""
