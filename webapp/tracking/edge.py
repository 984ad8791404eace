"""What browsers sent to this process and what became of it, counted where it comes in.

Each process counts for itself, in one step of its event loop, so that its account balances at every moment:
received = accepted + duplicate + refused + unlogged + returned + pending. Once a second it shows the account, and what
the log has no record of (duplicates, refusals), to staff.
"""

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import redis
import redis.asyncio
import structlog

from recsys.clock import Clock
from recsys.errors import RefusedEvent
from webapp import wiring
from webapp.background import while_serving
from webapp.replication import GONE_AFTER_MS, process_name

SHOWN_EVERY_S: Final = 1.0

#: A hash of accounts by process; it goes when no process has shown itself for a while.
ACCOUNTS_KEY: Final = "freshet:edge"
#: A stream of notes, the newest `NOTES` of all processes.
NOTES_KEY: Final = "freshet:edge:notes"
NOTES: Final = 1_000
#: Kinds of notes that a process keeps apart between two shows; what comes beyond is counted together.
_APART: Final = 50

#: What can become of an event, with what it means.
OUTCOMES: Final = {
    "accepted": "in the log, acknowledged",
    "duplicate": "in the log already; acknowledged again",
    "refused": "never in the log, with a reason",
    "unlogged": "from visitors who let nothing be kept; adapts in memory",
    "returned": "not acknowledged (log full or away, or sent too fast): a browser with scripts sends it again",
}

_logger = structlog.get_logger(__name__)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One process's account at one moment.

    Attributes
    ----------
    name : str
        The process, as `webapp.replication.Heartbeat` has it.
    began_ms, at_ms : int
        Since when it counts, and until when.
    received : int
        Events that browsers sent; a message that nobody can read counts as one.
    pending : int
        Of these, what waits for the log.
    became : dict of outcome to int
        One of `OUTCOMES` each.
    """

    name: str
    began_ms: int
    at_ms: int
    received: int
    pending: int
    became: dict[str, int]

    @property
    def missing(self) -> int:
        """What was received and is nowhere: 0, or there is a bug."""
        return self.received - self.pending - sum(self.became.values())


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one session that did not enter the log, for one reason, within one second. Empty session: several."""

    at_ms: int
    outcome: str
    reason: str
    session: str
    count: int
    simulated: bool = False


class Edge:
    """One process's account. For its event loop only.

    Attributes
    ----------
    received, pending, became
        As in `Account`.
    """

    def __init__(self, clock: Clock) -> None:
        self.received = 0
        self.pending = 0
        self.became: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self._clock = clock
        self._began_ms = clock.now_ms()
        self._notes: Counter[tuple[str, str, str, bool]] = Counter()

    @contextlib.contextmanager
    def taking(self, received: int) -> Iterator["Counter[str]"]:
        """Take so many events in; the caller counts in what is yielded what became of each, by outcome.

        If the block refuses, all of it counts as refused; if it fails otherwise nothing was acknowledged, and all of
        it counts as returned.
        """
        self.received += received
        self.pending += received
        outcomes: Counter[str] = Counter()
        try:
            yield outcomes
        except BaseException as error:
            outcomes.clear()
            outcomes["refused" if isinstance(error, RefusedEvent) else "returned"] = received
            raise
        finally:
            self.pending -= received
            self.became.update(outcomes)

    def note(self, outcome: str, reason: str, session: str, count: int, *, simulated: bool = False) -> None:
        """Remember for staff what the log has no record of."""
        if count:
            known = (outcome, reason, session, simulated) in self._notes or len(self._notes) < _APART
            self._notes[outcome, reason, session if known else "", simulated] += count

    def account(self) -> Account:
        """Return the account as it is now."""
        return Account(
            name=process_name(),
            began_ms=self._began_ms,
            at_ms=self._clock.now_ms(),
            received=self.received,
            pending=self.pending,
            became=dict(self.became),
        )

    def noted(self) -> list[Note]:
        """Return the notes since the last call."""
        notes, self._notes = self._notes, Counter()
        now_ms = self._clock.now_ms()
        return [
            Note(at_ms=now_ms, outcome=outcome, reason=reason, session=session, count=count, simulated=simulated)
            for (outcome, reason, session, simulated), count in notes.items()
        ]


@functools.cache
def edge() -> Edge:
    """Return this process's account."""
    return Edge(wiring.clock())


async def show(client: "redis.asyncio.Redis", counted: Edge) -> None:
    """Publish the account and the notes."""
    account = counted.account()
    pipeline = client.pipeline(transaction=False)
    pipeline.hset(ACCOUNTS_KEY, account.name, msgspec.json.encode(account))
    pipeline.pexpire(ACCOUNTS_KEY, GONE_AFTER_MS)
    for note in counted.noted():
        pipeline.xadd(NOTES_KEY, {"note": msgspec.json.encode(note)}, maxlen=NOTES, approximate=True)
    await pipeline.execute()


@while_serving
async def show_edge() -> None:
    """Show the account from time to time, as long as this process serves."""
    while True:
        try:
            await show(wiring.async_redis(), edge())
        except redis.RedisError as error:
            _logger.debug("account_not_shown", error=str(error))
        await asyncio.sleep(SHOWN_EVERY_S)


def accounts(client: redis.Redis, now_ms: int) -> list[Account]:
    """Return the accounts of the processes that showed themselves lately, by name; those that are gone are dropped."""
    stored: Any = client.hgetall(ACCOUNTS_KEY)
    found = [msgspec.json.decode(payload, type=Account) for payload in stored.values()]
    gone = [account.name for account in found if now_ms - account.at_ms > GONE_AFTER_MS]
    if gone:
        client.hdel(ACCOUNTS_KEY, *gone)
    return sorted((account for account in found if account.name not in gone), key=lambda account: account.name)


def notes_after(client: redis.Redis, after: str, limit: int) -> list[tuple[str, Note]]:
    """Return up to `limit` notes after the id `after`, each with its id: milliseconds first, as offsets have it."""
    found: Any = client.xrange(NOTES_KEY, min=f"({after}", count=limit)
    return [(name.decode(), msgspec.json.decode(fields[b"note"], type=Note)) for name, fields in found]
