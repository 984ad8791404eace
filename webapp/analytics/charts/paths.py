"""Lines and bands as SVG paths; a value that is not known leaves a gap."""

from collections.abc import Iterator, Sequence

#: A place across and up, in units of the drawing; None where there is no value.
Place = tuple[float, float] | None


def line(places: Sequence[Place]) -> str:
    """Return a line through the places; one between two gaps has none (`lone`).

    >>> line([(0, 1), (2, 3), None, (4, 5)])
    'M0.0 1.0L2.0 3.0'
    """
    return "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run) for run in runs(places) if len(run) > 1)


def lone(places: Sequence[Place]) -> list[tuple[float, float]]:
    """Return the places between two gaps, which are drawn as dots.

    >>> lone([(0, 1), (2, 3), None, (4, 5)])
    [(4, 5)]
    """
    return [run[0] for run in runs(places) if len(run) == 1]


def band(lower: Sequence[Place], upper: Sequence[Place]) -> str:
    """Return the area between two lines; where it is one value wide, a bar.

    >>> band([(0, 9), (5, 9)], [(0, 1), (5, 2)])
    'M0.0 1.0L5.0 2.0L5.0 9.0L0.0 9.0Z'
    """
    parts: list[str] = []
    for below, above in zip(runs(lower), runs(upper), strict=True):
        if len(below) == 1:
            (x, y), (_, top) = below[0], above[0]
            parts.append(f"M{x - 2:.1f} {top:.1f}h4V{y:.1f}h-4Z")
        else:
            parts.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in [*above, *reversed(below)]) + "Z")
    return "".join(parts)


def runs(places: Sequence[Place]) -> Iterator[list[tuple[float, float]]]:
    """Yield the stretches without gaps."""
    run: list[tuple[float, float]] = []
    for place in [*places, None]:
        if place is not None:
            run.append(place)
        elif run:
            yield run
            run = []
