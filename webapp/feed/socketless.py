"""The visitor's connection by requests: for pages that are going away, and where no websocket opens.

What is said is the same as on the socket: GET is answered with the greeting, POST takes one batch and is answered with
all that the socket would say to it, a message on each line. What other tabs do is not heard of until then.
"""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from webapp import wiring
from webapp.feed.consumers import TRY_AGAIN_LATER, UNREADABLE, Connection
from webapp.messages import Message
from webapp.tracking import wire
from webapp.tracking.consent import visit_from

_REFUSALS: Final = {
    UNREADABLE: (400, "expected a batch of events"),
    TRY_AGAIN_LATER: (503, "the log can't be reached: keep the events"),
}


@csrf_exempt  # Authority comes from the signed tokens in the body; beacons can carry no header.
@require_http_methods(["GET", "POST"])
@cache_control(private=True, no_store=True)
async def collect(request: HttpRequest) -> HttpResponse:
    """Greet, or take one batch; what the socket would be closed for is HTTP's refusal."""
    if int(request.headers.get("Content-Length") or 0) > wire.MAX_MESSAGE_BYTES:
        return HttpResponse(f"expected at most {wire.MAX_MESSAGE_BYTES} bytes", status=413, content_type="text/plain")
    said = _Said()
    connection = Connection(visit_from(request.COOKIES, wiring.clock().now_ms()), said)
    if request.method == "GET":
        await connection.greet()
    else:
        await connection.serve_one(request.body)
    if said.closed in _REFUSALS:
        status, text = _REFUSALS[said.closed]
        return HttpResponse(text, status=status, content_type="text/plain")
    return HttpResponse("\n".join(said.lines), content_type="application/x-ndjson")


class _Said:
    """Takes what a `Connection` sends: its messages, and the code that it closed with, 0 while it has not."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.closed = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            self.lines.append(message["text"])
        elif message["type"] == "websocket.close":
            self.closed = message["code"]
