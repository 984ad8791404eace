"""Charts: what is drawn stands where its value says, stays within the drawing, and needs no style and no script."""

import itertools
import re
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.analytics.charts import (
    Bar,
    Point,
    Series,
    bars,
    calibration,
    columns,
    lines,
    ordinal_axis,
    small,
    time_axis,
    value_axis,
)
from webapp.analytics.charts.chart import HEIGHT, WIDTH
from webapp.analytics.charts.lines import SMALL_WIDTH
from webapp.analytics.charts.paths import band, line, lone

HOUR_MS = 3_600_000
UP = value_axis(0, 1, lambda value: f"{value:.0%}")
NUMBERS = st.floats(0, 1e9, allow_nan=False)


def drawn(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in drawn(svg).iter("text")]


def places(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]


def path_of(svg: str, kind: str) -> list[str]:
    return [element.get("d", "") for element in drawn(svg).iter("path") if kind in (element.get("class") or "").split()]


@given(low=NUMBERS, span=st.floats(1e-6, 1e9))
def test_ticks_are_round_in_order_and_the_axis_holds_every_value(low: float, span: float) -> None:
    axis = value_axis(low, low + span, str, from_zero=False)
    values = [value for value, _ in axis.ticks]
    assert 2 <= len(values) <= 7
    assert values == sorted(values)
    assert axis.low <= low + 1e-6 * (1 + low)
    assert axis.high >= (low + span) * (1 - 1e-9)


def test_axis_of_one_value_still_has_a_length() -> None:
    assert value_axis(0, 0, str).high > 0
    assert time_axis(5, 5).place(5) == 0.5


@pytest.mark.parametrize(
    ("hours", "ticks"),
    [(5, ["00:00", "01:00", "02:00", "03:00", "04:00", "05:00"]), (72, ["1 Jan", "2 Jan", "3 Jan", "4 Jan"])],
)
def test_time_is_told_in_hours_or_days(hours: int, ticks: list[str]) -> None:
    assert [text for _, text in time_axis(0, hours * HOUR_MS, ticks=5).ticks] == ticks


def test_line_leaves_gaps_where_nothing_is_known_and_dots_where_one_value_stands_alone() -> None:
    assert line([(0, 0), (1, 1), None, (3, 3), None]) == "M0.0 0.0L1.0 1.0"
    assert lone([(0, 0), (1, 1), None, (3, 3), None]) == [(3, 3)]
    assert band([None, (2, 9), None], [None, (2, 1), None]) == "M0.0 1.0h4V9.0h-4Z"
    assert line([]) == band([], []) == ""


def test_only_value_of_one_of_many_is_a_pin_that_stands_on_the_floor() -> None:
    svg = small(Series("a", [Point(0, None), Point(5, 3.0)]), time_axis(0, 5), 4.0)
    (dot,) = drawn(svg).iter("circle")
    (pin,) = [path for path in path_of(svg, "line") if path]
    assert re.fullmatch(rf"M{dot.get('cx')} [\d.]+V{dot.get('cy')}", pin)
    assert not list(drawn(small(Series("a", [Point(0, 1.0), Point(5, 3.0)]), time_axis(0, 5), 4.0)).iter("circle"))


@given(values=st.lists(st.none() | st.floats(0, 5), min_size=1, max_size=30))
def test_lines_and_bands_stay_within_the_drawing(values: list[float | None]) -> None:
    points = [Point(at, v, None if v is None else v / 2, None if v is None else v * 2) for at, v in enumerate(values)]
    svg = lines([Series("a", points)], ordinal_axis([str(n) for n in range(len(values))]), UP)
    for kind in ("line", "band"):
        for path in path_of(svg, kind):
            for x, y in places(path):
                assert 0 <= x <= WIDTH
                assert 0 <= y <= HEIGHT


def test_higher_values_stand_higher_and_later_ones_further_right() -> None:
    svg = lines([Series("a", [Point(0, 0.2), Point(1, 0.8)])], ordinal_axis(["1", "2"]), UP)
    (first, second) = places(path_of(svg, "line")[0])
    assert second[0] > first[0]
    assert second[1] < first[1]


def test_each_line_is_named_at_its_end_and_names_do_not_cover_each_other() -> None:
    series = [Series(name, [Point(0, 0.5), Point(1, 0.5)], dashed=name == "b") for name in ("a", "b", "c")]
    svg = lines(series, ordinal_axis(["1", "2"]), UP)
    names = [element for element in drawn(svg).iter("text") if "name" in (element.get("class") or "")]
    down = sorted(float(element.get("y", "0")) for element in names)
    assert [element.text for element in names] == ["a", "b", "c"]
    assert all(lower - upper >= 12 for upper, lower in itertools.pairwise(down))
    assert [len(path_of(svg, kind)) for kind in ("line", "dashed")] == [3, 1]


def test_columns_are_as_high_as_their_values_and_the_mark_stands_between_them() -> None:
    svg = columns([Bar("1", 0.25, ""), Bar("2", 0.5, ""), Bar("3", 0, "")], UP, mark=1, marked="here")
    heights = [float(rect.get("height", "0")) for rect in drawn(svg).iter("rect")]
    left = [float(rect.get("x", "0")) for rect in drawn(svg).iter("rect")]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)
    assert heights[2] == 0
    assert "here" in texts(svg)
    mark = float(path_of(svg, "mark")[0][1:].split()[0])
    assert left[0] < mark < left[1]


def test_bars_have_their_names_and_figures_in_the_drawing() -> None:
    svg = bars([Bar("looking", 3, "3 · 75%"), Bar("<script>", 1, "1 · 25%")])
    assert texts(svg) == ["looking", "3 · 75%", "<script>", "1 · 25%"]
    assert "<script>" not in svg
    widths = [float(rect.get("width", "0")) for rect in drawn(svg).iter("rect")]
    assert widths[0] == pytest.approx(3 * widths[1], abs=0.2)


def test_what_is_calibrated_stands_on_the_diagonal() -> None:
    svg = calibration([Point(0.1, 0.1, 0.05, 0.2), Point(0.2, 0.2, 0.1, 0.3)], lambda share: f"{share:.0%}")
    (x0, y0), (x1, y1) = places(path_of(svg, "diagonal")[0])
    dots = list(drawn(svg).iter("circle"))
    assert len(dots) == 2
    for dot in dots:
        x, y = float(dot.get("cx", "0")), float(dot.get("cy", "0"))
        assert (y - y0) / (y1 - y0) == pytest.approx((x - x0) / (x1 - x0), abs=0.01)


def every_chart() -> Sequence[str]:
    points = [Point(at, at / 10, 0.0, 0.9) for at in range(5)]
    series = Series("a", points)
    return (
        lines([series], ordinal_axis(list("12345")), UP),
        small(series, ordinal_axis(list("12345")), 1.0),
        columns([Bar("1", 1, "")], UP),
        bars([Bar("a", 1, "1")]),
        calibration(points, str),
    )


@pytest.mark.parametrize("svg", every_chart())
def test_charts_bring_no_styles_and_no_scripts_and_are_hidden_where_text_says_the_same(svg: str) -> None:
    root = drawn(svg)
    assert root.get("aria-hidden") == "true"
    assert not any("style" in element.attrib or element.tag in ("style", "script") for element in root.iter())
    assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)
    assert (root.get("viewBox") or "").split()[2] in (str(WIDTH), str(SMALL_WIDTH))
