"""Runs that one process makes and all processes show, one at a time: they leave word of how far they are in Redis.

A run has its place as long as it goes on leaving word. When its process has ended, or is silent for too long, it counts
as broken off, and another one may take the place.
"""

from typing import Any, Final, Generic, Literal, TypeVar

import msgspec
import redis

from recsys.errors import FreshetError

#: A run that has left no word for so long has broken off; it may take longer to begin.
SILENT_MS: Final = 10_000
BEGINS_WITHIN_MS: Final = 60_000
_WORD_KEPT_S: Final = 86_400

State = Literal["starting", "running", "ended", "stopped", "failed", "broken off"]


class PlaceTaken(FreshetError):
    """Another run has begun since this one was last heard of."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run, as of its last word; each kind of run adds what there is to say of it.

    Attributes
    ----------
    id : str
    by : str
        Who asked for it.
    state : str
    """

    id: str
    by: str
    state: State = "starting"

    @property
    def goes_on(self) -> bool:
        """Whether it is not over."""
        return self.state in ("starting", "running")


AnyRun = TypeVar("AnyRun", bound=Run)


class Board(Generic[AnyRun]):
    """Where the runs of one kind leave word. Every method raises `redis.RedisError` when Redis is away.

    Parameters
    ----------
    client : redis.Redis
    name : str
        Names the keys: ``freshet:<name>:place`` holds the id of the run that goes on, ``:word`` the last word of the
        newest run for a day, ``:stop`` the id of the one that should end.
    kind : type of Run
    """

    def __init__(self, client: redis.Redis, name: str, kind: type[AnyRun]) -> None:
        self._client = client
        self._place, self._word, self._stop = (f"freshet:{name}:{part}" for part in ("place", "word", "stop"))
        self._kind = kind

    def claim(self, run: AnyRun) -> bool:
        """Take the place for a run that begins; False when another one has it."""
        if not self._client.set(self._place, run.id, nx=True, px=BEGINS_WITHIN_MS):
            return False
        self._leave(run)
        return True

    def post(self, run: AnyRun) -> None:
        """Leave word of a run, and go on holding its place; one that is over gives it free.

        Raises
        ------
        PlaceTaken
            When it was silent for so long that another one has begun.
        """
        holder, newest = self._read()
        if run.id != (holder or (newest.id if newest else run.id)):
            raise PlaceTaken("another run has begun meanwhile")
        self._leave(run)
        if run.goes_on:
            self._client.set(self._place, run.id, px=SILENT_MS)
        else:
            self._client.delete(self._place)

    def latest(self) -> AnyRun | None:
        """Return the run that goes on, else the last one of the last day; one that fell silent is broken off."""
        holder, newest = self._read()
        if newest is not None and newest.goes_on and holder != newest.id:
            return msgspec.structs.replace(newest, state="broken off")
        return newest

    def ask_to_stop(self, run_id: str) -> None:
        """Let a run end when it next looks."""
        self._client.set(self._stop, run_id, px=BEGINS_WITHIN_MS)

    def is_asked_to_stop(self, run_id: str) -> bool:
        """Return whether a run should end."""
        asked: Any = self._client.get(self._stop)
        return bool(asked == run_id.encode())

    def _read(self) -> tuple[str, AnyRun | None]:
        """Return the id of the run that has the place, empty for none, and the newest run."""
        found: Any = self._client.mget(self._place, self._word)
        holder, word = found
        newest = None if word is None else msgspec.json.decode(word, type=self._kind)
        return (holder or b"").decode(), newest

    def _leave(self, run: AnyRun) -> None:
        self._client.set(self._word, msgspec.json.encode(run), ex=_WORD_KEPT_S)
