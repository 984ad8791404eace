"""Experiments: which arm serves whom. The site asks when a session begins; what was decided stands on each slate."""
