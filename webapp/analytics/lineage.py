"""The chain of versions, drawn: each from the one it was folded on from, a line of its own for each lineage."""

from collections.abc import Sequence
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from recsys.store.base import Manifest

_STEP: Final = 112
_ROW: Final = 64
_MARGIN: Final = 56
_RADIUS: Final = 7


def lineage(manifests: Sequence[Manifest], url_of: dict[str, str]) -> SafeString:
    """Return inline SVG: versions from left (oldest) to right, a row for each lineage.

    Parents that the store no longer has are hollow. `url_of` says where a press on a version leads.
    """
    oldest_first = sorted(manifests, key=lambda each: (each.created_ms, each.sha256))
    rows = {name: row for row, name in enumerate(dict.fromkeys(each.lineage for each in oldest_first))}
    gone = [each.parent for each in oldest_first if each.parent and all(each.parent != m.sha256 for m in manifests)]
    columns = {sha: column for column, sha in enumerate([*dict.fromkeys(gone), *(m.sha256 for m in oldest_first)])}
    child_rows = {each.parent: rows[each.lineage] for each in oldest_first}
    places = {each.sha256: _place(columns[each.sha256], rows[each.lineage]) for each in oldest_first}
    places |= {sha: _place(columns[sha], child_rows[sha]) for sha in gone}
    edges = [(*places[each.parent], *places[each.sha256]) for each in oldest_first if each.parent]
    width, height = 2 * _MARGIN + _STEP * max(len(columns) - 1, 0), 2 * _MARGIN + _ROW * max(len(rows) - 1, 0)
    return format_html(
        '<svg class="lineage" viewBox="0 0 {} {}" width="{}" height="{}" role="group" aria-label="{}">{}{}{}</svg>',
        width,
        height,
        width,
        height,
        f"{len(manifests)} versions in {len(rows)} lineages, oldest first",
        format_html_join("", '<path d="M{} {}L{} {}" stroke="currentColor" fill="none"/>', edges),
        format_html_join("", _GONE, ((*places[sha], _RADIUS, places[sha][0], places[sha][1] + 26) for sha in gone)),
        format_html_join("", _VERSION, (_version(each, places[each.sha256], url_of) for each in oldest_first)),
    )


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
