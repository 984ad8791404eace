"""Garbage collection for processes that hold much and for long: its pauses would be felt in clicks and in the fold."""

import gc


def settle() -> None:
    """Keep what is loaded out of later collections, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
