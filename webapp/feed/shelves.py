"""Shelves: slates with an id, a signature and HTML, logged as served."""

import dataclasses
import secrets
from collections.abc import Sequence
from typing import Final

from django.utils.safestring import SafeString

from recsys.events import SlateServed
from recsys.experiments.arms import arm_name
from recsys.ranking import Slate
from recsys.sessions import Session
from webapp import wiring
from webapp.feed.cards import card_list
from webapp.feed.lens.memory import lens_memory
from webapp.feed.own_log import own_log
from webapp.feed.presence import presence
from webapp.feed.reasons import why
from webapp.feed.selectors import largest_genres
from webapp.tracking.consent import Visit
from webapp.tracking.templatetags.tracking import slate_markup

FOR_YOU: Final = "for_you"
#: Films that a newcomer is invited with.
STARTERS: Final = 3
#: Genres that the front page shows, and that follow each time its end is reached. A list is served, logged and waited
#: for when somebody is about to see it.
GENRES_AT_ONCE: Final = 3
_START: Final = "Click what you would watch"
_WHY_START: Final = "three that many open, unlike each other"
#: What stands over a list when no reasons of its own do.
_WHY: Final = {
    "trending": "what everybody opens these days",
    "new": "what came in last",
    "genre": "what everybody likes best",
    "neighbours": "opened in the same visits, then what is alike",
    "session_history": "newest first",
}
_ALL_SEEN: Final = "You have opened or refused everything there is. What comes in next will stand here."
_NO_FILMS: Final = "The catalogue has no films yet. As soon as it has some, your list stands here."
_NO_NEIGHBORS: Final = "Nothing stands beside this film yet: neighbors appear as soon as visitors open it with others."


@dataclasses.dataclass(frozen=True, slots=True)
class Draft:
    """A slate before it is served.

    Attributes
    ----------
    key : str
        Names it within its page.
    heading : str
    slate : Slate
    form : str
        ``grid``, ``row`` or ``start``.
    empty : str
        What the page says in place of an empty list; without it an empty list is left out.
    why : str
        What stands over the list; by default its reasons.
    """

    key: str
    heading: str
    slate: Slate
    form: str = "row"
    empty: str = ""
    why: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Shelf:
    """A slate as a template shows it (`templates/feed/shelf.html`)."""

    key: str
    heading: str
    form: str
    why: SafeString | str
    attributes: SafeString
    cards: SafeString
    empty: str
    live: bool


def for_you(session: Session) -> Draft:
    """Return the session's own slate."""
    empty = _ALL_SEEN if wiring.replica().world.rows else _NO_FILMS
    return Draft("for-you", "For you", wiring.recommender().for_you(session), form="grid", empty=empty)


def home(session: Session) -> tuple[list[Draft], int | None]:
    """Return what the front page begins with, and the number of the genre that follows, None without any.

    For a newcomer it begins with films to start from, then for you and all else.
    """
    recommender, begin = wiring.recommender(), list[Draft]()
    if not (session.context.opened or session.context.dismissed):
        begin = [Draft("start", _START, recommender.starters(session, STARTERS), form="start", why=_WHY_START)]
    rows, following = genres(session, 0)
    drafts = [
        *begin,
        for_you(session),
        Draft("trending", "Trending", recommender.trending(session)),
        Draft("new", "New", recommender.newest(session)),
        *rows,
    ]
    return drafts, following


def genres(session: Session, first: int, count: int = GENRES_AT_ONCE) -> tuple[list[Draft], int | None]:
    """Return a list for each genre that has enough films from the `first` on, and the number of the one that follows.

    The largest genre is number 0; None follows the last.
    """
    largest, following = largest_genres(wiring.replica().world), first + count
    names = largest[first:following]
    slates = wiring.recommender().categories(session, names)
    numbered = enumerate(zip(names, slates, strict=True), first)
    drafts = [Draft(f"genre-{number}", name, slate) for number, (name, slate) in numbered]
    return drafts, following if following < len(largest) else None


def neighbours(session: Session, item: str) -> Draft:
    """Return what stands beside a film."""
    slate = wiring.recommender().neighbours(session, item)
    return Draft("neighbours", "Neighbors", slate, form="row", empty=_NO_NEIGHBORS)


def listed(session: Session, surface: str, heading: str, items: Sequence[str]) -> Draft:
    """Return a list that was made elsewhere (search, history)."""
    return Draft(surface.replace("_", "-"), heading, wiring.recommender().listed(session, surface, items), form="grid")


async def serve(visit: Visit, session: Session, drafts: Sequence[Draft]) -> list[Shelf]:
    """Give each slate its id, log all of them, and return what the page shows.

    Where the log can't be reached or is full, the slates are shown all the same: the session knows them, and they wait
    for the log (`webapp.feed.own_log`). From those that are given up nobody learns, also not from clicks on them that
    the log has (`labels_unknown`).
    """
    shown = [draft for draft in drafts if draft.slate.items or draft.empty]
    events = [served(draft.slate, visit, session) for draft in shown]
    presence().observe(visit, events)
    # Before the wait: a world that is swapped in meanwhile may number its rows otherwise.
    made = [shelf(draft, event, visit) for draft, event in zip(shown, events, strict=True)]
    if visit.logged:
        await own_log().append([event for event in events if event.items])
    return made


def served(slate: Slate, visit: Visit, session: Session) -> SlateServed:
    """Return the slate with an id, as it is logged; the lens can be asked about it for a while."""
    event = slate.event(
        secrets.token_urlsafe(9),
        visit.session,
        wiring.clock().now_ms(),
        arm=arm_name(session.adaptive),
        visitor=visit.visitor,
        simulated=visit.simulated,
    )
    if slate.surface == FOR_YOU:
        lens_memory().note_slate(visit.session, event.slate, slate)
    return event


def shelf(draft: Draft, event: SlateServed, visit: Visit) -> Shelf:
    """Return a served slate's HTML parts."""
    world, slate = wiring.replica().world, draft.slate
    reasons = draft.why or (why(slate.reasons, world) if slate.reasons else _WHY.get(slate.surface, ""))
    return Shelf(
        key=draft.key,
        heading=draft.heading,
        form=draft.form,
        why=reasons,
        attributes=slate_markup(event, visit.token),
        cards=card_list([world.catalogue[row] for row in slate.rows], event.slate, slate.explored),
        empty=draft.empty,
        live=slate.surface == FOR_YOU,
    )
