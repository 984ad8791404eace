"""Sessions that visitors end before their time: by allowing less than before, or by having them forgotten.

Whoever serves a session beyond one request registers here, in a module that the server imports::

    @when_ended
    def close_tabs(session: str) -> None: ...   # in the event loop that the visitor's request is served by
"""

from collections.abc import Callable
from typing import Final

Listener = Callable[[str], None]

_listeners: Final[list[Listener]] = []


def when_ended(listener: Listener) -> Listener:
    """Have `listener` called with the id of each session that its visitor ends, before anything of it is dropped."""
    _listeners.append(listener)
    return listener


def end(session: str) -> None:
    """Say that a session is over: from now on nothing is taken from it any more."""
    for listener in _listeners:
        listener(session)
