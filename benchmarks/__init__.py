"""Measurements: each module is a command that prints what it found, and writes it as JSON with ``--json FILE``."""
