"""Charts drawn by the server: inline SVG without scripts, and without styles of its own.

A chart is markup, a sentence that says the same, and its data as a table of the kit (`webapp.analytics.tables`); the
template `analytics/chart.html` shows all three. Colors are classes, each a meaning: ``you`` (what adapts to a session),
``everybody`` and ``explored``; which line is which is also written beside it and told by its dashes. Charts are drawn
360 units wide, the width of a small phone, so that their text can be read there, and grow from there.

`scales` has axes, `paths` lines and bands, `lines`, `bars` and `calibration` the kinds of charts; `sparkline` is for
figures the size of a word.
"""

from webapp.analytics.charts.bars import Bar, bars, columns
from webapp.analytics.charts.calibration import calibration
from webapp.analytics.charts.chart import Chart
from webapp.analytics.charts.lines import Point, Series, lines, small
from webapp.analytics.charts.scales import Axis, ordinal_axis, time_axis, value_axis

__all__ = [
    "Axis",
    "Bar",
    "Chart",
    "Point",
    "Series",
    "bars",
    "calibration",
    "columns",
    "lines",
    "ordinal_axis",
    "small",
    "time_axis",
    "value_axis",
]
