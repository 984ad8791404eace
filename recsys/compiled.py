"""The one way in which the engine compiles loops: cached on disk, strict about floating point, single-threaded.

Numba looks at a function's own file only to tell whether what it cached is still right. A loop that was compiled with a
constant or a function of another file would go on with the old one, and silently be wrong. So the cache has a
folder for each state of the files that compiled loops are made of.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from numba import config, njit

Function = TypeVar("Function", bound=Callable[..., Any])

#: Numbers that a core works on at once. Lists are padded to a multiple of it: the last few would take as long again.
SIDE_BY_SIDE: Final = 16

#: Files without compiled loops whose constants are compiled into those of others.
_CONSTANTS: Final = ("compiled.py", "layout.py", "events.py", "world.py")


def compiled(function: Function) -> Function:
    """Return `function` compiled by Numba at its first call, or loaded from Numba's cache.

    Neither ``fastmath`` nor ``parallel``: both would let the order of a sum, and so a state's hash, vary. Dividing by 0
    gives what NumPy has for it: a loop that could raise at each division is one that a core can't work on side by side.
    """
    dispatcher: Function = njit(cache=True, error_model="numpy")(function)
    return dispatcher


def inlined(function: Function) -> Function:
    """Return `function` compiled as `compiled` does, and a part of every loop that calls it.

    For what is called for each item: a call of its own counts up and down who holds each array that it is given.
    """
    dispatcher: Function = njit(cache=True, error_model="numpy", forceinline=True)(function)
    return dispatcher


def sources_digest(package: Path) -> str:
    """Return 12 hex digits that name the state of the package's compiled loops and their constants."""
    hasher = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        source = file.read_bytes()
        if file.name in _CONSTANTS or b"@compiled" in source or b"@inlined" in source:
            hasher.update(file.relative_to(package).as_posix().encode() + b"\0" + source + b"\0")
    return hasher.hexdigest()[:12]


_PACKAGE: Final = Path(__file__).parent

# Without a folder of its choice Numba would cache beside each source, whatever state the others are in.
config.CACHE_DIR = str(Path(config.CACHE_DIR or _PACKAGE / "__pycache__") / sources_digest(_PACKAGE))
