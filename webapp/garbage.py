"""Garbage collection for processes that hold much and for long: its pauses would be felt in clicks and in the fold."""

import gc


def settle() -> None:
    """Keep what is loaded out of later collections, and look through what is old less often.

    What is young is looked through often, while it is little: each connection leaves cycles of the server's behind.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 20, 100)
