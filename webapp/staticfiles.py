"""Static files by whitenoise, without its detour through a thread: they are small and in memory or the page cache."""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from whitenoise.middleware import WhiteNoiseMiddleware

SyncHandler = Callable[[HttpRequest], HttpResponseBase]
AsyncHandler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def static_files(get_response: SyncHandler | AsyncHandler) -> SyncHandler | AsyncHandler:
    """Answer requests for static files; hand the others on."""
    files = WhiteNoiseMiddleware(get_response)
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return _static_file(files, request) or await get_response(request)

        return answer_async

    handler = cast(SyncHandler, get_response)

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _static_file(files, request) or handler(request)

    return answer


def _static_file(files: WhiteNoiseMiddleware, request: HttpRequest) -> HttpResponse | None:
    path = request.path_info
    found = files.find_file(path) if files.autorefresh else files.files.get(path)
    if found is None:
        return None
    answer = found.get_response(request.method, request.META)
    response = HttpResponse(b"".join(answer.file or ()), status=int(answer.status))
    del response["Content-Type"]
    for name, value in answer.headers:
        response[name] = value
    if answer.file is not None:
        answer.file.close()
    return response
