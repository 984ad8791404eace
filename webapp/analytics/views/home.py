"""Where ``/staff/`` leads."""

from typing import cast

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from webapp.analytics.permissions import LOGIN, pages_for


@require_safe
@never_cache
@login_required(login_url=LOGIN)
def home(request: HttpRequest) -> HttpResponse:
    """Lead to the first page that this user may see."""
    pages = pages_for(cast(User, request.user))
    if not pages:
        raise PermissionDenied
    return redirect(pages[0].url)
