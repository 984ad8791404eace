"""Files that are there whole or not at all, and stay: what dies while it writes, or a loss of power, leaves no half."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

#: What is being written, in the folder that it is for. What a writer that died left of it, the next one writes over.
UNFINISHED: Final = "next.unfinished"
#: Bytes that are written between two waits for the disk: others who wait for it, as the log does, wait less.
_PORTION: Final = 1 << 20


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file, or write one over; durable when this returns, as it was before when it does not. Blocks.

    One at a time: who writes to the folder holds its `sole_writer`. What fails gives its room back: on a full disk the
    log may need it.
    """
    unfinished = path.with_name(UNFINISHED)
    try:
        with unfinished.open("wb") as file:
            for start in range(0, len(content), _PORTION):
                file.write(content[start : start + _PORTION])
                file.flush()
                os.fsync(file.fileno())
        unfinished.rename(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Be the only one inside the block, of all processes that ask; made when missing, the folder has a file ``lock``.

    Blocks until it is one's turn; the system lets go for those who die.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
