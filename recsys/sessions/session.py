"""A session as the process that serves it holds it: context, belief and the slates it was shown."""

import dataclasses
from typing import Final

from recsys.sessions.belief import Evidence, SessionBelief
from recsys.sessions.context import COUNTED_ITEMS, SessionContext
from recsys.sessions.shown import ShownSlate

#: Slates that a session remembers; a click on an older one counts without its alternatives.
SHOWN_SLATES: Final = 64


@dataclasses.dataclass(slots=True)
class Session:
    """Everything that a session's next slate depends on besides the world.

    Attributes
    ----------
    context : SessionContext
        What it did.
    belief : SessionBelief
        What that taught about how much each signal counts for this visitor.
    adaptive : bool
        Whether slates use context and belief; False is the control arm, which sees the world's ranking.
    shown : dict of slate id to ShownSlate
        Newest last, at most `SHOWN_SLATES`.
    dismissals : dict of row to Evidence
        What each standing dismissal taught, to be taken back on undo: of the latest `COUNTED_ITEMS`.
    """

    context: SessionContext
    belief: SessionBelief
    adaptive: bool = True
    shown: dict[str, ShownSlate] = dataclasses.field(default_factory=dict)
    dismissals: dict[int, Evidence] = dataclasses.field(default_factory=dict)

    @property
    def id(self) -> str:
        """Session id."""
        return self.context.id

    @property
    def known(self) -> SessionContext:
        """What slates may depend on: the session's past, or only how it came in the control arm."""
        if self.adaptive:
            return self.context
        return SessionContext(self.id, began_ms=self.context.began_ms, entry=self.context.entry)

    def remember_refusal(self, row: int, evidence: Evidence) -> None:
        """Remember what a dismissal taught; the oldest gives way."""
        self.dismissals[row] = evidence
        if len(self.dismissals) > COUNTED_ITEMS:
            del self.dismissals[next(iter(self.dismissals))]

    def show(self, slate: ShownSlate) -> None:
        """Remember a slate; the oldest gives way."""
        self.shown[slate.slate] = slate
        while len(self.shown) > SHOWN_SLATES:
            del self.shown[next(iter(self.shown))]
