"""What a session is: what it did (`context`), what it was shown (`shown`) and what it taught (`belief`).

A session is rebuilt from its events on whichever world serves it; the fold keeps the same contexts and shown
slates, so that "passed over" means one thing for a visitor's next slate and for everybody's labels.
"""

from recsys.sessions.belief import Evidence, SessionBelief
from recsys.sessions.context import ContextState, SessionContext
from recsys.sessions.session import Session
from recsys.sessions.shown import Choice, ShownSlate

__all__ = [
    "Choice",
    "ContextState",
    "Evidence",
    "Session",
    "SessionBelief",
    "SessionContext",
    "ShownSlate",
]
