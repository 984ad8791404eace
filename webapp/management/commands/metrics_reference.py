"""Writes docs/metrics.md from the declarations in `webapp.metrics`."""

from typing import Any

from django.core.management.base import BaseCommand

from webapp import metrics

_HEAD = """# Metrics

`/metrics` of each web process, in Prometheus' text format, beside the usual `process_` metrics. This page is made from
`webapp/metrics.py`: `manage.py metrics_reference > docs/metrics.md`. Units stand in the names.

Numbers about the fold come from its status in Redis when the page is scraped; they keep their last value while Redis is
away. The page needs no sign-in: let only the scraper reach it (the nginx configuration does).

| metric | kind | labels | meaning |
| --- | --- | --- | --- |
"""


class Command(BaseCommand):
    """Prints the page, for a file or for the test that compares them."""

    help = "Print docs/metrics.md: every metric with its kind, labels and meaning."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        self.stdout.write(reference(), ending="")


def reference() -> str:
    """Return docs/metrics.md."""
    return _HEAD + "".join(_row(metric) for metric in metrics.DECLARED)


def _row(metric: metrics.Declared) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |\n"
