"""What is not there: for staff in the frame of their pages, with the reason; for everybody else as the site says it."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views import defaults

from webapp.analytics.permissions import pages_for


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request for something that does not exist."""
    at_the_desk = request.path.startswith(reverse("analytics:home")) and pages_for(request.user)
    return defaults.page_not_found(request, exception, "analytics/404.html" if at_the_desk else "404.html")
