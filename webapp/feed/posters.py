"""Posters: what a film without a picture looks like, drawn from what it is.

Genre gives hue and figure, decade gives the texture, the id gives placement and tone; so a film looks the same on
every visit, and its neighbours on the shelf look like kin. Colors are classes of the stylesheet: text on a poster keeps
its contrast wherever the figure lies, because ground and figure stay on the same side of the lightness scale.
"""

import hashlib
from collections.abc import Callable
from typing import Final, NamedTuple

from recsys.events import ItemUpserted
from recsys.world import decade

#: The stylesheet's hues: step n stands 15 degrees after step n - 1.
HUES: Final = 24
TONES: Final = ("deep", "deep", "vivid", "vivid", "pale")

#: Poster size in user units; the figure is drawn on it and may reach over its edge.
WIDTH: Final = 60
HEIGHT: Final = 80


class Placement(NamedTuple):
    """Where an item's figure stands and how large it is, in user units."""

    x: float
    y: float
    r: float
    flipped: bool


Figure = Callable[[Placement], str]


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
    place = Placement(
        x=12 + digest[2] % 37,
        y=(HEIGHT * 0.66 if top else HEIGHT * 0.34) + digest[3] % 13 - 6,
        r=17 + digest[4] % 12,
        flipped=digest[5] % 2 == 0,
    )
    path = _figure(item.categories, digest[7])(place)
    classes = (
        f"hue-{ground} figure-{accent} tone-{TONES[digest[6] % len(TONES)]} "
        f"title-{'top' if top else 'bottom'} title-{_title_size(short_title(item.title))}"
    )
    return Poster(classes, _svg(path, texture(item.year)))


def short_title(title: str) -> str:
    """Return the title as a poster shows it: without another language's title in brackets behind it.

    >>> short_title("The City of Lost Children (Cité des enfants perdus)")
    'The City of Lost Children'
    """
    return title.partition(" (")[0] or title


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
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="xMidYMid slice" aria-hidden="true">'
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


def _figure(categories: tuple[str, ...], choice: int) -> Figure:
    leading = _leading(categories)
    figures = _FIGURES.get(leading) or (_ALL_FIGURES[_stable(leading) % len(_ALL_FIGURES)],)
    return figures[choice % len(figures)]


def _stable(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "little")


def _title_size(title: str) -> str:
    """Return the size class that keeps the longest word on one line and the whole title on the poster."""
    longest, length = max(map(len, title.split()), default=0), len(title)
    for size, (word_limit, limit) in _TITLE_LIMITS.items():
        if longest <= word_limit and length <= limit:
            return size
    return "xs"


#: Size class → longest word, longest title.
_TITLE_LIMITS: Final = {"xl": (6, 12), "l": (8, 22), "m": (10, 38), "s": (14, 64)}


# -- Figures: each returns the `d` of one path -------------------------------------------------------------------------


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _circle(x: float, y: float, r: float) -> str:
    return f"M{_n(x - r)} {_n(y)}a{_n(r)} {_n(r)} 0 1 0 {_n(2 * r)} 0a{_n(r)} {_n(r)} 0 1 0 {_n(-2 * r)} 0z"


def _polygon(*points: tuple[float, float]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points) + "z"


def _disc(p: Placement) -> str:
    return _circle(p.x, p.y, p.r)


def _rings(p: Placement) -> str:
    return "".join(_circle(p.x, p.y, p.r * share) for share in (1.35, 1.1, 0.85, 0.6, 0.35))


def _eclipse(p: Placement) -> str:
    return _circle(p.x, p.y, p.r) + _circle(p.x + (0.45 if p.flipped else -0.45) * p.r, p.y - p.r * 0.3, p.r * 0.55)


def _sunset(p: Placement) -> str:
    """Half a disc over a horizon of bars."""
    x, y, r = p.x, p.y, p.r
    half = f"M{_n(x - r)} {_n(y)}a{_n(r)} {_n(r)} 0 0 1 {_n(2 * r)} 0z"
    bars = (f"M0 {_n(y + 3 + 5 * n)}h60v{_n(3 - 0.6 * n)}H0z" for n in range(4))
    return half + "".join(bars)


def _teeth(p: Placement) -> str:
    """A row of long triangles from one edge."""
    base, tip = (HEIGHT, p.y - p.r) if p.y > HEIGHT / 2 else (0, p.y + p.r)
    return "".join(_polygon((12 * n - 2, base), (12 * n + 10, base), (12 * n + 4, tip + 7 * (n % 2))) for n in range(5))


def _bars(p: Placement) -> str:
    """Parallel slanted bars."""
    lean = p.r if p.flipped else -p.r
    top, bottom = p.y - p.r * 1.2, p.y + p.r * 1.2
    starts = (p.x - 22 + 11 * n for n in range(5))
    return "".join(_polygon((s + lean, top), (s + lean + 5.5, top), (s + 5.5, bottom), (s, bottom)) for s in starts)


def _blinds(p: Placement) -> str:
    """Light through a blind."""
    return "".join(
        _polygon((p.x - 22, y), (p.x + 24, y - 5), (p.x + 24, y - 1.5), (p.x - 22, y + 3.5))
        for y in (p.y - p.r + 8 * n for n in range(6))
    )


def _peaks(p: Placement) -> str:
    """Two mountains."""
    base = HEIGHT if p.y > HEIGHT / 2 else p.y + p.r
    high, side = p.y - p.r, (1 if p.flipped else -1)
    far = _polygon((p.x - 34, base), (p.x, high), (p.x + 34, base))
    return far + _polygon((p.x + side * 20 - 18, base), (p.x + side * 20, high + p.r), (p.x + side * 20 + 18, base))


def _arches(p: Placement) -> str:
    """Nested doorways."""
    base = p.y + p.r
    return "".join(
        f"M{_n(p.x - w)} {_n(base)}V{_n(p.y)}a{_n(w)} {_n(w)} 0 0 1 {_n(2 * w)} 0V{_n(base)}z"
        for w in (p.r * 0.95, p.r * 0.62, p.r * 0.3)
    )


def _curtain(p: Placement) -> str:
    """Folds that narrow to one side."""
    widths = (9, 7, 5.4, 4, 2.8, 1.8)
    lefts = (p.x - 24 + sum(widths[:n]) * 1.55 for n in range(len(widths)))
    ordered = widths if p.flipped else widths[::-1]
    return "".join(
        f"M{_n(left)} {_n(p.y - p.r * 1.2)}h{_n(width)}v{_n(p.r * 2.4)}h{_n(-width)}z"
        for left, width in zip(lefts, ordered, strict=True)
    )


def _crescent(p: Placement) -> str:
    r, sweep = p.r * 1.2, 1 if p.flipped else 0
    inner = _n(r * 1.25)
    return f"M{_n(p.x)} {_n(p.y - r)}a{_n(r)} {_n(r)} 0 1 {sweep} 0 {_n(2 * r)}a{inner} {inner} 0 0 {1 - sweep} 0 {_n(-2 * r)}z"


def _bowls(p: Placement) -> str:
    """Half discs, stacked."""
    r = p.r * 0.8
    tops = (p.y - r * 1.4 + r * 1.15 * n for n in range(3))
    return "".join(f"M{_n(p.x - r)} {_n(y)}a{_n(r)} {_n(r)} 0 0 {0 if p.flipped else 1} {_n(2 * r)} 0z" for y in tops)


def _lens(p: Placement) -> str:
    """Two circles and what they share."""
    return _circle(p.x - p.r * 0.45, p.y, p.r * 0.85) + _circle(p.x + p.r * 0.45, p.y, p.r * 0.85)


def _chevrons(p: Placement) -> str:
    left, right = p.x - p.r * 1.1, p.x + p.r * 1.1
    tops = (p.y - p.r + 11 * n for n in range(3))
    return "".join(
        _polygon((left, y + 10), (p.x, y), (right, y + 10), (right, y + 16), (p.x, y + 6), (left, y + 16)) for y in tops
    )


def _dots(p: Placement) -> str:
    """A grid of discs that grow along one diagonal."""
    corners = ((column, row) for row in range(4) for column in range(4))
    return "".join(
        _circle(p.x - 18 + 12 * column, p.y - 18 + 12 * row, 1.6 + 0.65 * (column + (row if p.flipped else 3 - row)))
        for column, row in corners
    )


def _waves(p: Placement) -> str:
    lines = (p.y - p.r + 9 * n for n in range(5))
    return "".join(f"M-4 {_n(y)}q9 -9 17 0t17 0t17 0t17 0v4q-9 9 -17 0t-17 0t-17 0t-17 0z" for y in lines)


def _spark(p: Placement) -> str:
    """A star with four curved points."""
    r = p.r * 1.35
    points = ((p.x + r, p.y), (p.x, p.y + r), (p.x - r, p.y), (p.x, p.y - r))
    curves = (f"Q{_n(p.x)} {_n(p.y)} {_n(x)} {_n(y)}" for x, y in points)
    return f"M{_n(p.x)} {_n(p.y - r)}{''.join(curves)}z"


def _petals(p: Placement) -> str:
    """Four quarter discs around a point."""
    r, sweep = p.r * 0.95, 1 if p.flipped else 0
    return "".join(
        f"M{_n(p.x)} {_n(p.y)}h{_n(r * across)}"
        f"a{_n(r)} {_n(r)} 0 0 {sweep if across == down else 1 - sweep} {_n(-r * across)} {_n(r * down)}z"
        for across, down in ((1, 1), (-1, 1), (-1, -1), (1, -1))
    )


def _steps(p: Placement) -> str:
    side, base = (1 if p.flipped else -1), p.y + p.r
    heights = (10 + 9 * n for n in range(5))
    return "".join(
        f"M{_n(p.x + side * (9 * n - 20))} {_n(base)}v{-height}h{_n(side * 7.5)}v{height}z"
        for n, height in enumerate(heights)
    )


def _frame(p: Placement) -> str:
    """Frames within frames."""
    halves = (p.r * share for share in (1.2, 0.9, 0.6, 0.3))
    return "".join(
        f"M{_n(p.x - half)} {_n(p.y - half * 0.8)}h{_n(2 * half)}v{_n(1.6 * half)}h{_n(-2 * half)}z" for half in halves
    )


def _keyhole(p: Placement) -> str:
    r = p.r * 0.5
    top, bottom = p.y - r * 0.3, p.y + r * 1.7
    slot = _polygon((p.x - r * 0.5, top), (p.x + r * 0.5, top), (p.x + r, bottom), (p.x - r, bottom))
    return _circle(p.x, p.y, p.r * 1.25) + _circle(p.x, p.y - r * 0.5, r * 0.8) + slot


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
_FIGURES: Final[dict[str, tuple[Figure, ...]]] = {
    "Action": (_bars,),
    "Adventure": (_peaks,),
    "Animation": (_petals,),
    "Children's": (_dots,),
    "Comedy": (_disc, _bowls, _petals),
    "Crime": (_steps,),
    "Documentary": (_frame,),
    "Drama": (_arches, _curtain, _crescent),
    "Fantasy": (_spark,),
    "Film-Noir": (_blinds,),
    "Horror": (_teeth,),
    "Musical": (_waves,),
    "Mystery": (_keyhole,),
    "Romance": (_lens, _crescent),
    "Sci-Fi": (_rings,),
    "Thriller": (_eclipse, _bars),
    "War": (_chevrons,),
    "Western": (_sunset,),
}
_ALL_FIGURES: Final = tuple(dict.fromkeys(figure for figures in _FIGURES.values() for figure in figures))
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
