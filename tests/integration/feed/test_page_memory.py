"""What a page leaves behind in the process that served it."""

import asyncio
import gc
import urllib.request

from django.http import HttpResponse

from tests.patience import until


async def test_answered_page_is_gone_without_the_garbage_collector(address: str) -> None:
    await asyncio.to_thread(fetch, address)
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            assert b"For you" in await asyncio.to_thread(fetch, address)
        await until(lambda: responses() == 0)
    finally:
        gc.enable()


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read()


def responses() -> int:
    return sum(isinstance(each, HttpResponse) for each in gc.get_objects())
