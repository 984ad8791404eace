"""Whether the running site is well: asked by the demo until it is."""

import time
import urllib.error
import urllib.request
from typing import Final

import redis

from webapp.training.status import StatusBoard

_TIMEOUT_S: Final = 5.0


class Health:
    """Whether visitors would be served well, and what they do would be learned from.

    Parameters
    ----------
    site : str
        URL of the site, without a slash at its end.
    redis_url : str
    has_items : bool
        Whether it opens with any: without, ``/readyz`` goes on saying so until somebody adds one, and being there is
        enough.
    """

    def __init__(self, site: str, redis_url: str, *, has_items: bool) -> None:
        self._site = site
        self._asked = "/readyz" if has_items else "/healthz"
        self._board = StatusBoard(redis.Redis.from_url(redis_url, socket_timeout=_TIMEOUT_S))
        self._since_ms = time.time_ns() // 1_000_000

    def missing(self) -> str | None:
        """Return what is not well yet, None when everything is."""
        return self._web_missing() or self._learning_missing()

    def _web_missing(self) -> str | None:
        try:
            with urllib.request.urlopen(f"{self._site}{self._asked}", timeout=_TIMEOUT_S):
                return None
        except urllib.error.HTTPError as error:
            return f"{self._asked} says: {' '.join(error.read(500).decode(errors='replace').split())}"
        except OSError as error:
            return f"the web process does not answer ({error})"

    def _learning_missing(self) -> str | None:
        try:
            status = self._board.read()
            if self._board.beat_ms() < self._since_ms:
                return "beat has not started"
        except redis.RedisError as error:
            return f"Redis does not answer ({error})"
        return None if status is not None and status.ran_ms >= self._since_ms else "the worker has not folded yet"
