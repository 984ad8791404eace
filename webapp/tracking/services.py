"""Accepting what browsers send: validate, append, say what became of each event."""

import asyncio
import dataclasses
import functools
from collections import Counter
from collections.abc import Container, Iterable, Sequence

import structlog
from django.conf import settings

from recsys.clock import Clock
from recsys.errors import InvalidEvent, LogUnavailable
from recsys.events import ItemEvent
from recsys.log.base import AsyncLog
from webapp import metrics, wiring
from webapp.tracking.edge import Edge, edge
from webapp.tracking.rates import RateLimit
from webapp.tracking.redriving import drop_letters_of
from webapp.tracking.refusals import Ledger, Letter
from webapp.tracking.tokens import Consent, SessionToken
from webapp.tracking.validation import Validated, validate
from webapp.tracking.wire import Batch, decode_batch

_logger = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a batch.

    Attributes
    ----------
    session : SessionToken or None
        Whose batch it was; None when its token was not to be believed.
    outcomes : dict of sequence number to outcome
        For the acknowledgement (`wire.Ack`).
    events : list of ItemEvent
        Those that were accepted or stay unlogged, in the order sent: what the session's own belief learns from.
    repeated : list of ItemEvent
        Those that the log had already: sent again, because their acknowledgement did not arrive.
    """

    session: SessionToken | None
    outcomes: dict[int, str]
    events: list[ItemEvent]
    repeated: list[ItemEvent]


@dataclasses.dataclass(frozen=True, slots=True)
class Intake:
    """Everything that accepting depends on.

    Attributes
    ----------
    log : AsyncLog
    clock : Clock
        Receive time.
    items : container of str
        Ids of the catalogue's items (the replica's ``world.rows``).
    ledger : Ledger
        Where refusals are counted.
    rate : RateLimit
    edge : Edge
        Where everything is counted, whatever becomes of it.
    """

    log: AsyncLog
    clock: Clock
    items: Container[str]
    ledger: Ledger
    rate: RateLimit
    edge: Edge

    async def decode(self, payload: bytes | str, consent: Consent) -> Batch | None:
        """Read a message; None, counted and (unless `consent` is `off`) kept aside, when it is none."""
        try:
            return decode_batch(payload)
        except InvalidEvent:
            raw = payload.encode(errors="replace") if isinstance(payload, str) else payload
            with self.edge.taking(1) as outcomes:
                outcomes["refused"] = 1
            self.edge.note("refused", "undecodable", "", 1)
            await self.ledger.record({"undecodable": 1}, [] if consent == "off" else [Letter(raw, "undecodable")])
            return None

    async def accept(self, batch: Batch, consent: Consent) -> Accepted:
        """Validate a batch, append what may be kept, and say what became of each event.

        `consent` is the visitor's choice by now (`consent.visit_from`): whatever a page was served under, nothing is
        logged after a visitor said `off`.

        Raises
        ------
        LogUnavailable
            When the log can't be reached: acknowledge nothing, the browser keeps its events.
        """
        now_ms = self.clock.now_ms()
        with self.edge.taking(len(batch.events)) as outcomes:
            checked = validate(batch, now_ms, self.items)
            accepted = await self._kept(checked, consent, now_ms, outcomes)
        self._note(checked, outcomes)
        if checked.reasons:
            off = checked.session is None or "off" in (consent, checked.session.consent)
            await self.ledger.record(checked.reasons, [] if off else checked.letters, batch.context)
        return accepted

    async def _kept(self, checked: Validated, consent: Consent, now_ms: int, became: "Counter[str]") -> Accepted:
        became["refused"] = checked.reasons.total()
        outcomes = {seq: f"refused:{reason}" for seq, reason in checked.refused.items()}
        session = checked.session
        if session is None:
            return Accepted(None, outcomes, [], [])
        granted = self.rate.take(session.session, len(checked.events), now_ms)
        events, deferred = checked.events[:granted], checked.events[granted:]
        if "off" in (consent, session.consent):
            receipts = ["unlogged"] * len(events)
        else:
            receipts = [receipt.outcome for receipt in await self.log.append(events)] if events else []
        outcomes.update({event.seq: outcome for event, outcome in zip(events, receipts, strict=True)})
        outcomes.update({event.seq: "full" for event in deferred})
        _count(receipts, deferred)
        became.update("returned" if receipt == "full" else receipt for receipt in receipts)
        became["returned"] += len(deferred)
        kept = [event for event, outcome in zip(events, receipts, strict=True) if outcome in ("accepted", "unlogged")]
        repeated = [event for event, outcome in zip(events, receipts, strict=True) if outcome == "duplicate"]
        return Accepted(session, outcomes, kept, repeated)

    def _note(self, checked: Validated, became: "Counter[str]") -> None:
        session = checked.session.session if checked.session is not None else ""
        simulated = checked.session is not None and checked.session.simulated
        for reason, count in checked.reasons.items():
            self.edge.note("refused", reason, session, count, simulated=simulated)
        for outcome in ("duplicate", "returned"):
            self.edge.note(outcome, "", session, became[outcome], simulated=simulated)


def _count(outcomes: Iterable[str], deferred: Sequence[ItemEvent]) -> None:
    for outcome, count in Counter(outcomes).items():
        metrics.EVENTS.labels(outcome).inc(count)
    if deferred:
        metrics.EVENTS.labels("rate_limited").inc(len(deferred))


class KnownItems:
    """Ids of the items that this process's replica knows, whichever world it holds by then."""

    def __contains__(self, item: object) -> bool:
        return item in wiring.replica().world.rows


@functools.cache
def _rate() -> RateLimit:
    return RateLimit(settings.FRESHET_SESSION_EVENTS_PER_S, settings.FRESHET_SESSION_EVENTS_BURST)


def intake() -> Intake:
    """Return the intake of this process, with the adapters that `webapp.wiring` chose."""
    log = wiring.async_event_log()
    return Intake(log, wiring.clock(), KnownItems(), Ledger(wiring.async_redis(), log), _rate(), edge())


async def forget(session: str) -> None:
    """Drop a session's own list and its dead letters, as far as the log can be reached; the list ends by itself."""
    try:
        await wiring.async_event_log().forget_session(session)
        await asyncio.to_thread(drop_letters_of, session, wiring.event_log())
    except LogUnavailable as error:
        _logger.warning("session_not_forgotten", error=str(error))
