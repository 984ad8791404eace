"""Where a run of simulated visitors leaves word of itself, and is told to stop: Redis, which all processes share."""

from typing import Any, Final, Literal

import msgspec
import redis

RUN_KEY: Final = "freshet:visitors:run"
LAST_KEY: Final = "freshet:visitors:last"
STOP_KEY: Final = "freshet:visitors:stop"

#: A run that has not left word for so long is over, whatever became of it; it may take longer to begin.
SILENT_MS: Final = 10_000
BEGINS_WITHIN_MS: Final = 60_000
_LAST_KEPT_S: Final = 86_400

State = Literal["starting", "running", "ended", "stopped", "failed"]


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run, as of its last word.

    Attributes
    ----------
    id : str
    by : str
        Who asked for it.
    rate : float
        Events a second that were asked for.
    begins_ms, ends_ms : int
        Wall clock; it ends by itself.
    state : str
    visitors : int
        Who are there now.
    events, clicks, visits : int
        What they did so far.
    failure : str
        Why it failed.
    """

    id: str
    by: str
    rate: float
    begins_ms: int
    ends_ms: int
    state: State = "starting"
    visitors: int = 0
    events: int = 0
    clicks: int = 0
    visits: int = 0
    failure: str = ""


class Board:
    """Reads and leaves word. Every method raises `redis.RedisError` when Redis is away."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def claim(self, run: Run) -> bool:
        """Note that a run begins; False when another one is there."""
        return bool(self._client.set(RUN_KEY, msgspec.json.encode(run), nx=True, px=BEGINS_WITHIN_MS))

    def post(self, run: Run) -> None:
        """Leave word of the run that is there; one that is over gives its place free."""
        payload = msgspec.json.encode(run)
        if run.state in ("starting", "running"):
            self._client.set(RUN_KEY, payload, px=SILENT_MS)
            return
        self._client.delete(RUN_KEY)
        self._client.set(LAST_KEY, payload, ex=_LAST_KEPT_S)

    def current(self) -> Run | None:
        """Return the run that is there."""
        return _run(self._client.get(RUN_KEY))

    def last(self) -> Run | None:
        """Return the last run that is over."""
        return _run(self._client.get(LAST_KEY))

    def ask_to_stop(self, run_id: str) -> None:
        """Let the run end within a second or two."""
        self._client.set(STOP_KEY, run_id, px=BEGINS_WITHIN_MS)

    def is_asked_to_stop(self, run_id: str) -> bool:
        """Return whether the run should end."""
        asked: Any = self._client.get(STOP_KEY)
        return bool(asked == run_id.encode())


def _run(payload: Any) -> Run | None:
    return None if payload is None else msgspec.json.decode(payload, type=Run)
