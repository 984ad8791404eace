"""What the ASGI server runs: pages, the visitor's websocket, and the work beside them."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import CookieMiddleware

from webapp.checks import refuse_to_start_on_errors
from webapp.lifespan import Lifespan
from webapp.pages import page_handler


def _application() -> ProtocolTypeRouter:
    http = page_handler()
    refuse_to_start_on_errors()
    # Consumers import models: only now that the apps are loaded.
    from webapp.feed.routing import websocket_urlpatterns

    return ProtocolTypeRouter(
        {
            "http": http,
            "websocket": AllowedHostsOriginValidator(CookieMiddleware(URLRouter(websocket_urlpatterns))),
            "lifespan": Lifespan(),
        }
    )


application = _application()
