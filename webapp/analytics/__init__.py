"""What staff see: one live page of what the log and the fold say about themselves, and the knob."""
