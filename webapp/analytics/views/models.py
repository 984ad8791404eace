"""Versions of the model, and what changed between two."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from recsys.errors import CorruptState, StoreUnavailable
from recsys.store.base import Manifest
from webapp.analytics import versions
from webapp.analytics.lineage import lineage
from webapp.analytics.links import to_item
from webapp.analytics.permissions import staff_page
from webapp.analytics.tables import (
    AT_LEAST,
    CONTAINS,
    SINCE,
    UNTIL,
    Column,
    Kind,
    Link,
    Listing,
    Table,
    respond,
)
from webapp.analytics.templatetags.figures import NOTHING
from webapp.analytics.versions import Comparison, WeightChange

#: Digits of a hash that the table shows: as many as the chain of versions does.
_SHOWN: Final = 8
_Z95: Final = 1.96


def _score(name: str, title: str) -> Column:
    def shown(version: Manifest) -> str:
        return f"{version.metrics[name]:.4f}" if name in version.metrics else NOTHING

    return Column(name, title, Kind.NUMBER, value=lambda version: version.metrics.get(name), cell=shown)


def _compare_url(version: Manifest) -> str:
    """Lead to what this version changed of its parent."""
    return f"{reverse('analytics:models')}?{urlencode({'later': version.sha256[: versions.SHORT]})}#comparison"


def _margin(name: str) -> Column:
    """Return the column of how far a score may be off, 95 %."""

    def margin(version: Manifest) -> float | None:
        error = version.metrics.get(f"{name}_error")
        return None if error is None else _Z95 * error

    def shown(version: Manifest) -> str:
        value = margin(version)
        return NOTHING if value is None else f"{value:.4f}"

    return Column(f"{name}_margin", "± 95 %", Kind.NUMBER, value=margin, cell=shown)


VERSIONS = Table(
    name="versions",
    caption="Versions in the store",
    order="-created_ms",
    empty="No version yet. The worker saves the first one a minute after the first event.",
    per_page=20,
    prefix="v_",
    columns=(
        Column("version", "Version", Kind.CODE, value=lambda version: version.offsets["0"], link=Link(_compare_url)),
        Column("created_ms", "Saved", Kind.TIME, filters=(SINCE, UNTIL)),
        Column("sha256", "SHA-256", Kind.CODE, cell=lambda version: _short(version.sha256), filters=(CONTAINS,)),
        Column("parent", "Parent", Kind.CODE, cell=lambda version: _short(version.parent)),
        Column("lineage", "Lineage", Kind.CODE, cell=lambda version: _short(version.lineage), filters=(CONTAINS,)),
        Column("code", "Code", Kind.CODE, cell=lambda version: _short(version.code)),
        Column("configuration", "Configuration", Kind.CODE, cell=lambda version: _short(version.configuration)),
        Column("bytes", "Size", Kind.NUMBER, cell=lambda version: f"{version.bytes / 1e6:.1f} MB"),
        Column(
            "choices",
            "Choices scored",
            Kind.NUMBER,
            value=lambda version: version.metrics.get("choices"),
            filters=(AT_LEAST,),
        ),
        _score("log_loss", "Log-loss"),
        _margin("log_loss"),
        _score("baseline_log_loss", "Of guessing"),
        _score("auc", "AUC"),
        _margin("auc"),
        _score("calibration", "Calibration"),
    ),
)


def _deviation(name: str) -> Column:
    """Return the column of a belief's standard deviation."""
    return Column(name, "±", Kind.NUMBER, cell=lambda change: f"{getattr(change, name):.4f}")


WEIGHTS = Table(
    name="weights",
    caption="Weights, most moved first",
    order="-moved",
    empty="The two versions have no weight in common.",
    per_page=20,
    prefix="w_",
    columns=(
        Column("name", "Weight", Kind.CODE, filters=(CONTAINS,)),
        Column("before", "Before", Kind.NUMBER, cell=lambda change: _signed(change.before)),
        _deviation("deviation_before"),
        Column("after", "After", Kind.NUMBER, cell=lambda change: _signed(change.after)),
        _deviation("deviation_after"),
        Column(
            "moved",
            "Moved, in standard deviations",
            Kind.NUMBER,
            cell=lambda change: NOTHING if change.moved is None else f"{change.moved:.2f}",
            filters=(AT_LEAST,),
        ),
    ),
)
APPEALS = Table(
    name="appeals",
    caption="Items whose appeal moved by more than a tenth of its standard deviation, most first",
    order="-moved",
    empty="None between these two.",
    per_page=20,
    prefix="i_",
    columns=(
        Column("title", "Item", link=to_item(), filters=(CONTAINS,)),
        Column(
            "before",
            "Before",
            Kind.NUMBER,
            cell=lambda change: "new" if change.before is None else _signed(change.before),
        ),
        Column("after", "After", Kind.NUMBER, cell=lambda change: _signed(change.after)),
        _deviation("deviation_after"),
        Column(
            "moved",
            "Moved, in standard deviations",
            Kind.NUMBER,
            cell=lambda change: f"{change.moved:.2f}",
            filters=(AT_LEAST,),
        ),
    ),
)


@require_safe
@never_cache
@staff_page("analytics.view_models")
def models(request: HttpRequest) -> HttpResponseBase:
    """List the versions, draw their chain, and say what changed between two of them."""
    try:
        manifests = versions.versions()
    except StoreUnavailable as error:
        return render(request, "analytics/models.html", {"unavailable": str(error)}, status=503)
    listings = [Listing(VERSIONS, manifests, request.GET)]
    context: dict[str, Any] = {"manifests": manifests}
    if manifests:
        context["chain"] = lineage(manifests, {each.sha256: _compare_url(each) for each in manifests})
        pair = _pair(request, manifests)
        context |= pair
        if pair["earlier"] and pair["later"]:
            _compare(request, pair, context, listings)
    return respond(request, "analytics/models.html", context, *listings, status=404 if context.get("unknown") else 200)


def _pair(request: HttpRequest, manifests: Sequence[Manifest]) -> dict[str, Any]:
    """Return the two versions asked for; by default the newest, and what it came from or the nearest that is held."""
    asked = {name: request.GET.get(name, "") for name in ("earlier", "later")}
    later = versions.named(manifests, asked["later"]) if asked["later"] else manifests[0]
    if asked["earlier"] or later is None:
        earlier, stands_in = versions.named(manifests, asked["earlier"]), False
    else:
        earlier = versions.before(manifests, later)
        stands_in = earlier is not None and earlier.sha256 != later.parent
    unknown = [sha for name, sha in asked.items() if sha and not versions.named(manifests, sha)]
    return {"earlier": earlier, "later": later, "unknown": unknown, "stands_in": stands_in}


def _compare(request: HttpRequest, pair: dict[str, Any], context: dict[str, Any], listings: list[Listing]) -> None:
    try:
        comparison: Comparison = versions.compare(pair["earlier"], pair["later"])
    except CorruptState as error:
        context["incomparable"] = str(error)
        return
    context["moved"] = _most(comparison.weights)
    context["appeal_changes"] = len(comparison.appeals)
    listings += [
        Listing(WEIGHTS, comparison.weights, request.GET),
        Listing(APPEALS, comparison.appeals, request.GET),
    ]


def _most(changes: list[WeightChange]) -> WeightChange | None:
    return max(changes, key=lambda change: change.moved or 0.0, default=None)


def _short(name: str) -> SafeString | str:
    return Kind.CODE.written(name[:_SHOWN])


def _signed(value: float | None) -> str:
    return NOTHING if value is None else f"{value:+.4f}".replace("-", "\N{MINUS SIGN}")
