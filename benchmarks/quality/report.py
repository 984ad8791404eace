"""The figures as one JSON object, and as tables for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.quality.outcome import difference
from benchmarks.quality.registry import ENGINES
from benchmarks.quality.running import Measured

#: Heading, figure, and how it is shown.
_Column = tuple[str, str, str]

_QUALITY: Final[dict[str, list[_Column]]] = {
    "next-item": [
        *((f"HR@{cutoff} %", f"hit_rate_at_{cutoff}", "percent") for cutoff in (5, 10, 20)),
        *((f"MRR@{cutoff} %", f"mrr_at_{cutoff}", "percent") for cutoff in (5, 10, 20)),
        ("HR@20 95 %", "hit_rate_at_20_95", "interval"),
        ("MRR@20 95 %", "mrr_at_20_95", "interval"),
        ("coverage@20 %", "coverage_at_20", "percent"),
        ("Gini", "gini", "3"),
        ("top 1 % takes %", "top_percent_share", "percent"),
    ],
    "slates": [
        ("NDCG@10", "ndcg_at_10", "4"),
        ("95 %", "ndcg_at_10_95", "4"),
        ("AUC", "auc", "4"),
        ("AUC in lists", "auc_within_lists", "4"),
        ("log-loss/item", "log_loss", "4"),
        ("(rate alone)", "baseline_log_loss", "4"),
        ("log-loss/choice", "choice_log_loss", "4"),
        ("clicks/promised", "calibration", "3"),
        ("calibration error", "calibration_error", "4"),
    ],
}
_QUALITY["history"] = _QUALITY["next-item"]
_COST: Final[list[_Column]] = [
    ("predictions", "predictions", "0"),
    ("CPU s", "cpu_seconds", "1"),
    ("of it training", "train_cpu_seconds", "1"),
    ("wall s", "seconds", "1"),
    ("peak MB", "peak_rss_mb", "0"),
    ("query p50 µs", "query_us_p50", "1"),
    ("query p99 µs", "query_us_p99", "1"),
    ("knowledge age s", "knowledge_age_s", "1"),
    ("state", "state_sha256", "hash"),
]
_NOTES: Final = {
    "next-item": "Age: mean log time since the newest event that the world had used. One line is one minute.",
    "history": "Age: mean log time since the newest event that the world had used. Repeats are not recommended.",
    "slates": "Log-loss per item and calibration: scores of all are scaled alike, online, to probabilities; in nats. "
    "Log-loss per choice: softmax over what was left, given a click. Age: as log time since the newest list learned.",
}
_SHOWN_BAD_LINES: Final = 10


def as_json(
    task: Mapping[str, Any], results: Sequence[Measured], machine: Mapping[str, Any], calibration: Mapping[str, float]
) -> dict[str, Any]:
    """Return everything measured; the engine's figures stand at the top as well."""
    measured = {result.name: result.outcome for result in results if result.outcome is not None}
    engine = next((name for name in measured if any(name in engines for engines in ENGINES.values())), None)
    contenders: dict[str, Any] = {}
    for result in results:
        contenders[result.name] = {"state": result.state}
        if result.outcome is None:
            contenders[result.name]["reason"] = result.reason
            continue
        contenders[result.name] |= result.outcome.figures
        if engine is not None and result.name != engine:
            contenders[result.name]["difference_to_engine"] = {
                metric: difference(result.outcome, measured[engine], metric) for metric in result.outcome.paired
            }
    first = next(iter(measured.values()), None)
    return {
        **task,
        "engine": engine,
        **(measured[engine].figures if engine is not None else {}),
        "data": first.data if first else {},
        "bad_lines": first.bad_lines if first else {},
        "rejected": [{"file": row.file, "line": row.line, "reason": row.reason} for row in first.rejected]
        if first
        else [],
        "machine": dict(machine),
        "calibration": dict(calibration),
        "contenders": contenders,
    }


def as_text(whole: Mapping[str, Any], *, markdown: bool) -> str:
    """Return the tables that people read."""
    measured = {name: figures for name, figures in whole["contenders"].items() if figures["state"] == "measured"}
    parts = [_heading(whole)]
    if measured:
        for columns in (_QUALITY[whole["task"]], _COST):
            rows = [[name, *(_cell(figures, column) for column in columns)] for name, figures in measured.items()]
            parts.append(_table(["", *(heading for heading, _, _ in columns)], rows, markdown=markdown))
        parts.extend(_grouped(measured, markdown=markdown))
        parts.append(_NOTES[whole["task"]])
    parts.extend(
        f"{name}: {figures['state']}: {figures['reason']}"
        for name, figures in whole["contenders"].items()
        if figures["state"] != "measured"
    )
    parts.extend(f"note: {note}" for note in whole["data"].get("notes", ()))
    parts.extend(_bad_lines(whole))
    return "\n\n".join(parts)


def engine_as_text(figures: Mapping[str, Any], *, markdown: bool) -> str:
    """Return what was measured of the engine alone: one table for each of its parts, figures by themselves first."""
    plain = [[name, str(value)] for name, value in figures.items() if not isinstance(value, dict)]
    parts = [
        ", ".join(f"{name}: {value}" for name, value in figures["machine"].items()),
        _table(["figure", "value"], plain, markdown=markdown),
    ]
    for title, found in figures.items():
        if isinstance(found, dict) and all(isinstance(row, dict) for row in found.values()):
            rows = list(_rows(found))
            columns = list(dict.fromkeys(name for _, row in rows for name in row))
            cells = [[name, *(str(row.get(column, "-")) for column in columns)] for name, row in rows]
            parts.append(_table([title, *columns], cells, markdown=markdown))
    calibration = figures["calibration"]
    parts.append(f"calibration loop: {calibration['before_ms']} ms before, {calibration['after_ms']} ms after")
    return "\n\n".join(parts)


def _rows(found: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield a row for each contender, and one for each group of its figures."""
    for name, figures in found.items():
        plain = {figure: value for figure, value in figures.items() if not isinstance(value, dict)}
        if plain:
            yield name, plain
        for group, values in figures.items():
            if isinstance(values, dict):
                yield f"{name}, {group}", values


def _heading(whole: Mapping[str, Any]) -> str:
    machine, calibration = whole["machine"], whole["calibration"]
    said = {
        name: value
        for name, value in {**whole["data"], **whole}.items()
        if isinstance(value, str | int | float) and name in _heading_names(whole)
    }
    return "\n".join(
        [
            ", ".join(f"{name}: {value}" for name, value in said.items()),
            ", ".join(f"{name}: {value}" for name, value in machine.items()),
            f"calibration loop: {calibration['before_ms']} ms before, {calibration['after_ms']} ms after",
        ]
    )


def _heading_names(whole: Mapping[str, Any]) -> set[str]:
    task = {"task", "train", "test", "mode", "limit", "dataset", "file", "begin", "end", "label_delay_s"}
    return task | {"positions_known", "shuffled"} | set(whole["data"])


def _grouped(measured: Mapping[str, Any], *, markdown: bool) -> Iterator[str]:
    """Yield one table for each figure that is broken down by clicks seen or by visit."""
    for breakdown, metric, title, kind in (
        ("by_clicks_seen", "hit_rate_at_20", "HR@20 % by clicks seen", "percent"),
        ("by_clicks_seen", "mrr_at_20", "MRR@20 % by clicks seen", "percent"),
        ("by_visit", "ndcg_at_10", "NDCG@10 by list of the visitor", "4"),
    ):
        having = {name: figures[breakdown] for name, figures in measured.items() if breakdown in figures}
        if having:
            groups = list(next(iter(having.values())))
            rows = [
                [name, *(_cell(groups_of[group], ("", metric, kind)) for group in groups)]
                for name, groups_of in having.items()
            ]
            yield _table([title, *groups], rows, markdown=markdown)
    compared = {
        name: figures["difference_to_engine"] for name, figures in measured.items() if "difference_to_engine" in figures
    }
    if compared:
        metrics = list(next(iter(compared.values())))
        rows = [[name, *(_difference(found[metric]) for metric in metrics)] for name, found in compared.items()]
        yield _table(["difference to the engine, points", *metrics], rows, markdown=markdown)


def _difference(found: Sequence[float]) -> str:
    return f"{100 * found[0]:+.2f} [{100 * found[1]:+.2f}, {100 * found[2]:+.2f}]" if found else "-"


def _cell(figures: Mapping[str, Any], column: _Column) -> str:
    _, name, kind = column
    value = figures.get(name)
    if value is None or value == []:
        return "-"
    if kind == "hash":
        return str(value)[:12] or "-"
    if kind == "interval":
        return f"{100 * value[0]:.2f}-{100 * value[1]:.2f}"
    if isinstance(value, list):
        return "-".join(f"{bound:.{kind}f}" for bound in value)
    return f"{100 * value:.2f}" if kind == "percent" else f"{value:.{kind}f}"


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]], *, markdown: bool) -> str:
    """Return rows under their heading; the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (heading, *rows)) for column in range(len(heading))]
    lines = []
    for row in (heading, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        cells[0] = row[0].ljust(widths[0])
        lines.append(f"| {' | '.join(cells)} |" if markdown else "  ".join(cells).rstrip())
    rule = [f"{'-' * (width - 1)}:" for width in widths]
    rule[0] = "-" * widths[0]
    lines.insert(1, f"| {' | '.join(rule)} |" if markdown else "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _bad_lines(whole: Mapping[str, Any]) -> Iterator[str]:
    for file, count in whole["bad_lines"].items():
        if count:
            rows = [row for row in whole["rejected"] if row["file"] == file or len(whole["bad_lines"]) == 1]
            shown = [f"  {row['file']} line {row['line']}: {row['reason']}" for row in rows[:_SHOWN_BAD_LINES]]
            rest = [f"  and {count - len(shown)} more"] if count > len(shown) else []
            yield "\n".join([f"{file}: {count} bad lines were set aside", *shown, *rest])
