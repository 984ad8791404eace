"""The report as one HTML page: it needs nothing but itself."""

import re
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from loadtest.charts import Interval, Points, intervals, lines
from loadtest.figures import Watched, percentiles
from loadtest.recorder import Measured
from webapp import settings

#: Seconds that one point of a line stands for.
BUCKET_S: Final = 5

_STYLE: Final = """
body { margin: 0 auto; padding: 2rem; max-width: 88rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 var(--text); font-variant-numeric: tabular-nums; }
h1, h2 { font-family: var(--display); line-height: 1.2; }
h1 { font-size: var(--size-4); }
h2 { font-size: var(--size-3); }
.verdict { border-left: 4px solid var(--everybody); padding-left: 1rem; } .broken { border-color: var(--you); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(34rem, 100%), 1fr)); gap: 2rem; }
figure { margin: 0; min-width: 0; } svg { width: 100%; height: auto; } text { font-size: 11px; fill: var(--quiet); }
figcaption, details { color: var(--quiet); font-size: var(--size-1); } details { overflow-x: auto; }
.grid { stroke: var(--line); } .line { fill: none; stroke-width: 1.6; stroke: var(--everybody); }
.line-0 { stroke: var(--you); } .line-2 { stroke: var(--explored); }
.mark { fill: var(--paper); stroke: var(--you); stroke-width: 1.6; }
.mark-1 { fill: var(--everybody); stroke: var(--everybody); }
table { border-collapse: collapse; }
th, td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: right; font-weight: normal; }
th:first-child { text-align: left; }
tr:first-child th { color: var(--quiet); }
.scroll { overflow-x: auto; }
"""


def document(report: dict[str, Any], measured: Measured, watched: Watched) -> str:
    """Return the page."""
    title = f"Load test: {report['scenario']}"
    return (
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<style>{_tokens()}{_STYLE}</style></head><body><h1>{title}</h1>"
        f"{_verdict(report)}{_summary(report)}<div class='charts'>{''.join(_charts(report, measured, watched))}</div>"
        f"{_processes(report)}{_counts(report)}</body></html>\n"
    )


def _tokens() -> str:
    """Return the site's own colours and sizes."""
    css = (Path(settings.BASE_DIR) / "webapp/feed/static/feed/css/tokens.css").read_text()
    return re.sub(r"@font-face \{[^}]*\}", "", css)


def _verdict(report: dict[str, Any]) -> str:
    found = report["conservation"]
    if found is None:
        return "<p class='verdict'>The site's log can't be read from here: nothing was checked.</p>"
    if not found["lost"] and not found["doubled"]:
        told = f"All {report['acknowledged']:,} acknowledged events are in the log, each exactly once."
        return f"<p class='verdict'>{told}</p>"
    return (
        f"<p class='verdict broken'><strong>Broken:</strong> of {report['acknowledged']:,} acknowledged events "
        f"{found['lost']:,} are not in the log and {found['doubled']:,} are in it more than once, "
        f"for instance {escape(', '.join(found['examples']))}.</p>"
    )


def _many(kind: str) -> str:
    """Return what several events of a kind are called.

    >>> _many("click"), _many("dismissal_undone")
    ('clicks', 'dismissals undone')
    """
    noun, *rest = kind.split("_")
    return " ".join([f"{noun}s", *rest])


def _summary(report: dict[str, Any]) -> str:
    mix = ", ".join(f"{count:,g} {_many(kind)}" for kind, count in report["mix_per_s"].items())
    rows = [
        ("click → acknowledged, ms", report["ack_ms"]),
        ("click → changed slate, ms", report["slate_ms"]),
        ("page, ms", report["page_ms"]),
        ("the generator's own delay, ms", report["generator_late_ms"]),
    ]
    body = "".join(
        f"<tr><th scope='row'>{name}</th>{''.join(f'<td>{_number(found[key])}</td>' for key in _COLUMNS)}</tr>"
        for name, found in rows
    )
    lag = report["fold_lag_ms_p99"]
    columns = "".join(f"<th>{key}</th>" for key in _COLUMNS)
    return (
        f"<p>{report['seconds']:,g} seconds, up to {report['sockets']:,} open sockets, "
        f"{report['events_per_s']:,g} events acknowledged a second ({mix}). {_tastes(report['known_items'])} "
        f"Learning was behind by {_number(lag)} ms at the 99th percentile. Errors: {report['errors']:,}.</p>"
        f"<div class='scroll'><table><tr><th></th>{columns}</tr>{body}</table></div>"
    )


def _tastes(known_items: int) -> str:
    """Return what the visitors' clicks depend on.

    >>> _tastes(0)
    'Visitors had no tastes (no history of MovieLens was found): arms can hardly differ.'
    """
    if not known_items:
        return "Visitors had no tastes (no history of MovieLens was found): arms can hardly differ."
    return f"Visitors' tastes are drawn from MovieLens' history, over {known_items:,} films."


_COLUMNS: Final = ("p50", "p95", "p99", "max", "n")


def _charts(report: dict[str, Any], measured: Measured, watched: Watched) -> list[str]:
    began_s = measured.began_s
    clicks = [(at, ack) for at, ack, _ in measured.clicks]
    slates = [(at, slate) for at, _, slate in measured.clicks if slate is not None]
    roles = sorted({role for sample in watched.samples for role in sample.rss_mb})
    return [
        lines("Click → changed slate", "ms", _quantiles(slates)),
        lines("Click → acknowledged", "ms", _quantiles(clicks)),
        lines(
            "Acknowledged events a second, and open sockets",
            "count",
            {
                "events/s": _means(list(enumerate(float(count) for count in measured.acknowledged))),
                "sockets": _means([(at, float(count)) for at, count in measured.sockets]),
            },
        ),
        lines(
            "Fold lag",
            "ms",
            {"oldest event": _means([(at - began_s, lag) for at, lag in watched.lag_ms if at >= began_s])},
        ),
        lines("CPU by process", "% of a core", _by_role(roles, watched, began_s, "cpu_percent")),
        lines("Memory by process", "MB", _by_role(roles, watched, began_s, "rss_mb")),
        lines("The generator's own delay", "ms", _quantiles(measured.late_ms)),
        intervals(
            "Slates clicked, by clicks before",
            "clicks before (10: and more)",
            {
                arm: [
                    Interval(row["clicks_before"], row["low"], row["rate"], row["high"])
                    for row in found["by_clicks_before"]
                ]
                for arm, found in report["click_through"].items()
            },
        ),
    ]


def _buckets(points: Sequence[tuple[float, float]]) -> dict[float, list[float]]:
    found: dict[float, list[float]] = defaultdict(list)
    for at, value in points:
        found[float(int(at // BUCKET_S) * BUCKET_S)].append(value)
    return dict(sorted(found.items()))


def _means(points: Sequence[tuple[float, float]]) -> Points:
    return [(at, sum(values) / len(values)) for at, values in _buckets(points).items()]


def _quantiles(points: Sequence[tuple[float, float]]) -> dict[str, Points]:
    found = {at: percentiles(values) for at, values in _buckets(points).items()}
    return {name: [(at, float(each[name] or 0.0)) for at, each in found.items()] for name in ("p50", "p95", "p99")}


def _by_role(roles: Sequence[str], watched: Watched, began_s: float, field: str) -> dict[str, Points]:
    return {
        role: _means(
            [
                (sample.at_s - began_s, getattr(sample, field)[role])
                for sample in watched.samples
                if role in sample.rss_mb and sample.at_s >= began_s
            ]
        )
        for role in roles
    }


def _processes(report: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(role)}</th><td>{report['cpu_percent'].get(role, 0):,.1f}</td>"
        f"<td>{mb:,.0f}</td><td>{report['rss_growth_mb'][role]:+,.1f}</td>"
        f"<td>{report['rss_growth_late_mb'].get(role, 0):+,.1f}</td></tr>"
        for role, mb in report["rss_mb"].items()
    )
    if not rows:
        return ""
    heads = (
        "<tr><th>process</th><th>CPU, % of a core</th><th>memory, MB at most</th><th>grown by, MB</th>"
        "<th>in the second half, MB</th></tr>"
    )
    return f"<h2>Processes</h2><div class='scroll'><table>{heads}{rows}</table></div>"


def _counts(report: dict[str, Any]) -> str:
    rows = [
        *report["outcomes"].items(),
        *(("error: " + kind, count) for kind, count in report["errors_by_kind"].items()),
    ]
    body = "".join(f"<tr><th scope='row'>{escape(name)}</th><td>{count:,}</td></tr>" for name, count in rows)
    return f"<h2>What became of everything sent</h2><table><tr><th></th><th>events</th></tr>{body}</table>"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,g}"
