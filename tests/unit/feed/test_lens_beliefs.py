"""Beliefs drawn: as many dots as places, on one axis, in the order of how far they moved."""

import re

import numpy as np

from recsys.sessions.portrait import Portrait
from webapp.feed.lens.beliefs import DOTS, reach, rows

BEFORE = Portrait(("Horror", "War", "1980s"), np.ones(3), np.zeros(3), np.ones(3), np.zeros(3))
AFTER = BEFORE._replace(mean=np.array([0.2, -1.4, 0.0]), deviation=np.array([0.9, 0.5, 1.0]))


def dots(svg: str) -> list[float]:
    path = re.search(r'class="you" d="([^"]+)"', svg)
    assert path is not None
    return [float(x) for x in re.findall(r"M(\S+) \S+h0", path[1])]


def test_what_moved_farthest_comes_first() -> None:
    assert [row.name for row in rows(AFTER, BEFORE)] == ["War", "Horror", "1980s"]
    assert [row.name for row in rows(AFTER, BEFORE, 1)] == ["War"]


def test_dots_stand_on_both_sides_of_the_mean_by_its_sign() -> None:
    war, horror, eighties = (dots(row.svg) for row in rows(AFTER, BEFORE))
    assert len(war) == len(horror) == len(eighties) == DOTS
    assert np.mean(war) < 95 < 100 < np.mean(horror)
    assert np.ptp(war) < np.ptp(horror) < np.ptp(eighties)


def test_ghost_shows_what_moved_and_nothing_else() -> None:
    assert [("ghost" in row.svg, row.before) for row in rows(AFTER, BEFORE)] == [
        (True, 0.0),
        (True, 0.0),
        (False, None),
    ]
    assert not any("ghost" in row.svg for row in rows(AFTER, None))


def test_axis_is_whole_and_holds_what_is_far() -> None:
    far = BEFORE._replace(mean=np.array([5.0, 0.0, 0.0]))
    assert reach(BEFORE, None) == reach(BEFORE, AFTER._replace(mean=np.zeros(3))) == 2
    assert reach(far, None) == reach(far, BEFORE) == 7


def test_outline_of_before_stays_within_the_axis() -> None:
    far = BEFORE._replace(mean=np.array([5.0, 0.0, 0.0]))
    assert reach(BEFORE, far) == 7
    ghost = re.search(r'class="ghost" d="M([^"]+)"', next(row for row in rows(BEFORE, far) if row.before).svg)
    assert ghost is not None
    across = [float(x) for x in ghost[1].split()[::2]]
    assert 100 < across[len(across) // 2] < max(across) <= 200


def test_a_catalogue_without_tastes_has_no_rows() -> None:
    nothing = Portrait((), *(np.empty(0) for _ in range(4)))
    assert rows(nothing, None) == []


def test_names_are_escaped() -> None:
    svg = rows(AFTER._replace(names=('"><script>', "b", "c")), None)[1].svg
    assert "<script>" not in svg
