"""What visitors do without scripts, or past them: the server writes down what the tracker would have told."""

import structlog

from recsys.errors import RefusedEvent
from recsys.events import Click, Dismissal, DismissalUndone, ItemEvent
from recsys.sessions import Session
from webapp import metrics, wiring
from webapp.feed.own_log import own_log
from webapp.feed.presence import presence
from webapp.feed.siblings import siblings
from webapp.tracking import services
from webapp.tracking.consent import Visit
from webapp.tracking.edge import edge
from webapp.tracking.validation import SLATELESS

_logger = structlog.get_logger(__name__)


async def click(visit: Visit, item: str, slate: str) -> None:
    """Log that an item was opened from a slate. Raises as `_record` does."""
    await _record(visit, Click, item, slate)


async def dismiss(visit: Visit, item: str, slate: str) -> None:
    """Log "not for me"; without a slate it was said on the item's own page. Raises as `_record` does."""
    await _record(visit, Dismissal, item, slate)


async def undo(visit: Visit, item: str) -> None:
    """Log that a dismissal was taken back. Raises as `_record` does."""
    await _record(visit, DismissalUndone, item, "")


async def _record(visit: Visit, kind: type[ItemEvent], item: str, slate: str) -> None:
    """Append one event and let the session learn from it.

    Raises
    ------
    RefusedEvent
        When the slate did not show that item to this session, or there is no such item.
    LogUnavailable
        When the log can't be reached; then nothing was done.
    """
    with edge().taking(1) as outcomes:
        event, outcome = await _append(visit, kind, item, slate)
        outcomes["returned" if outcome == "full" else outcome] = 1
    metrics.EVENTS.labels(outcome).inc()
    if outcome == "full":
        _logger.warning("event_not_logged", kind=event.tag(), reason="the log is at its bound")
    presence().observe(visit, [event])
    siblings().tell(visit.session)


async def _append(visit: Visit, kind: type[ItemEvent], item: str, slate: str) -> tuple[ItemEvent, str]:
    session = await presence().session(visit)
    position = await _position(session, kind, item, slate)
    event = kind(
        event_time_ms=wiring.clock().now_ms(),
        session=visit.session,
        simulated=visit.simulated,
        item=item,
        slate=slate,
        position=position,
    )
    if not visit.logged:
        return event, "unlogged"
    await own_log().catch_up()
    (receipt,) = await wiring.async_event_log().append([event])
    return event, receipt.outcome


async def _position(session: Session, kind: type[ItemEvent], item: str, slate: str) -> int:
    row = wiring.replica().world.rows.get(item)
    if row is None:
        raise await _refused("unknown_item", f"item {item!r} is not in the catalogue")
    if not slate and kind.tag() in SLATELESS:
        return 0
    shown = session.shown.get(slate)
    position = None if shown is None else shown.position_of(row, 0)
    if position is None:
        raise await _refused("not_shown", f"slate {slate!r} did not show item {item!r} to this session")
    return position


async def _refused(reason: str, detail: str) -> RefusedEvent:
    await services.intake().ledger.record({reason: 1})
    return RefusedEvent(reason, detail)
