"""Under which names the site answers."""

from typing import Final

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware

#: What load balancers and scrapers ask each process for, by its address or its name among the machines.
ASKED_BY_ADDRESS: Final = ("/healthz", "/readyz", "/metrics")


class NamedHosts(CommonMiddleware):
    """Refuses requests under names that are not the site's (`FRESHET_ALLOWED_HOSTS`), but for `ASKED_BY_ADDRESS`."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        """Check the name; these pages have no links, in which a false one could do harm."""
        return None if request.path_info in ASKED_BY_ADDRESS else super().process_request(request)
