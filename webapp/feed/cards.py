"""Cards: an item's HTML, rendered once and joined into lists."""

import functools
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from recsys.events import ItemUpserted
from webapp.feed.posters import genre, poster, title_parts

#: Cards kept by one process, each about a kilobyte; the key is the item's whole catalogue entry, so that a changed
#: item is a new card.
CARDS_KEPT: Final = 20_000

_EXPLORED: Final = "Shown by chance, to learn whether you like it"

#: Stands where the slate's id goes; not a character that titles or ids can bring in, they are stripped of it.
_SLATE: Final = "\x00"


def card_list(items: Sequence[ItemUpserted], slate: str, explored: Iterable[bool]) -> SafeString:
    """Return the list elements of a slate, in order; about 1 µs a card once each has been drawn.

    Parameters
    ----------
    items : sequence of ItemUpserted
    slate : str
        Slate id: links carry it, for browsers without the tracker.
    explored : iterable of bool
        Whether chance brought the item into its slot.
    """
    joined = "".join(_slot(item, chance) for item, chance in zip(items, explored, strict=True))
    return mark_safe(joined.replace(_SLATE, escape(slate)))


def item_path(item: str) -> str:
    """Return the address of an item's own page.

    >>> item_path("42")
    '/item/42/'
    """
    return f"/item/{quote(item, safe='')}/"


@functools.lru_cache(maxsize=CARDS_KEPT)
def poster_html(item: ItemUpserted) -> SafeString:
    """Return the inside of a poster: figure, title, year and genres."""
    drawn = poster(item)
    large, small = title_parts(item.title)
    below = f" <small>{_text(small)}</small>" if small else ""
    return mark_safe(
        f'<span class="poster {drawn.classes}">{drawn.svg}'
        f'<span class="poster-title" dir="auto">{_text(large)}{below}</span>'
        f'<span class="poster-meta">{_meta(item)}</span></span>'
    )


@functools.lru_cache(maxsize=2 * CARDS_KEPT)
def _slot(item: ItemUpserted, explored: bool) -> str:
    identity, title = _text(item.item), _text(item.title)
    mark = f'<span class="explored" title="{_EXPLORED}">a try</span>' if explored else ""
    return (
        f'<li class="slot" data-item="{identity}">'
        f'<a class="card" href="{_text(item_path(item.item))}?slate={_SLATE}" data-track="click">'
        f"{poster_html(item)}{mark}</a>"
        f'<button class="dismiss" form="dismiss" name="card" value="{_SLATE}/{identity}" data-track="dismissal" '
        f'aria-label="Not for me: {title}" title="Not for me">'
        f'<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8"/></svg></button></li>'
    )


def _meta(item: ItemUpserted) -> str:
    """Return year and genre as HTML: parts that a narrow poster sets below each other, without the dot."""
    year = "" if item.year is None else str(item.year)
    parts = [f"<span>{_text(part)}</span>" for part in (year, genre(item)) if part]
    return '<span class="dot"> · </span>'.join(parts)


def _text(value: str) -> str:
    return escape(value.replace(_SLATE, ""))
