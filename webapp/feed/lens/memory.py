"""What this process remembers for the lens: the last slates of a session, and where its portrait stood before."""

import dataclasses
import functools
from collections import OrderedDict
from typing import Final

import numpy as np

from recsys.layout import SIGNAL_COUNT
from recsys.ranking import Slate
from recsys.sessions.portrait import Portrait

#: Sessions remembered, each with some 15 kB; the longest untouched gives way.
SESSIONS_KEPT: Final = 1_000
#: Slates of a session whose reasons can be asked for.
SLATES_KEPT: Final = 4

_NO_SIGNALS: Final = np.empty((0, SIGNAL_COUNT), dtype=np.float32)


@dataclasses.dataclass(slots=True)
class _Remembered:
    slates: OrderedDict[str, Slate] = dataclasses.field(default_factory=OrderedDict)
    portrait: Portrait | None = None
    before: Portrait | None = None


class LensMemory:
    """Slates and portraits by session, in memory only: what is missing here comes with the next slate."""

    def __init__(self, limit: int = SESSIONS_KEPT) -> None:
        self._limit = limit
        self._sessions: OrderedDict[str, _Remembered] = OrderedDict()

    def note_slate(self, session: str, slate_id: str, slate: Slate) -> None:
        """Remember a slate as it was served, but for its signals, which the log has."""
        slates = self._remembered(session).slates
        slates[slate_id] = dataclasses.replace(slate, signals=_NO_SIGNALS)
        if len(slates) > SLATES_KEPT:
            slates.popitem(last=False)

    def slate(self, session: str, slate_id: str) -> Slate | None:
        """Return a slate served lately, None where it is not remembered."""
        found = self._sessions.get(session)
        return None if found is None else found.slates.get(slate_id)

    def newest(self, session: str) -> tuple[str, Slate] | None:
        """Return the session's newest slate with its id, None where none is remembered."""
        found = self._sessions.get(session)
        return None if found is None or not found.slates else next(reversed(found.slates.items()))

    def before(self, session: str) -> Slate | None:
        """Return the newest slate that shows something else than the very newest; None where none is remembered."""
        found = self._sessions.get(session)
        slates = [] if found is None else list(found.slates.values())[::-1]
        return next((slate for slate in slates if slate.items != slates[0].items), None)

    def note_portrait(self, session: str, portrait: Portrait) -> Portrait | None:
        """Remember a portrait; return the last one that was different, None where there was none."""
        found = self._remembered(session)
        last = found.portrait
        if last is not None and (last.names != portrait.names or not np.array_equal(last.mean, portrait.mean)):
            found.before = last
        found.portrait = portrait
        return found.before

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session."""
        self._sessions.pop(session, None)

    def _remembered(self, session: str) -> _Remembered:
        found = self._sessions.pop(session, None) or _Remembered()
        self._sessions[session] = found
        if len(self._sessions) > self._limit:
            self._sessions.popitem(last=False)
        return found


@functools.cache
def lens_memory() -> LensMemory:
    """Return this process's memory."""
    return LensMemory()
