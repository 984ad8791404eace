"""What the engine hands to the site: an ordered list with all that must be logged of it."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from recsys.events import SlateServed
from recsys.offsets import Offset
from recsys.packing import pack
from recsys.ranking.reasons import Reason, Strengths


@dataclasses.dataclass(frozen=True, slots=True)
class Slate:
    """An ordered list of items; index = position.

    Attributes
    ----------
    surface : str
        Where it is to be shown.
    rows, items : tuple
        World rows and item ids.
    propensities : tuple of float
        Probability that the policy put this item into this slot, given the slots above.
    scores : tuple of float
        Logits, relative to each other: before diversity and without the effect of position. Empty for fixed lists.
    explored : tuple of bool
        Whether chance brought the item: it is not among the best that fit, and a better one was there for the slot.
    signals : float32 array of shape (n, SIGNAL_COUNT)
        Raw features, as they are to be logged.
    version : Offset
        The log up to here made the world that made this.
    reasons : tuple of Reason
        Why each item is there; empty for fixed lists.
    strengths : Strengths or None
        What each item was drawn by; None for fixed lists.
    """

    surface: str
    rows: tuple[int, ...]
    items: tuple[str, ...]
    propensities: tuple[float, ...]
    scores: tuple[float, ...]
    explored: tuple[bool, ...]
    signals: NDArray[np.float32]
    version: Offset
    reasons: tuple[Reason, ...] = ()
    strengths: Strengths | None = None

    def event(
        self,
        slate_id: str,
        session: str,
        event_time_ms: int,
        *,
        arm: str = "adaptive",
        visitor: str = "",
        simulated: bool = False,
    ) -> SlateServed:
        """Return the slate as it stands in the log."""
        return SlateServed(
            event_time_ms=event_time_ms,
            session=session,
            simulated=simulated,
            slate=slate_id,
            surface=self.surface,
            items=self.items,
            propensities=self.propensities,
            arm=arm,
            version=self.version,
            signals=pack(self.signals),
            visitor=visitor,
            explored=tuple(position for position, explored in enumerate(self.explored) if explored),
        )
