"""Posters: what a film without a picture looks like, drawn from what it is.

Genre gives hue and figure, decade gives the texture, the id gives placement and tone; so a film looks the same on
every visit, and its neighbors on the shelf look like kin. Colors are classes of the stylesheet: text on a poster keeps
its contrast wherever the figure lies, because ground and figure stay on the same side of the lightness scale.
"""

import hashlib
import unicodedata
from typing import Final, NamedTuple

from recsys.description import decade
from recsys.events import ItemUpserted
from webapp.feed import figures

#: The stylesheet's hues: step n stands 15 degrees after step n - 1.
HUES: Final = 24
TONES: Final = ("deep", "deep", "vivid", "vivid", "pale")


class Poster(NamedTuple):
    """An item's poster.

    Attributes
    ----------
    classes : str
        Classes of the ground: hue of ground and figure, tone, where the title stands, how large it is.
    svg : str
        The figure, safe to put into HTML as it is.
    """

    classes: str
    svg: str


def poster(item: ItemUpserted) -> Poster:
    """Draw an item's poster; pure, about 20 µs."""
    digest = hashlib.blake2b(item.item.encode(), digest_size=8).digest()
    ground, accent = _palette(item.categories, digest[0])
    top = digest[1] % 2 == 0
    place = figures.Placement(
        x=12 + digest[2] % 37,
        y=(figures.HEIGHT * 0.66 if top else figures.HEIGHT * 0.34) + digest[3] % 13 - 6,
        r=17 + digest[4] % 12,
        flipped=digest[5] % 2 == 0,
    )
    path = _figure(item.categories, digest[7])(place)
    classes = (
        f"hue-{ground} figure-{accent} tone-{TONES[digest[6] % len(TONES)]} "
        f"title-{'top' if top else 'bottom'} title-{_title_size(title_parts(item.title)[0])}"
    )
    return Poster(classes, _svg(path, texture(item.year)))


def title_parts(title: str) -> tuple[str, str]:
    """Return what a poster sets large, and what it sets small below: what stands in brackets behind, if anything does.

    >>> title_parts("The City of Lost Children (Cité des enfants perdus)")
    ('The City of Lost Children', '(Cité des enfants perdus)')
    >>> title_parts("(500) Days of Summer")
    ('(500) Days of Summer', '')
    """
    large, bracket, rest = title.partition(" (")
    return (large, f"({rest}") if large and bracket else (title, "")


def genre(item: ItemUpserted) -> str:
    """Return the one genre that a poster names, empty where there is none."""
    return _leading(item.categories)


def texture(year: int | None) -> str:
    """Return the name of the pattern that a year's decade is drawn in (`templates/feed/textures.html`).

    >>> texture(1968), texture(None)
    ('stripes', 'plain')
    """
    return "plain" if year is None else _TEXTURES.get(decade(year), "grain" if year < 1930 else "plain")


def _svg(path: str, pattern: str) -> str:
    textured = "" if pattern == "plain" else f'<path d="{path}" fill="url(#texture-{pattern})"/>'
    return (
        f'<svg viewBox="0 0 {figures.WIDTH} {figures.HEIGHT}" preserveAspectRatio="xMidYMid slice" aria-hidden="true">'
        f'<path class="figure" fill-rule="evenodd" d="{path}"/>{textured}</svg>'
    )


def _palette(categories: tuple[str, ...], jitter: int) -> tuple[int, int]:
    """Return the hue steps of ground and figure: the leading genre's, a step off for variety, and the next one's."""
    leading = _leading(categories)
    ground = (_hue(leading) + jitter % 3 - 1) % HUES
    others = [name for name in categories if name != leading]
    # A film of one genre gets a figure a third of the circle away, on a side that its id chooses.
    accent = _hue(others[0]) if others else (ground + (8 if jitter & 8 else -3)) % HUES
    return ground, accent


def _leading(categories: tuple[str, ...]) -> str:
    """Return the genre that says most: the first that is not one of those that half of all films have."""
    telling = [name for name in categories if name not in _BROAD]
    return (telling or [*categories, ""])[0]


def _hue(category: str) -> int:
    return _HUES[category] if category in _HUES else _stable(category) % HUES


def _figure(categories: tuple[str, ...], choice: int) -> figures.Figure:
    leading = _leading(categories)
    choices = _FIGURES.get(leading) or (_ALL_FIGURES[_stable(leading) % len(_ALL_FIGURES)],)
    return choices[choice % len(choices)]


def _stable(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little")


def _title_size(title: str) -> str:
    """Return the size class that keeps the longest word on one line and the whole title on the poster."""
    unbroken = title if title.isascii() else "".join(" " if _is_ideograph(letter) else letter for letter in title)
    longest, length = max(map(_width, unbroken.split()), default=0), _width(title)
    for size, (word_limit, limit) in _TITLE_LIMITS.items():
        if longest <= word_limit and length <= limit:
            return size
    return "xs"


def _width(text: str) -> float:
    """Return how wide a text is set, in letters of the title font."""
    return len(text) if text.isascii() else sum(map(_letter_width, text))


def _letter_width(letter: str) -> float:
    """Return a letter's share: the font has those of Western Europe, condensed; wider ones stand in for all others."""
    if unicodedata.combining(letter):
        return 0
    if _is_ideograph(letter):
        return 2.5
    return 1.5 if letter > "ÿ" and letter.isalpha() else 1


def _is_ideograph(letter: str) -> bool:
    return unicodedata.east_asian_width(letter) in "WF"


#: Size class → longest word, longest title; in letters of the title font.
_TITLE_LIMITS: Final = {"xl": (6, 12), "l": (8, 22), "m": (10, 38), "s": (14, 64)}


#: Genres that most films carry: they lead only where there is no other.
_BROAD: Final = frozenset({"Action", "Comedy", "Drama", "Thriller"})

_HUES: Final = {
    "Action": 2,
    "Adventure": 10,
    "Animation": 13,
    "Children's": 4,
    "Comedy": 6,
    "Crime": 15,
    "Documentary": 8,
    "Drama": 19,
    "Fantasy": 20,
    "Film-Noir": 17,
    "Horror": 1,
    "Musical": 22,
    "Mystery": 18,
    "Romance": 0,
    "Sci-Fi": 16,
    "Thriller": 12,
    "War": 7,
    "Western": 4,
}
#: Genres that many films have come in several figures, so that their shelf does not repeat itself.
_FIGURES: Final[dict[str, tuple[figures.Figure, ...]]] = {
    "Action": (figures.bars,),
    "Adventure": (figures.peaks,),
    "Animation": (figures.petals,),
    "Children's": (figures.dots,),
    "Comedy": (figures.disc, figures.bowls, figures.petals),
    "Crime": (figures.steps,),
    "Documentary": (figures.frame,),
    "Drama": (figures.arches, figures.curtain, figures.crescent),
    "Fantasy": (figures.spark,),
    "Film-Noir": (figures.blinds,),
    "Horror": (figures.teeth,),
    "Musical": (figures.waves,),
    "Mystery": (figures.keyhole,),
    "Romance": (figures.lens, figures.crescent),
    "Sci-Fi": (figures.rings,),
    "Thriller": (figures.eclipse, figures.bars),
    "War": (figures.chevrons,),
    "Western": (figures.sunset,),
}
_ALL_FIGURES: Final = tuple(dict.fromkeys(figure for choices in _FIGURES.values() for figure in choices))
_TEXTURES: Final = {
    "1930s": "grain",
    "1940s": "lines",
    "1950s": "dots",
    "1960s": "stripes",
    "1970s": "bands",
    "1980s": "grid",
    "1990s": "hatch",
    "2010s": "mesh",
    "2020s": "mesh",
}
