"""The visit of each request, and its cookies on the way out."""

from collections.abc import Awaitable, Callable
from typing import Final, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from webapp import wiring
from webapp.tracking.consent import Visit, remember, unseen, visit_from

#: By this request header a simulator says that nobody is there. No link, form or picture can make a browser send it.
SIMULATED_HEADER: Final = "Freshet-Simulated"
#: By this request header an open page that fetches a part of itself says, by its session token, whose it is.
PAGE_HEADER: Final = "Freshet-Page"

_ATTRIBUTE: Final = "_freshet_visit"


def visit_of(request: HttpRequest) -> Visit:
    """Return who makes this request; the first call begins or prolongs the session (`VisitMiddleware` sets cookies).

    HEAD asks for a page that nobody sees: it is answered as a stranger's, and the session stays as it is.

    Raises
    ------
    PermissionDenied
        When the request says that it is simulated, and this site takes no such visitors.
    """
    visit = getattr(request, _ATTRIBUTE, None)
    if visit is None:
        simulated = SIMULATED_HEADER in request.headers
        if simulated and not settings.FRESHET_SIMULATED_VISITORS:
            raise PermissionDenied("this site takes no simulated visitors: see FRESHET_SIMULATED_VISITORS")
        now_ms = wiring.clock().now_ms()
        if request.method == "HEAD":
            visit = unseen(now_ms, simulated=simulated)
        else:
            page = request.headers.get(PAGE_HEADER, "")
            visit = visit_from(request.COOKIES, now_ms, page=page, simulated=simulated)
        begin_visit(request, visit)
    return cast(Visit, visit)


def begin_visit(request: HttpRequest, visit: Visit) -> None:
    """Go on with `visit` from here: the response carries its cookies."""
    setattr(request, _ATTRIBUTE, visit)


class VisitMiddleware:
    """Sets the session's cookies on responses to requests that asked `visit_of`; others, and HEAD's, stay without."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]) -> None:
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        response = self._get_response(request)
        return (
            _with_cookies(request, response)
            if isinstance(response, HttpResponseBase)
            else self._later(request, response)
        )

    async def _later(self, request: HttpRequest, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return _with_cookies(request, await response)


def _with_cookies(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    visit = getattr(request, _ATTRIBUTE, None)
    if visit is not None:
        if request.method != "HEAD":
            remember(response, visit, request.COOKIES)
        # A shared cache must not hand one visitor's slates or cookies to another.
        response.headers.setdefault("Cache-Control", "private, no-cache")
    return response
