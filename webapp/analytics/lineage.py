"""The chain of versions, drawn: each from the one it was folded on from, a line of its own for each lineage."""

from collections.abc import Sequence
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from recsys.store.base import Manifest
from webapp.analytics.templatetags.figures import counted

_STEP: Final = 112
_ROW: Final = 64
_MARGIN: Final = 56
_RADIUS: Final = 7


def lineage(manifests: Sequence[Manifest], url_of: dict[str, str]) -> SafeString:
    """Return inline SVG: versions from left (oldest) to right, a row for each lineage.

    A broken line stands for versions between two that the store no longer has, a hollow mark for a parent that it has
    nothing before of. `url_of` says where a press on a version leads.
    """
    oldest_first = sorted(manifests, key=lambda each: (each.created_ms, each.sha256))
    rows = {name: row for row, name in enumerate(dict.fromkeys(each.lineage for each in oldest_first))}
    held = {each.sha256 for each in oldest_first}
    hanging = [(each, parent) for each, parent in zip(oldest_first, _came_from(oldest_first), strict=True) if parent]
    gone = {parent: rows[each.lineage] for each, parent in hanging if parent not in held}
    columns = {sha: column for column, sha in enumerate([*gone, *(each.sha256 for each in oldest_first)])}
    places = {each.sha256: _place(columns[each.sha256], rows[each.lineage]) for each in oldest_first}
    places |= {sha: _place(columns[sha], row) for sha, row in gone.items()}
    edges = [
        (*places[parent], *places[each.sha256], "none" if parent == each.parent else "3 5") for each, parent in hanging
    ]
    width, height = 2 * _MARGIN + _STEP * max(len(columns) - 1, 0), 2 * _MARGIN + _ROW * max(len(rows) - 1, 0)
    return format_html(
        '<svg class="lineage" viewBox="0 0 {} {}" width="{}" height="{}" role="group" aria-label="{}">{}{}{}</svg>',
        width,
        height,
        width,
        height,
        f"{counted(len(manifests), 'version')} in {counted(len(rows), 'lineage')}, oldest first",
        format_html_join("", _EDGE, edges),
        format_html_join("", _GONE, ((*places[sha], _RADIUS, places[sha][0], places[sha][1] + 26) for sha in gone)),
        format_html_join("", _VERSION, (_version(each, places[each.sha256], url_of) for each in oldest_first)),
    )


def _came_from(oldest_first: Sequence[Manifest]) -> list[str]:
    """Return what each version hangs on: its parent, or what its lineage has before it where the parent is gone."""
    held = {each.sha256 for each in oldest_first}
    before: dict[str, str] = {}
    found = []
    for each in oldest_first:
        found.append(each.parent if each.parent in held else before.get(each.lineage, each.parent))
        before[each.lineage] = each.sha256
    return found


_EDGE: Final = '<path d="M{} {}L{} {}" stroke="currentColor" stroke-dasharray="{}" fill="none"/>'
_GONE: Final = (
    '<circle cx="{}" cy="{}" r="{}" fill="none" stroke="currentColor" stroke-dasharray="2 2"/>'
    '<text x="{}" y="{}" text-anchor="middle">no longer held</text>'
)
_VERSION: Final = (
    '<a href="{}"><title>{}</title><circle cx="{}" cy="{}" r="{}" fill="currentColor"/>'
    '<text x="{}" y="{}" text-anchor="middle">{}</text></a>'
)


def _place(column: int, row: int) -> tuple[int, int]:
    return _MARGIN + _STEP * column, _MARGIN + _ROW * row


def _version(each: Manifest, place: tuple[int, int], url_of: dict[str, str]) -> tuple[str | int, ...]:
    x, y = place
    title = f"version {each.offsets['0']}, {each.sha256[:12]}"
    return (url_of[each.sha256], title, x, y, _RADIUS, x, y + 26, each.sha256[:8])
