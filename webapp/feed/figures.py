"""Figures: what stands on a poster, each a function from a placement to the `d` of one SVG path."""

from collections.abc import Callable
from typing import Final, NamedTuple

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


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _circle(x: float, y: float, r: float) -> str:
    return f"M{_n(x - r)} {_n(y)}a{_n(r)} {_n(r)} 0 1 0 {_n(2 * r)} 0a{_n(r)} {_n(r)} 0 1 0 {_n(-2 * r)} 0z"


def _polygon(*points: tuple[float, float]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points) + "z"


def disc(p: Placement) -> str:
    """A disc."""
    return _circle(p.x, p.y, p.r)


def rings(p: Placement) -> str:
    """Rings around a point."""
    return "".join(_circle(p.x, p.y, p.r * share) for share in (1.35, 1.1, 0.85, 0.6, 0.35))


def eclipse(p: Placement) -> str:
    """A disc with a disc cut out."""
    return _circle(p.x, p.y, p.r) + _circle(p.x + (0.45 if p.flipped else -0.45) * p.r, p.y - p.r * 0.3, p.r * 0.55)


def sunset(p: Placement) -> str:
    """Half a disc over a horizon of bars."""
    x, y, r = p.x, p.y, p.r
    half = f"M{_n(x - r)} {_n(y)}a{_n(r)} {_n(r)} 0 0 1 {_n(2 * r)} 0z"
    bars = (f"M0 {_n(y + 3 + 5 * n)}h60v{_n(3 - 0.6 * n)}H0z" for n in range(4))
    return half + "".join(bars)


def teeth(p: Placement) -> str:
    """A row of long triangles from one edge."""
    base, tip = (HEIGHT, p.y - p.r) if p.y > HEIGHT / 2 else (0, p.y + p.r)
    return "".join(_polygon((12 * n - 2, base), (12 * n + 10, base), (12 * n + 4, tip + 7 * (n % 2))) for n in range(5))


def bars(p: Placement) -> str:
    """Parallel slanted bars."""
    lean = p.r if p.flipped else -p.r
    top, bottom = p.y - p.r * 1.2, p.y + p.r * 1.2
    starts = (p.x - 22 + 11 * n for n in range(5))
    return "".join(_polygon((s + lean, top), (s + lean + 5.5, top), (s + 5.5, bottom), (s, bottom)) for s in starts)


def blinds(p: Placement) -> str:
    """Light through a blind."""
    return "".join(
        _polygon((p.x - 22, y), (p.x + 24, y - 5), (p.x + 24, y - 1.5), (p.x - 22, y + 3.5))
        for y in (p.y - p.r + 8 * n for n in range(6))
    )


def peaks(p: Placement) -> str:
    """Two mountains."""
    base = HEIGHT if p.y > HEIGHT / 2 else p.y + p.r
    high, side = p.y - p.r, (1 if p.flipped else -1)
    far = _polygon((p.x - 34, base), (p.x, high), (p.x + 34, base))
    return far + _polygon((p.x + side * 20 - 18, base), (p.x + side * 20, high + p.r), (p.x + side * 20 + 18, base))


def arches(p: Placement) -> str:
    """Nested doorways."""
    base = p.y + p.r
    return "".join(
        f"M{_n(p.x - w)} {_n(base)}V{_n(p.y)}a{_n(w)} {_n(w)} 0 0 1 {_n(2 * w)} 0V{_n(base)}z"
        for w in (p.r * 0.95, p.r * 0.62, p.r * 0.3)
    )


def curtain(p: Placement) -> str:
    """Folds that narrow to one side."""
    widths = (9, 7, 5.4, 4, 2.8, 1.8)
    lefts = (p.x - 24 + sum(widths[:n]) * 1.55 for n in range(len(widths)))
    ordered = widths if p.flipped else widths[::-1]
    return "".join(
        f"M{_n(left)} {_n(p.y - p.r * 1.2)}h{_n(width)}v{_n(p.r * 2.4)}h{_n(-width)}z"
        for left, width in zip(lefts, ordered, strict=True)
    )


def crescent(p: Placement) -> str:
    """A crescent."""
    r, sweep = p.r * 1.2, 1 if p.flipped else 0
    outer, inner, down = _n(r), _n(r * 1.25), _n(2 * r)
    return f"M{_n(p.x)} {_n(p.y - r)}a{outer} {outer} 0 1 {sweep} 0 {down}a{inner} {inner} 0 0 {1 - sweep} 0 -{down}z"


def bowls(p: Placement) -> str:
    """Half discs, stacked."""
    r = p.r * 0.8
    tops = (p.y - r * 1.4 + r * 1.15 * n for n in range(3))
    return "".join(f"M{_n(p.x - r)} {_n(y)}a{_n(r)} {_n(r)} 0 0 {0 if p.flipped else 1} {_n(2 * r)} 0z" for y in tops)


def lens(p: Placement) -> str:
    """Two circles and what they share."""
    return _circle(p.x - p.r * 0.45, p.y, p.r * 0.85) + _circle(p.x + p.r * 0.45, p.y, p.r * 0.85)


def chevrons(p: Placement) -> str:
    """Chevrons, one over the other."""
    left, right = p.x - p.r * 1.1, p.x + p.r * 1.1
    tops = (p.y - p.r + 11 * n for n in range(3))
    return "".join(
        _polygon((left, y + 10), (p.x, y), (right, y + 10), (right, y + 16), (p.x, y + 6), (left, y + 16)) for y in tops
    )


def dots(p: Placement) -> str:
    """A grid of discs that grow along one diagonal."""
    corners = ((column, row) for row in range(4) for column in range(4))
    return "".join(
        _circle(p.x - 18 + 12 * column, p.y - 18 + 12 * row, 1.6 + 0.65 * (column + (row if p.flipped else 3 - row)))
        for column, row in corners
    )


def waves(p: Placement) -> str:
    """Waves from edge to edge."""
    lines = (p.y - p.r + 9 * n for n in range(5))
    return "".join(f"M-4 {_n(y)}q9 -9 17 0t17 0t17 0t17 0v4q-9 9 -17 0t-17 0t-17 0t-17 0z" for y in lines)


def spark(p: Placement) -> str:
    """A star with four curved points."""
    r = p.r * 1.35
    points = ((p.x + r, p.y), (p.x, p.y + r), (p.x - r, p.y), (p.x, p.y - r))
    curves = (f"Q{_n(p.x)} {_n(p.y)} {_n(x)} {_n(y)}" for x, y in points)
    return f"M{_n(p.x)} {_n(p.y - r)}{''.join(curves)}z"


def petals(p: Placement) -> str:
    """Four quarter discs around a point."""
    r, sweep = p.r * 0.95, 1 if p.flipped else 0
    return "".join(
        f"M{_n(p.x)} {_n(p.y)}h{_n(r * across)}"
        f"a{_n(r)} {_n(r)} 0 0 {sweep if across == down else 1 - sweep} {_n(-r * across)} {_n(r * down)}z"
        for across, down in ((1, 1), (-1, 1), (-1, -1), (1, -1))
    )


def steps(p: Placement) -> str:
    """Steps that rise to one side."""
    side, base = (1 if p.flipped else -1), p.y + p.r
    heights = (10 + 9 * n for n in range(5))
    return "".join(
        f"M{_n(p.x + side * (9 * n - 20))} {_n(base)}v{-height}h{_n(side * 7.5)}v{height}z"
        for n, height in enumerate(heights)
    )


def frame(p: Placement) -> str:
    """Frames within frames."""
    halves = (p.r * share for share in (1.2, 0.9, 0.6, 0.3))
    return "".join(
        f"M{_n(p.x - half)} {_n(p.y - half * 0.8)}h{_n(2 * half)}v{_n(1.6 * half)}h{_n(-2 * half)}z" for half in halves
    )


def keyhole(p: Placement) -> str:
    """A keyhole in a disc."""
    r = p.r * 0.5
    top, bottom = p.y - r * 0.3, p.y + r * 1.7
    slot = _polygon((p.x - r * 0.5, top), (p.x + r * 0.5, top), (p.x + r, bottom), (p.x - r, bottom))
    return _circle(p.x, p.y, p.r * 1.25) + _circle(p.x, p.y - r * 0.5, r * 0.8) + slot
