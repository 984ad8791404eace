"""``/healthz``, ``/readyz`` and ``/metrics``."""

import msgspec
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from webapp import metrics as declared
from webapp.health import selectors


@require_safe
async def alive(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process does."""
    return HttpResponse(b"ok\n", content_type="text/plain")


@require_safe
@never_cache
async def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 when a visitor would be served well, else 503; why stands in the JSON."""
    found = await selectors.readiness()
    return HttpResponse(msgspec.json.encode(found), content_type="application/json", status=200 if found.ready else 503)


@require_safe
@never_cache
async def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with this process's metrics."""
    await sync_to_async(selectors.measure)()
    return HttpResponse(declared.exposition(), content_type=CONTENT_TYPE_LATEST)
