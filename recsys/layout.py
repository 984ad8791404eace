"""Where each feature stands in a design row: the one description that models, features and explanations share.

A design row is ``[signals | network | context | numbers | taste]``: *signals* are computed from world and session and
logged as served; *network* is what a small network makes of the signals; *context* (position, surface) explains how an
item was shown, is known only once it was, and is the same for all candidates while ranking; *numbers* are the item's
year and other numbers, standardised over the catalogue, and their squares; *taste* is its content, one column per
category or decade. Taste comes last, so that a catalogue without content has short rows.
"""

from typing import Final, get_args

from recsys.events import SURFACES, Device, EntryPage, Referrer

#: Which click of the session, from the newest, a neighbour's vote is owed to.
DEPTHS: Final = ("last", "second", "third", "earlier")
#: Neighbours' votes by the click they share with this session and the side of it on which they had the item.
VOTES: Final = tuple(f"{side}_{depth}" for depth in DEPTHS for side in ("before", "after"))
#: What neighbours had next to the session's last click, in one step.
STEPS: Final = ("predecessor", "successor")
POPULARITY: Final = ("popularity_short", "popularity", "popularity_long")
#: What is counted of an item. What its signals are made of comes first: 64 bytes, which a core fetches at once.
STATISTICS: Final = (
    *POPULARITY,
    "counted_serial",
    "appeal_information",
    "appeal_shift",
    "appealed_ms",
    "first_seen_ms",
    "impressions",
    "clicks",
    "recent_clicks",
    "counted_ms",
    "beginnings",
)
#: What the item and the session's clicks have in common, by learned vectors.
AFFINITY: Final = ("affinity_session", "affinity_last", "affinity_earlier")
SIMILARITY: Final = ("similarity_session", "similarity_last", "similarity_dismissed")
OPENED: Final = ("opened", "opened_last", "opened_second", "opened_recency", "opened_again")
#: What the session did after its last click when it clicked that before: right then, and within the next few clicks.
RETRACED: Final = ("retraced_next", "retraced_soon")
#: What is known of a visit when it begins, by factor: its classes, without what is unknown. Hours are those of UTC.
ENTRY: Final[dict[str, tuple[str, ...]]] = {
    "hour": ("0-3", "3-6", "6-9", "9-12", "12-15", "15-18", "18-21", "21-24"),
    "referrer": get_args(Referrer)[1:],
    "page": get_args(EntryPage)[1:],
    "device": get_args(Device)[1:],
}
#: How much those who come as this session came want the item beyond everybody: before its first click, and after.
WANTED: Final = ("wanted_first", "wanted_later")
#: The same for all items of a list: they say in what state the session is, for the network to tell apart.
FACTS: Final = ("fact_clicks", "fact_neighbours", "fact_first", "fact_repeats")
#: What is 0 from the first click on.
BEFORE_THE_FIRST_CLICK: Final = ("beginnings", WANTED[0])

SIGNALS: Final = (
    *VOTES,
    *STEPS,
    "votes",
    "votes_before",
    "votes_after",
    *POPULARITY,
    "clicks",
    "beginnings",
    "appeal",
    "freshness",
    *WANTED,
    *OPENED,
    *RETRACED,
    "transitions",
    *AFFINITY,
    *SIMILARITY,
    "passed_over",
    "liking",
    *FACTS,
)
CONTEXT: Final = ("position", *(f"surface:{surface}" for surface in SURFACES))
#: Numbers that an item's description keeps: the year, then others by name.
NUMBERS: Final = 6
TASTES: Final = 48

SIGNAL_COUNT: Final = len(SIGNALS)
NETWORK: Final = SIGNAL_COUNT
CONTEXT_START: Final = SIGNAL_COUNT + 1
NUMBER_START: Final = CONTEXT_START + len(CONTEXT)
TASTE_START: Final = NUMBER_START + 2 * NUMBERS
WIDTH: Final = TASTE_START + TASTES

#: Columns of an item's content vector, for similarity: taste tokens and tags, hashed.
CONTENT_WIDTH: Final = 96
#: Components of an item's learned vector.
VECTOR_WIDTH: Final = 64


def column_names(tastes: list[str], numbers: list[str] | None = None) -> list[str]:
    """Return the name of each design column; tastes and numbers without a name yet are called by their place.

    >>> column_names(["horror"])[TASTE_START]
    'taste:horror'
    """
    known = ["year", *(numbers or [])]
    called = known + [str(n) for n in range(len(known), NUMBERS)]
    numbered = [f"number:{name}" for name in called] + [f"number:{name}^2" for name in called]
    named = [f"taste:{name}" for name in tastes] + [f"taste:{n}" for n in range(len(tastes), TASTES)]
    return [*SIGNALS, "network", *CONTEXT, *numbered, *named]
