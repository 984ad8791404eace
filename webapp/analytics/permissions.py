"""Who may see which staff page: one permission each, asked before the page is made."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeVar, cast

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

LOGIN: Final = "analytics:login"
KNOB_PERMISSION: Final = "training.change_knob"

Answer = HttpResponseBase
View = TypeVar("View", bound=Callable[..., Answer | Awaitable[Answer]])


class Page(NamedTuple):
    """One entry of the navigation.

    Attributes
    ----------
    route : str
        Name of its URL in the namespace ``analytics``.
    title : str
    permission : str
        Who lacks it is not shown the link, and is refused the page.
    """

    route: str
    title: str
    permission: str

    @property
    def url(self) -> str:
        """Its address."""
        return reverse(f"analytics:{self.route}")


#: In the order of the navigation.
PAGES: Final = (
    Page("live", "Live", "analytics.view_live"),
    Page("overview", "Overview", "analytics.view_overview"),
    Page("learning", "Learning", "analytics.view_learning"),
    Page("sessions", "Sessions", "analytics.view_sessions"),
    Page("items", "Items", "analytics.view_items"),
    Page("models", "Models", "analytics.view_models"),
    Page("labels", "Labels", "analytics.view_labels"),
    Page("dead_letters", "Dead letters", "analytics.view_dead_letters"),
    Page("knob", "Knob", "analytics.view_knob"),
    Page("visitors", "Visitors", "analytics.bring_visitors"),
)


def pages_for(user: AbstractBaseUser | AnonymousUser) -> list[Page]:
    """Return the pages that a user may see, in the order of the navigation."""
    staff = cast(User, user)
    if not staff.is_staff:
        return []
    return [page for page in PAGES if staff.has_perm(page.permission)]


def staff_page(permission: str) -> Callable[[View], View]:
    """Let staff with a permission in; send strangers to the login, and refuse the others.

    For views of both kinds, synchronous and asynchronous.
    """

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):

            @functools.wraps(view)
            async def guarded_async(request: HttpRequest, *args: Any, **kwargs: Any) -> Answer:
                user = cast(User, await request.auser())
                if not user.is_authenticated:
                    return _to_login(request)
                if not (user.is_staff and await user.ahas_perm(permission)):
                    raise PermissionDenied
                return cast(Answer, await view(request, *args, **kwargs))

            return cast(View, guarded_async)

        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Answer:
            user = cast(User, request.user)
            if not user.is_authenticated:
                return _to_login(request)
            if not (user.is_staff and user.has_perm(permission)):
                raise PermissionDenied
            return cast(Answer, view(request, *args, **kwargs))

        return cast(View, guarded)

    return decorate


def _to_login(request: HttpRequest) -> Answer:
    """Ask who it is; a fragment's request moves the whole page, which a redirect would not."""
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(reverse(LOGIN))
    return redirect_to_login(request.get_full_path(), LOGIN)
