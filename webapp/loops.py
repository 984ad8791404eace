"""What each event loop has one of: its tasks and locks are its own."""

import asyncio
import functools
import weakref
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def one_of_each_loop(make: Callable[[], T]) -> Callable[[], T]:
    """Let a function return the same object again and again, another one in each event loop; it goes with its loop.

    Calling it raises `RuntimeError` where no loop is running.
    """
    made: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, T] = weakref.WeakKeyDictionary()

    @functools.wraps(make)
    def of_this_loop() -> T:
        loop = asyncio.get_running_loop()
        if (found := made.get(loop)) is None:
            found = made[loop] = make()
        return found

    return of_this_loop
