"""Learning for everybody: the fold, its snapshots and archive, as tasks."""
