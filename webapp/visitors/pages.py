"""What the tracker would read off a page: whose it is, and which lists it shows."""

import html
import re
from typing import Final, NamedTuple

from recsys.errors import FreshetError

_VISIT: Final = re.compile(r'data-session="([^"]*)"\s+data-token="([^"]*)"\s+data-consent="([^"]*)"')
_PART: Final = re.compile(
    r'data-slate="([^"]*)" data-slate-token="([^"]*)" data-surface="([^"]*)"|<li class="slot" data-item="([^"]*)"'
)

#: The surface of the visitor's own list.
FOR_YOU: Final = "for_you"

_MORE: Final = re.compile(r'id="more-genres"\s+href="([^"]*)"')
#: What htmx says of itself when it asks for what follows.
FOLLOWING: Final = {"HX-Request": "true"}


class UnreadablePage(FreshetError):
    """What came is no page of this site."""


class Shelf(NamedTuple):
    """A list that was served: its slate and the slate's token, where it stands, and the ids of its items."""

    slate: str
    token: str
    surface: str
    items: tuple[str, ...]


class Part(NamedTuple):
    """A part of a page: its lists from the top, and the path of what follows when its end is reached, if anything."""

    shelves: list[Shelf]
    more: str


class Page(NamedTuple):
    """A page: its visit, what stands on it, and which list of that is the visitor's own."""

    session: str
    token: str
    consent: str
    part: Part
    own: Shelf


def read_page(text: str) -> Page:
    """Return what stands on a page.

    Raises
    ------
    UnreadablePage
        When it has no tracker, or no list for the visitor.
    """
    visit = _VISIT.search(text)
    if visit is None:
        raise UnreadablePage(f"expected a page with the tracker's script, received {text[:120]!r}")
    part = read_part(text)
    own = next((shelf for shelf in part.shelves if shelf.surface == FOR_YOU), None)
    if own is None:
        raise UnreadablePage("expected a page with a list for the visitor, received none: has the site any items?")
    session, token, consent = visit.group(1, 2, 3)
    return Page(session, token, consent, part, own)


def read_part(text: str) -> Part:
    """Return what stands on a page, or on what follows it."""
    more = _MORE.search(text)
    return Part(read_shelves(text), html.unescape(more[1]) if more else "")


def read_shelves(text: str) -> list[Shelf]:
    """Return the lists in a page, or in a list that was pushed."""
    shelves: list[Shelf] = []
    items: list[str] = []
    for slate, token, surface, item in _PART.findall(text):
        if slate:
            items = []
            shelves.append(Shelf(slate, token, surface, ()))
        elif shelves:
            items.append(html.unescape(item))
            shelves[-1] = shelves[-1]._replace(items=tuple(items))
    return shelves
