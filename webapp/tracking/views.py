"""The consent switch."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from webapp.tracking import services
from webapp.tracking.consent import consent_named, remember_choice, switched
from webapp.tracking.endings import end
from webapp.tracking.middleware import begin_visit, visit_of


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
