"""Events by POST, for pages that are going away, and the consent switch."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from recsys.errors import LogUnavailable
from webapp.tracking import services, wire
from webapp.tracking.consent import consent_named, remember_choice, switched, visit_from
from webapp.tracking.endings import end
from webapp.tracking.middleware import begin_visit, visit_of


@csrf_exempt  # Authority comes from the signed tokens in the body; beacons can carry no header.
@require_POST
async def collect(request: HttpRequest) -> HttpResponse:
    """Take one batch, the same message as on the websocket, and answer with its acknowledgement."""
    if int(request.headers.get("Content-Length") or 0) > wire.MAX_MESSAGE_BYTES:
        return HttpResponse(f"expected at most {wire.MAX_MESSAGE_BYTES} bytes", status=413, content_type="text/plain")
    intake = services.intake()
    consent = visit_from(request.COOKIES, intake.clock.now_ms()).consent
    batch = await intake.decode(request.body, consent)
    if batch is None:
        return HttpResponseBadRequest("expected a batch of events", content_type="text/plain")
    try:
        accepted = await intake.accept(batch, consent)
    except LogUnavailable:
        return HttpResponse("the log can't be reached: keep the events", status=503, content_type="text/plain")
    ack = wire.encode(wire.Ack(id=batch.id, outcomes=accepted.outcomes))
    return HttpResponse(ack, content_type="application/json")


@require_POST
async def choose_consent(request: HttpRequest) -> HttpResponse:
    """Switch what may be remembered, and go back to where the switch was pressed."""
    chosen = consent_named(request.POST.get("consent", ""))
    if chosen is None:
        return HttpResponseBadRequest("expected consent off, session or visitor", content_type="text/plain")
    before = visit_of(request)
    after = switched(before, chosen)
    begin_visit(request, after)
    if after.session != before.session:
        end(before.session)
    if not after.logged and before.logged:
        await services.forget(before.session)
    response = redirect(_back(request))
    remember_choice(response, chosen)
    return response


def _back(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return wanted if own else "/"
