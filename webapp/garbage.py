"""Memory of processes that hold much and for long: collections that are not felt, and what is freed goes back."""

import ctypes
import gc
from typing import Final

# What glibc's `mallopt` is told by number (malloc.h): the free memory at the end of the heap beyond which it goes back
# to the system, and the size from which an allocation is mapped on its own and goes back when it is freed.
_TRIM_THRESHOLD: Final = (-1, 4 << 20)
_MMAP_THRESHOLD: Final = (-3, 1 << 20)


def settle() -> None:
    """Keep what is loaded out of later collections, look through what is old less often, and hold no free memory.

    What is young is looked through often, while it is little: each connection leaves cycles of the server's behind.
    Pauses would be felt in clicks and in the fold. Both of malloc's limits grow with the largest buffer that was ever
    freed unless they are set: after a few snapshots the learner would keep 40 MB for the next one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 20, 100)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for limit in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            libc.mallopt(*limit)
