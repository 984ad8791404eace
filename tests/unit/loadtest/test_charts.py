"""The report's charts: labels can be told from each other, and say which line is theirs."""

import itertools
import re

from loadtest.charts import HEIGHT, lines

LINES = {
    "p50": [(0.0, 5.0), (5.0, 6.0), (10.0, 1.0)],
    "p95": [(0.0, 40.0), (5.0, 50.0), (10.0, 1.0)],
    "p99": [(0.0, 90.0), (5.0, 80.0), (10.0, 1.0)],
}


def labels(svg: str) -> dict[str, float]:
    """Return how far down each label stands."""
    return {name: float(y) for y, name in re.findall(r'<text x="[\d.]+" y="([\d.]+)">(p\d\d)</text>', svg)}


def test_labels_of_lines_that_end_in_one_point_stand_in_the_order_of_the_lines() -> None:
    found = labels(lines("Click", "ms", LINES))
    assert sorted(found, key=lambda name: found[name]) == ["p99", "p95", "p50"]


def test_labels_do_not_overlap_and_stay_on_the_drawing() -> None:
    places = sorted(labels(lines("Click", "ms", LINES)).values())
    assert all(lower - upper >= 14 for upper, lower in itertools.pairwise(places))
    assert places[-1] <= HEIGHT


def test_label_has_a_piece_of_its_line_before_it() -> None:
    drawn = re.findall(
        r'<(polyline|line) (class="line line-\d"(?: stroke-dasharray="[^"]+")?)', lines("Click", "ms", LINES)
    )
    lined, sampled = ([stroke for kind, stroke in drawn if kind == each] for each in ("polyline", "line"))
    assert lined == sampled
    assert len(set(lined)) == 3
