"""Where each feature stands in a design row: the one description that models, features and explanations share.

A design row is ``[signals | context | taste]``: *signals* are computed from world and session and logged as
served; *context* (position, surface) explains how an item was shown, is known only once it was, and is the same
for all candidates while ranking; *taste* is the item's own content, one column per category or decade.
"""

from typing import Final

from recsys.events import SURFACES

SIGNALS: Final = (
    "click_rate",
    "popularity",
    "trending",
    "freshness",
    "neighbours_forward",
    "neighbours_backward",
    "similarity_session",
    "similarity_last",
    "similarity_dismissed",
    "passed_over",
    "opened",
)
CONTEXT: Final = ("position", *(f"surface:{surface}" for surface in SURFACES))
TASTES: Final = 48

SIGNAL_COUNT: Final = len(SIGNALS)
CONTEXT_START: Final = SIGNAL_COUNT
TASTE_START: Final = SIGNAL_COUNT + len(CONTEXT)
WIDTH: Final = TASTE_START + TASTES

#: Columns of an item's content vector, for similarity: taste tokens and tags, hashed.
CONTENT_WIDTH: Final = 96


def column_names(tastes: list[str]) -> list[str]:
    """Return the name of each design column; tastes without a token yet are ``taste:<n>``.

    >>> column_names(["horror"])[TASTE_START]
    'taste:horror'
    """
    named = [f"taste:{name}" for name in tastes] + [f"taste:{n}" for n in range(len(tastes), TASTES)]
    return [*SIGNALS, *CONTEXT, *named]
